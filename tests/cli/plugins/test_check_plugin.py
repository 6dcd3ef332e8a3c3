"""`gantool check-plugin`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Gantool, Install, Terminal

SATURATED = '''
from __future__ import annotations

from gantool import Component, Loss, hookimpl


class Saturated(Loss):
    """Loss whose generator gives up."""

    name = "saturated"

    def discriminator(self, real, fake):
        print("working")
        return (1 - real).relu() + (1 + fake).relu()

    def generator(self, fake, real):
        return -fake.clamp(max=-1)


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Saturated]
'''
FAILED = "third-stars:loss/saturated::pushes_fakes_up"


def test_failed_check_is_named_and_exits_with_1(gantool: Gantool, install: Install) -> None:
    install("third-stars", SATURATED)
    outcome = gantool("check-plugin", "third-stars")
    assert outcome.code == 1
    states = {identifier: state for identifier, state, _ in outcome.records}
    assert [identifier for identifier, state in states.items() if state != "passed"] == [FAILED]
    assert states["third-stars::loads"] == "passed"
    assert (
        outcome.stderr.splitlines()[-1]
        == f"{len(states)} checks: {len(states) - 1} passed, 1 failed"
    )
    assert "working" in outcome.stderr


def test_json_tells_promises(gantool: Gantool, install: Install) -> None:
    install("third-stars", SATURATED)
    results = {
        each["id"]: each
        for each in json.loads(gantool("check-plugin", "third-stars", "--json").stdout)
    }
    assert results[FAILED] == {
        "id": FAILED,
        "promise": "The generator's loss falls with the logit of each generated image.",
        "status": "failed",
        "message": "the slope in a generated image's logit is 0",
        "cause": "BrokenPromise: the slope in a generated image's logit is 0",
    }


def test_table_tells_a_person_what_was_expected(
    gantool: Gantool, install: Install, on_terminal: Terminal
) -> None:
    install("third-stars", SATURATED)
    on_terminal(200)
    assert "expected: The generator's loss falls" in gantool("check-plugin", "third-stars").stdout


CRASHING = '''
from __future__ import annotations

from gantool import Component, Loss, Regularizer, hookimpl


class Crashing(Regularizer):
    """Regularizer that has never been tried."""

    name = "crashing"
    expected_failures = {"changes_training": "nothing is finished", "trains": "it does not"}

    def discriminator_penalty(self, step):
        return step.real.mean() * torch.tensor(2.0)


class Sound(Loss):
    """Hinge."""

    name = "sound"
    expected_failures = {"stays_finite": "somebody thought so"}

    def discriminator(self, real, fake):
        return (1 - real).relu() + (1 + fake).relu()

    def generator(self, fake, real):
        return -fake


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Crashing, Sound]
'''


def test_one_cause_is_one_problem(gantool: Gantool, install: Install) -> None:
    install("third-stars", CRASHING)
    outcome = gantool("check-plugin", "third-stars:crashing")
    assert outcome.code == 1
    ((first, _, why),) = [each for each in outcome.records if each[1] == "failed"]
    assert first == "third-stars:regularizer/crashing::resumes_exactly"
    assert why.startswith(
        "NameError: name 'torch' is not defined (gantool_third_stars.py:14); so do "
    )
    assert "has_right_gradients" in why
    assert " failed, of 1 cause" in outcome.stderr


def test_what_a_component_says_of_itself_is_expected(gantool: Gantool, install: Install) -> None:
    install("third-stars", CRASHING)
    results = {
        each["id"].partition("::")[2]: each
        for each in json.loads(gantool("check-plugin", "third-stars:crashing", "--json").stdout)
    }
    expected = {name for name, each in results.items() if each["status"] == "expected"}
    assert expected == {"changes_training", "trains"}
    assert results["trains"]["message"].startswith("it does not: NameError: ")


def test_excuse_that_is_not_needed_fails(gantool: Gantool, install: Install) -> None:
    install("third-stars", CRASHING)
    outcome = gantool("check-plugin", "third-stars:loss/sound")
    assert outcome.code == 1
    assert [[*each] for each in outcome.records if each[1] != "passed"] == [
        [
            "third-stars:loss/sound::stays_finite",
            "failed",
            "it passes, and `expected_failures` says that it cannot: somebody thought so",
        ]
    ]


def test_one_check_can_be_made(gantool: Gantool, install: Install) -> None:
    install("third-stars", SATURATED)
    outcome = gantool("check-plugin", FAILED)
    assert [identifier for identifier, *_ in outcome.records] == [FAILED]
    unknown = gantool("check-plugin", "third-stars:saturate")
    assert unknown.code == 2
    assert "did you mean 'third-stars:saturated'" in unknown.stderr


def test_broken_plugin_fails_with_its_reason(gantool: Gantool, install: Install) -> None:
    install("third-stars", "import a_module_that_nobody_has\n")
    outcome = gantool("check-plugin", "third-stars")
    assert outcome.code == 1
    loads = outcome.records[0]
    assert loads[:2] == ["third-stars::loads", "failed"]
    assert "No module named 'a_module_that_nobody_has'" in loads[2]


def test_sound_plugin_passes(gantool: Gantool) -> None:
    outcome = gantool("check-plugin", "weight-decay")
    assert outcome.code == 0
    assert outcome.records
    assert {state for _, state, _ in outcome.records} == {"passed"}


def test_unknown_plugin_is_a_mistake_of_the_command(gantool: Gantool) -> None:
    outcome = gantool("check-plugin", "losse")
    assert outcome.code == 2
    assert "did you mean 'losses'?" in outcome.stderr
