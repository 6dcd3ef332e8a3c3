"""The check on a pretended GPU, seen failing on what a GPU could not train with."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from torch.utils import backend_registration

from gantool.testing.harness import believing as asking
from gantool.testing.harness.believing import end_process

if TYPE_CHECKING:
    from gantool.testing import CheckResult

CHECK = "works_on_a_gpu"
FILE = "tried_on_gpus.py"
BROKEN = [
    ("OnTheCPU", rf"on a GPU, .*(cpu|CUDA).*\({FILE}:\d+\)"),
    ("NumberOnTheCPU", rf"has a tensor that is not on CUDA \({FILE}:\d+\)"),
    ("Reading", r"a step reads a number from the device \(aten\._local_scalar_dense"),
    ("InTransform", rf"on a GPU, .*\({FILE}:\d+\)"),
    ("OneSided", rf"on a GPU, .*\({FILE}:\d+\)"),
    ("Ending", "training with it ended its process"),
    ("Targets", rf"on a GPU, .*\({FILE}:\d+\)"),
    ("LeftBehind", rf"on a GPU, .*\({FILE}:\d+\)"),
    ("Deciding", "a step reads a number from the device"),
    ("CountingOnTheHost", "on a GPU, "),
]

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch cannot be made to believe in a GPU",
)


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    end_process()


@pytest.fixture
def tried(importable: Path) -> Any:
    """Return the module of components to try."""
    return importlib.import_module("tried_on_gpus")


@pytest.mark.parametrize(("name", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], tried: Any, name: str, finding: str
) -> None:
    result = try_check(CHECK, getattr(tried, name))
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


@pytest.mark.parametrize("name", ["Sound", "ReadingSaid", "SoundSteps", "Pretrained"])
def test_sound_components_pass(
    try_check: Callable[..., CheckResult], tried: Any, name: str
) -> None:
    assert try_check(CHECK, getattr(tried, name)).status == "passed"


def test_component_that_no_other_process_can_make_is_not_tried(
    try_check: Callable[..., CheckResult], tried: Any
) -> None:
    class Local(tried.Sound):  # type: ignore[misc]
        """Is known here alone."""

    result = try_check(CHECK, Local)
    assert result.status == "skipped"
    assert result.message.startswith("it cannot be sent to another process: ")


@pytest.mark.parametrize(
    ("said", "reason"),
    [('print(\'{"unavailable": "an odd torch"}\')', "an odd torch"), ("", "no process believes")],
)
def test_torch_that_cannot_be_made_to_believe_is_left_alone(
    try_check: Callable[..., CheckResult],
    tried: Any,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    reason: str,
) -> None:
    end_process()
    monkeypatch.setattr(asking, "SERVING", said)
    result = try_check(CHECK, tried.Sound)
    end_process()
    assert result.status == "skipped"
    assert result.message.startswith(reason)
