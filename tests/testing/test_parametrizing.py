"""Three lines in a plugin's own tests, its exemptions, and what is said of mistakes in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from gantool import PluginError, UsageError
from gantool.registry.catalog import installed
from gantool.testing import Check, QuadraticGame, parametrize_with_checks, run_checks

SOURCE = '''
"""Losses and a penalty of a third party."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from gantool import Component, Loss, Regularizer, hookimpl


class Hopeless(Loss):
    """Loss whose generator gives up."""

    name = "hopeless"

    def discriminator(self, real, fake):
        return (1 - real).relu() + (1 + fake).relu()

    def generator(self, fake, real):
        return -fake.clamp(max=-1)


class Slope(Regularizer):
    """R1 on real images."""

    name = "slope"
    strength = "gamma"
    uses_image_gradient = True
    gamma: NonNegativeFloat = 2.0
    """Weight."""

    def discriminator_penalty(self, step):
        gradient = step.image_gradient(step.real, step.real_labels)
        return self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Hopeless, Slope]
'''
TESTS = """
from gantool.testing import parametrize_with_checks


@parametrize_with_checks(
    "stars",
    expected_failures={
        "stars:loss/hopeless::pushes_fakes_up": "it gives up, as its paper says",
        "stars:loss/hopeless::stays_finite": "not needed any more",
    },
)
def test_contract(check):
    check()
"""
UNDECIDED = "stars:loss/hopeless::pushes_fakes_up"
CLOSED = "stars:regularizer/slope::agrees_with_its_closed_form"


@pytest.fixture
def stars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a package with a plugin of two components, one of them unsound."""
    about = tmp_path / "gantool_stars-1.2.dist-info"
    about.mkdir()
    (tmp_path / "gantool_stars.py").write_text(SOURCE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gantool-stars\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text("[gantool.plugins]\nstars = gantool_stars\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()
    sys.modules.pop("gantool_stars", None)


def parameters(*plugins: str, **options: Any) -> dict[str, Any]:
    """Return the parameters of the test by their identifiers."""
    decorator = parametrize_with_checks(*plugins, **options)
    assert decorator.args[0] == "check"
    return {parameter.id: parameter for parameter in decorator.args[1]}


@pytest.mark.usefixtures("stars")
def test_every_promise_of_every_component_is_a_test() -> None:
    found = parameters("stars")
    assert {"stars::loads", UNDECIDED, "stars:regularizer/slope::resumes_exactly"} <= set(found)
    assert all(name.startswith("stars:") for name in found)
    assert CLOSED not in found  # nobody has given it
    checks = [parameter.values[0] for parameter in found.values()]
    assert [check.id for check in checks if isinstance(check, Check)] == list(found)


@pytest.mark.usefixtures("stars")
def test_without_names_every_installed_plugin_is_checked() -> None:
    plugins = {name.partition(":")[0] for name in parameters()}
    assert plugins == {plugin.name for plugin in installed().plugins}


@pytest.mark.usefixtures("stars")
def test_expected_failures_have_to_fail() -> None:
    found = parameters("stars", expected_failures={UNDECIDED: "it gives up"})
    (mark,) = found[UNDECIDED].marks
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "it gives up", "strict": True})
    assert not found["stars::loads"].marks


@pytest.mark.usefixtures("stars")
def test_what_a_component_says_of_itself_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = installed().find("loss", "hopeless").component
    monkeypatch.setattr(loss, "expected_failures", {"pushes_fakes_up": "its paper says so"})
    (mark,) = parameters("stars:hopeless")[UNDECIDED].marks
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "its paper says so", "strict": True})
    (result,) = run_checks(UNDECIDED)
    assert result.status == "expected"


@pytest.mark.usefixtures("stars")
def test_a_component_can_be_checked_alone() -> None:
    found = parameters("stars:hopeless")
    assert found
    assert all(name.startswith("stars:loss/hopeless::") for name in found)
    assert parameters("stars:loss/hopeless").keys() == found.keys()
    with pytest.raises(PluginError, match=r"no 'stars:hopeles' .*\ndid you mean 'stars:hopeless"):
        parameters("stars:hopeles")


def squares(game: QuadraticGame) -> Tensor:
    """Return the mean squared slope on real images."""
    return game.slopes(game.real).square().sum((1, 2, 3)).mean()


@pytest.mark.usefixtures("stars")
@pytest.mark.parametrize("name", ["slope", "stars:slope"])
def test_closed_form_adds_its_check(name: str) -> None:
    right = parameters("stars", closed_forms={name: lambda r1, game: r1.gamma / 2 * squares(game)})
    right[CLOSED].values[0]()
    wrong = parameters("stars", closed_forms={name: lambda r1, game: r1.gamma * squares(game)})
    with pytest.raises(AssertionError, match="its closed form"):
        wrong[CLOSED].values[0]()


@pytest.mark.usefixtures("stars")
def test_misspelt_names_are_errors_that_name_near_ones() -> None:
    with pytest.raises(PluginError, match=r"'star' is not installed\ndid you mean 'stars'"):
        parametrize_with_checks("star")
    with pytest.raises(UsageError, match=f"none of the checks\ndid you mean '{UNDECIDED}'"):
        parametrize_with_checks("stars", expected_failures={UNDECIDED[:-1]: "a slip"})
    with pytest.raises(UsageError, match=r"closed form of 'slop'.*\ndid you mean 'slope'"):
        parametrize_with_checks("stars", closed_forms={"slop": lambda r1, game: 0.0})
    with pytest.raises(UsageError, match="closed form of 'hopeless', which is no regularizer"):
        parametrize_with_checks("stars", closed_forms={"hopeless": lambda loss, game: 0.0})


@pytest.mark.usefixtures("stars")
def test_plain_runner_finds_the_same() -> None:
    told: list[tuple[int, int]] = []
    results = run_checks("stars", progress=lambda done, total: told.append((done, total)))
    assert [result.id for result in results] == list(parameters("stars"))
    assert told == [(number, len(results)) for number in range(1, len(results) + 1)]
    failed = {result.id: result.message for result in results if result.status == "failed"}
    assert failed == {UNDECIDED: "the slope in a generated image's logit is 0"}


def test_broken_plugin_fails_one_check_and_hides_no_other(stars: Path) -> None:
    (stars / "gantool_stars.py").write_text("import a_module_that_nobody_has\n")
    installed.cache_clear()
    loads, *_ = run_checks("stars")
    assert (loads.id, loads.status) == ("stars::loads", "failed")
    assert "No module named 'a_module_that_nobody_has'" in loads.message
    assert "losses:loss/hinge::stays_finite" in parameters()


def test_three_lines_are_enough_for_pytest(stars: Path) -> None:
    (stars / "test_stars.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_stars.py"]
    ended = subprocess.run(command, cwd=stars, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "FAILED test_stars.py::test_contract[stars:loss/hopeless::stays_finite]" in ended.stdout
    assert "[XPASS(strict)] not needed any more" in ended.stdout
    assert "1 failed, " in ended.stdout
    assert ", 1 xfailed" in ended.stdout
