"""Ten broken packages in one environment: each is named with its reason, and harms nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gantool.cli.app import main
from gantool.version import VERSION

Plant = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]

HOOK = "from gantool import hookimpl\n@hookimpl\ndef {name}({argument}):\n    return {value}\n"
REASONS = {
    "broken-import": "ImportError: cannot import name 'Tensor' from 'gantool'",
    "exits": "loading it ends the program (SystemExit: no license)",
    "unknown-hook": "it implements the unknown hook 'gantool_componets'; known: gantool_components",
    "wrong-argument": "Argument(s) {'config'} are declared in the hookimpl but can not be found",
    "wrong-return": "gantool_components returned None, expected a list of component classes",
    "losses": f"its name is taken by the plugin of gantool {VERSION}",
    "missing-dependency": (
        "ModuleNotFoundError: No module named 'frobnication'; missing: scikit-frobnicate>=2"
    ),
    "prints": r"it prints while it is loaded: 'Thank you for choosing us!\n'",
    "too-new": f"it requires gantool<10,>=9, found gantool {VERSION}",
}
OFFERED_TWICE = "hinge"
LOADED = ("prints", "second-hinge", "healthy")
FAILED = sorted(REASONS.keys() - set(LOADED))


@pytest.fixture
def _ten(plant: Plant) -> None:
    """Plant ten packages with something wrong, and one without."""
    plant("broken-import", "from gantool import Tensor")
    plant("exits", "raise SystemExit('no license')")
    plant("unknown-hook", HOOK.format(name="gantool_componets", argument="", value="[]"))
    plant("wrong-argument", HOOK.format(name="gantool_components", argument="config", value="[]"))
    plant("wrong-return", HOOK.format(name="gantool_components", argument="", value="None"))
    plant("losses", package="gantool-other-losses")
    plant("second-hinge", offers=OFFERED_TWICE)
    missing = ("scikit-frobnicate>=2", "pluggy>=1", "absent; extra == 'more'")
    plant("missing-dependency", "import frobnication", requires=missing)
    site = plant("prints")
    module = site / "gantool_prints.py"
    module.write_text(f"print('Thank you for choosing us!')\n{module.read_text()}")
    plant("too-new", requires=("gantool>=9,<10",))
    plant("healthy")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command and gives its code, stdout and stderr."""

    def command(*arguments: str) -> tuple[int, str, str]:
        try:
            code: object = main(list(arguments))
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        return code, *capfd.readouterr()

    return command


@pytest.mark.usefixtures("_ten")
def test_each_is_listed_with_its_own_reason(run: Run) -> None:
    code, listing, _ = run("list-plugins")
    assert code == 0
    records = [line.split("\t") for line in listing.splitlines()]
    faults = {
        name: (package, version, components, reason)
        for name, package, version, components, reason in records
        if reason
    }
    assert faults.keys() == REASONS.keys()
    for name, (package, version, components, reason) in faults.items():
        assert package == ("gantool-other-losses" if name == "losses" else f"gantool-{name}")
        assert version == "0.3"
        assert components == ("loss/prints" if name == "prints" else "")
        assert reason.startswith(REASONS[name])
    assert ["healthy", "gantool-healthy", "0.3", "loss/healthy", ""] in records
    assert ["second-hinge", "gantool-second-hinge", "0.3", "loss/hinge", ""] in records


@pytest.mark.usefixtures("_ten")
def test_strict_listings_fail_with_their_names(run: Run) -> None:
    code, listing, told = run("list-plugins", "--strict", "--json")
    assert code == 2
    assert (
        told == f"error: something is wrong with plugins: {', '.join([*_in_order(), 'losses'])}\n"
    )
    data = {plugin["name"]: plugin for plugin in json.loads(listing) if plugin["version"] == "0.3"}
    assert data["prints"]["failure"] is None
    assert data["prints"]["remark"] == REASONS["prints"]
    assert {name for name in data if data[name]["failure"]} == set(FAILED)


def _in_order() -> list[str]:
    return sorted(REASONS.keys() - {"losses"})


@pytest.mark.usefixtures("_ten")
@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "list-components",
        "list-components loss --json",
        "list-recipes",
        "describe loss/healthy",
        "describe loss/bce --json",
        "show quickstart",
        "validate quickstart base l2 spectral --json",
        "environment",
    ],
)
def test_healthy_commands_work(run: Run, command: str) -> None:
    code, shown, told = run(*command.split())
    assert code == 0
    assert "Thank you" not in shown
    assert "error" not in told
    if "--json" in command:
        json.loads(shown)


def _recipe(folder: Path, use: str, first: str = "") -> str:
    path = folder / "mine.toml"
    path.write_text(f'{first}extends = "quickstart"\n[loss]\nuse = "{use}"\n')
    return str(path)


@pytest.mark.usefixtures("_ten")
@pytest.mark.parametrize("use", ["healthy", "healthy:healthy", "prints", "losses:hinge", "bce"])
def test_recipes_of_healthy_components_are_valid(run: Run, tmp_path: Path, use: str) -> None:
    assert run("validate", _recipe(tmp_path, use))[0] == 0


@pytest.mark.usefixtures("_ten")
@pytest.mark.parametrize("plugin", [name for name in FAILED if name != "losses"])
def test_a_recipe_that_needs_a_broken_plugin_fails_with_its_reason(
    run: Run, tmp_path: Path, plugin: str
) -> None:
    reason = f"plugin '{plugin}' could not be loaded: {REASONS[plugin]}"
    for use in (plugin, f"{plugin}:sparkle"):
        code, _, told = run("validate", _recipe(tmp_path, use))
        assert code == 2
        assert f"error: unknown loss '{use}'\n" in told
        assert f"^ {reason}" in told
    required = f'requires = ["Gantool_{plugin}>=0.1"]\n'
    code, _, told = run("validate", _recipe(tmp_path, "bce", required))
    assert code == 2
    assert f"error: this recipe requires Gantool_{plugin}>=0.1\n" in told
    assert f"^ {reason}" in told


@pytest.mark.usefixtures("_ten")
def test_an_unknown_component_may_be_one_of_a_broken_plugin(run: Run, tmp_path: Path) -> None:
    code, _, told = run("validate", _recipe(tmp_path, "sparkle"))
    assert code == 2
    assert "^ installed: bce, healthy, hinge, least-squares, prints, " in told
    assert "; or it is of a plugin that could not be loaded ('broken-import', 'exits', " in told
    assert told.split("'); ")[1].startswith("gantool list-plugins says why\n")


def test_the_reasons_of_one_or_two_broken_plugins_are_told(
    run: Run, tmp_path: Path, plant: Plant
) -> None:
    for plugin in ("first-kit", "second-kit"):
        plant(plugin, f"raise OSError('{plugin} is off')")
    _, _, told = run("validate", _recipe(tmp_path, "hinges"))
    reasons = [
        f"plugin '{n}-kit' could not be loaded: OSError: {n}-kit is off"
        for n in ("first", "second")
    ]
    assert f"^ did you mean 'hinge'?; {'; '.join(reasons)}\n" in told


@pytest.mark.usefixtures("_ten")
def test_a_name_offered_twice_fails_only_when_used_and_says_the_way_out(
    run: Run, tmp_path: Path
) -> None:
    code, _, told = run("validate", _recipe(tmp_path, OFFERED_TWICE))
    assert code == 2
    assert "error: loss 'hinge' is offered by several plugins\n" in told
    assert "^ write 'losses:hinge' or 'second-hinge:hinge'" in told
    for full_name in ("losses:hinge", "second-hinge:hinge"):
        assert run("validate", _recipe(tmp_path, full_name))[0] == 0


@pytest.mark.usefixtures("_ten")
def test_disabled_plugins_are_not_even_imported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantool.registry.catalog import installed

    monkeypatch.setenv("GANTOOL_DISABLE_PLUGINS", f"{', '.join(REASONS)},second-hinge")
    installed.cache_clear()
    code, listing, _ = run("list-plugins", "--strict")
    assert code == 0
    third_parties = [line.split("\t")[0] for line in listing.splitlines() if "\t0.3\t" in line]
    assert third_parties == ["healthy"]
    assert run("describe", "loss/hinge")[0] == 2  # the plugin of that name is disabled too


CLAIMS = {
    "typed": (
        "Regularizer",
        'player: Player = \'generator\'\n    """Whose."""',
        "component class Wrong: the type of option 'player', Player, is not there when a recipe is "
        "read; import it for real, not under TYPE_CHECKING",
    ),
    "undirected": (
        "Metric",
        "def compute(self, evidence): return {}",
        "component class Wrong says direction = None; one of 'lower', 'higher', 'none'",
    ),
    "misdirected": (
        "Metric",
        "direction = 'down'\n    def compute(self, evidence): return {}",
        "component class Wrong says direction = 'down'; one of 'lower', 'higher', 'none'",
    ),
    "strong": (
        "Regularizer",
        'strength = \'gama\'\n    gamma: float = 1.0\n    """Weight."""',
        "component class Wrong says strength = 'gama', which is no option of it; options: gamma",
    ),
}
CLAIMING = """
from __future__ import annotations

from typing import TYPE_CHECKING

from gantool import Metric, Regularizer, hookimpl

if TYPE_CHECKING:
    from gantool import Player


class Wrong({base}):
    \"\"\"Says what cannot be.\"\"\"

    name = "wrong"
    {body}


@hookimpl
def gantool_components():
    return [Wrong]
"""


@pytest.mark.parametrize("case", CLAIMS)
def test_classes_that_say_what_cannot_be_are_refused_when_loaded(
    run: Run, plant: Plant, case: str
) -> None:
    base, body, reason = CLAIMS[case]
    plant(case, CLAIMING.format(base=base, body=body))
    code, listing, _ = run("list-plugins", "--strict")
    assert code == 2
    assert f"{case}\tgantool-{case}\t0.3\t\t{reason}" in listing.splitlines()
    for command in ("describe", "schema", "list-components"):
        arguments = ("regularizer/r1",) if command == "describe" else ()
        assert run(command, *arguments)[0] == 0


def test_a_type_that_the_module_defines_further_below_is_known(run: Run, plant: Plant) -> None:
    body = 'mood: Mood = \'dark\'\n    """Which."""'
    source = CLAIMING.format(base="Regularizer", body=body)
    plant("late", f"{source}\n\nfrom typing import Literal\n\nMood = Literal['dark', 'light']\n")
    assert run("list-plugins", "--strict")[0] == 0
    assert "Mood" not in run("describe", "regularizer/wrong")[1]


WAITING = """
import threading
for thread in threading.enumerate():
    if isinstance(thread, threading.Timer):
        thread.join(60)
"""


def test_a_plugin_that_takes_long_to_import_is_named(
    run: Run, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until it has been named: with nobody to name it, until the test is given up."""
    monkeypatch.setattr("gantool.registry.plugin.SLOW_SECONDS", 0.2)
    site = plant("tarrying")
    module = site / "gantool_tarrying.py"
    module.write_text(WAITING + module.read_text())
    code, listing, told = run("list-plugins")
    assert code == 0
    assert "tarrying" in listing
    assert "gantool: plugin 'tarrying' is still being imported after " in told
    assert "GANTOOL_DISABLE_PLUGINS=tarrying" in told


def test_a_plugin_that_changes_the_working_folder_scatters_nothing(
    run: Run, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    site = plant("moving")
    module = site / "gantool_moving.py"
    module.write_text("import os\nos.chdir('/')\n" + module.read_text())
    assert "loss/moving" in run("list-plugins")[1]
    assert Path.cwd() == tmp_path
