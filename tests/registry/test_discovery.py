from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gantool
from gantool.registry.loading import checked, discover, load
from gantool.registry.plugin import Package, Plugin, package_of

pytestmark = pytest.mark.quick

Plant = Callable[..., Path]


def found(name: str) -> Plugin:
    """Return the discovered plugin of a third party's package."""
    (plugin,) = [each for each in discover() if each.name == name and each.version != "0.1.0"]
    return plugin


def test_own_plugins_come_first_and_all_are_sorted(plant: Plant) -> None:
    plant("zebra")
    plant("aardvark")
    plugins = discover()
    own = [plugin.name for plugin in plugins if plugin.distribution == "gantool"]
    others = [plugin.name for plugin in plugins if plugin.distribution != "gantool"]
    assert own == sorted(own)
    assert own
    assert others[-2:] == ["aardvark", "zebra"]
    assert [plugin.name for plugin in plugins] == own + others
    assert all(plugin.failure is None for plugin in plugins)


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ("def f(:\n", "SyntaxError: invalid syntax (gantool_odd.py, line 1)"),
        ("class Own(BaseException): pass\nraise Own('mine')", "Own: mine"),
        ("raise RuntimeError", "RuntimeError"),
        (
            "class Mute(Exception):\n  def __str__(self): raise ValueError\nraise Mute",
            "Mute: (no message)",
        ),
        (
            "def gantool_components(): return []",
            "it offers nothing: no function gantool_components is marked with @gantool.hookimpl",
        ),
    ],
)
def test_modules_that_cannot_be_loaded(plant: Plant, source: str, failure: str) -> None:
    plant("odd", source)
    assert found("odd").failure == failure
    assert found("odd").components == ()


@pytest.mark.parametrize(
    ("value", "failure"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("'Sparkle'", "gantool_components returned 'Sparkle', expected a list of component"),
        ("Whole", "gantool_components returned <class 'gantool_odd.Whole'>, expected a list"),
        ("['Sparkle']", "gantool_components offers 'Sparkle', which is no component class"),
        ("[Whole()]", "gantool_components offers Whole(), which is no component class"),
        ("[dict]", "gantool_components offers <class 'dict'>, which is no component class"),
        ("[Component]", "component class Component is of none of the kinds dataset, architect"),
        ("[Nameless]", "component class Nameless needs a `name`; lower-case letters, digits"),
        ("[Shouting]", "component class Shouting needs a `name`; lower-case letters, digits"),
        ("[Half]", "component class Half does not implement discriminator, generator"),
        ("[Whole, Whole]", "it offers two components loss/whole"),
    ],
)
def test_offers_that_break_the_rules(plant: Plant, value: str, failure: str) -> None:
    source = f"""
from gantool import Component, Loss, hookimpl

class Half(Loss):
    name = "half"

class Whole(Half):
    name = "whole"
    def discriminator(self, real, fake): ...
    def generator(self, fake, real): ...

class Shouting(Whole):
    name = "LOUD"

class Nameless(Loss):
    def discriminator(self, real, fake): ...
    def generator(self, fake, real): ...

@hookimpl
def gantool_components():
    return {value}
"""
    plant("odd", source)
    assert str(found("odd").failure).startswith(failure)


def test_an_empty_offer_is_none_of_ours_to_judge(plant: Plant) -> None:
    hook = "from gantool import hookimpl\n@hookimpl\ndef gantool_components(): return ()\n"
    plant("odd", hook)
    assert found("odd").failure is None


@pytest.mark.parametrize("name", ["loss", "Odd", "1st", "od d"])
def test_plugin_names_that_recipes_could_not_say(plant: Plant, name: str) -> None:
    plant("odd", package="gantool-odd", entry_points=f"[gantool.plugins]\n{name} = gantool_odd\n")
    assert str(found(name).failure).startswith(f"a plugin cannot be called '{name}'")


def test_a_plugin_whose_name_is_taken_is_not_imported(plant: Plant) -> None:
    plant("aaa", package="gantool-first")
    plant("aaa", package="gantool-second")
    first, second = (plugin for plugin in discover() if plugin.name == "aaa")
    assert (first.distribution, second.distribution) == ("gantool-first", "gantool-second")
    assert first.failure is None
    assert second.failure == "its name is taken by the plugin of gantool-first 0.3"
    assert "gantool_second" not in sys.modules


def test_entry_points_that_no_parser_understands_hide_nothing(plant: Plant) -> None:
    plant("healthy")
    plant("garbled", entry_points="[gantool.plugins]\ngarbled\n")
    plant("stranger", package="stranger", entry_points="[console_scripts]\nstranger\n")
    plugins = {plugin.name: plugin for plugin in discover()}
    assert plugins["healthy"].failure is None
    assert "losses" in plugins
    garbled = plugins["garbled"]
    assert str(garbled.failure).startswith("its entry_points.txt cannot be read: ")
    assert (garbled.distribution, garbled.version) == ("gantool-garbled", "0.3")
    assert "stranger" not in plugins


@pytest.mark.parametrize("metadata", [None, "", "no: metadata\n", "Name\n\x00"])
def test_without_metadata_the_origin_is_unknown(plant: Plant, metadata: str | None) -> None:
    site = plant("odd")
    (path,) = site.glob("*.dist-info/METADATA")
    if metadata is None:
        path.unlink()
    else:
        path.write_text(metadata)
    plugin = found("odd")
    assert (plugin.distribution, plugin.version) == ("unknown", "unknown")
    assert plugin.failure is None


def plant_package(plant: Plant, interface: str, module: str) -> None:
    """Plant a package `gantool_odd` whose plugin is its module `plugin`."""
    site = plant("odd", entry_points="[gantool.plugins]\nodd = gantool_odd.plugin\n")
    package = site / "gantool_odd"
    package.mkdir()
    (site / "gantool_odd.py").rename(package / "whole.py")
    (package / "__init__.py").write_text(interface, encoding="utf-8")
    (package / "plugin.py").write_text(module, encoding="utf-8")


@pytest.mark.parametrize(
    ("stated", "failure"),
    [
        (
            "gantool_interface = 99",
            f"it is written for interface 99, gantool {gantool.__version__} has "
            f"{gantool.interface_version}; pip install --upgrade gantool",
        ),
        (
            "gantool_interface = 0",
            f"it is written for interface 0, gantool {gantool.__version__} supports none before 1; "
            "pip install --upgrade gantool-odd",
        ),
        ("gantool_interface = '1'", "its gantool_interface is '1'; expected a whole number"),
        ("gantool_interface = True", "its gantool_interface is True; expected a whole number"),
    ],
)
def test_a_plugin_for_another_interface_is_shown_and_not_run(
    plant: Plant, stated: str, failure: str
) -> None:
    plant_package(plant, stated, "from gantool import SomethingThatIsNotThere")
    plant("healthy")
    assert found("odd").failure == failure
    assert "gantool_odd.plugin" not in sys.modules
    assert found("healthy").failure is None


@pytest.mark.parametrize("stated", ["", f"gantool_interface = {gantool.interface_version}"])
def test_a_plugin_for_this_interface_is_loaded(plant: Plant, stated: str) -> None:
    plant_package(plant, stated, "from gantool_odd.whole import *")
    assert (found("odd").failure, found("odd").interface) == (None, 1)


def test_a_plugin_that_states_no_interface_is_written_for_the_first(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_package(plant, "", "from gantool_odd.whole import *")
    monkeypatch.setattr("gantool.registry.plugin.INTERFACE_VERSION", 3)
    monkeypatch.setattr("gantool.registry.plugin.OLDEST_INTERFACE", 2)
    assert "written for interface 1, gantool" in str(found("odd").failure)
    assert all(plugin.failure is None for plugin in discover() if plugin.is_own)


def test_an_interrupt_stops_the_program() -> None:
    class Entry:
        def load(self) -> ModuleType:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(Plugin("odd", "odd", "odd", "1"), _as_any(Entry()), Package())


def _as_any(value: object) -> Any:
    return value


@pytest.mark.parametrize(
    ("requires", "misfit"),
    [
        ("gantool", None),
        ("gantool>=0.1,<0.2", None),
        ("Gantool[kaggle] (>=0.1)", None),
        ("gantool>=0.2", "it requires gantool>=0.2, found gantool 0.1.0"),
        ("gantool<0.1", "it requires gantool<0.1, found gantool 0.1.0"),
        ("gantool>=9; extra == 'future'", None),
        ("gantool>=9; python_version < '3'", None),
        ("gantool-foo>=9", None),
        ("gantool.foo>=9", None),
        ("gantool >= nine", None),
    ],
)
def test_which_gantool_a_package_is_made_for(requires: str, misfit: str | None) -> None:
    assert Package("odd", "1", (requires,)).misfit() == misfit


def test_a_package_for_another_gantool_is_not_imported(plant: Plant) -> None:
    plant("odd", requires=("gantool>=9",))
    assert found("odd").failure == "it requires gantool>=9, found gantool 0.1.0"
    assert "gantool_odd" not in sys.modules


def test_what_is_missing() -> None:
    requires = ("pluggy>=1", "pluggy>=99", "nowhere", "nowhere-else; extra == 'x'", "??")
    assert Package("odd", "1", requires).missing() == ["pluggy>=99", "nowhere"]


def test_a_package_of_nothing() -> None:
    assert package_of(None) == Package("unknown", "unknown", ())


def test_a_component_class_is_returned_as_it_is() -> None:
    from gantool.registry.catalog import installed

    for offer in installed().offers:
        assert checked(offer.component) is offer.component
