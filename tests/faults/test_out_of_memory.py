"""A device without memory ends a run with a message, and costs nothing that was saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import gantool
from gantool.reporting.observers import GridsObserver
from gantool.training.average import Average
from gantool_losses.plugin import BCE

if TYPE_CHECKING:
    from torch import Tensor

    from tests.faults.conftest import Fork, Publish, Recipe

BATCH, BAD_STEP = 6, 8
REASON = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1.00 GiB"


def refuse() -> None:
    """Fail as torch does on a GPU."""
    raise torch.OutOfMemoryError(REASON)


def allocate() -> None:
    """Ask for more than any machine has."""
    torch.empty(2**60)


def counted(owner: Any, name: str, fail: Callable[[], None], *, step: int = BAD_STEP) -> None:
    """Let a method's n-th call fail, of those that concern a whole batch."""
    original, calls = getattr(owner, name), 0

    def failing(self: Any, *inputs: Any) -> Any:
        nonlocal calls
        tensors = [each for each in inputs if isinstance(each, torch.Tensor)]
        calls += all(len(each) == BATCH for each in tensors)
        if calls == step:
            fail()
        return original(self, *inputs)

    setattr(owner, name, failing)


def fill_memory() -> None:
    """Leave room for half a batch."""
    generator = BCE.generator

    def terms(self: BCE, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if len(fake) == BATCH:
            refuse()
        return generator(self, fake, real)

    BCE.generator = terms  # type: ignore[method-assign]


def at_update(player: str, fail: Callable[[], None]) -> Callable[[], None]:
    return lambda: counted(BCE, player, fail)


FAULTS: dict[str, Callable[[], None]] = {
    "the discriminator's update": at_update("discriminator", refuse),
    "the generator's update": at_update("generator", refuse),
    "the average": lambda: counted(Average, "update", refuse),
    "a grid of samples": lambda: counted(GridsObserver, "after_step", refuse),
    "the processor's memory": at_update("generator", allocate),
}


def test_the_last_checkpoint_is_intact_and_the_message_says_how_to_go_on(
    recipe: Recipe,
    *,
    fork: Fork,
    same: Callable[[Path, Path], str | None],
    newest_step: Callable[[Path], int | None],
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    file, whole = recipe(), tmp_path / "whole"
    gantool.run(file, out=whole, level="quiet")
    chosen = FAULTS if full else {"the generator's update": FAULTS["the generator's update"]}
    for number, (fault, install) in enumerate(chosen.items()):
        run = tmp_path / f"run-{number}"
        victim = fork(lambda run=run: gantool.run(file, out=run, level="quiet"), install)
        assert victim.wait() == 5, (fault, victim.output.read_text())
        said = victim.output.read_text()
        way_out = f"gantool resume {run} --set training.accumulate=2 --override"
        assert "CPU, float32 ran out of memory: " in said
        assert way_out in said, said
        assert "training.batch_size below 6" in said
        assert newest_step(run) == 6
        assert fork(lambda run=run: gantool.resume(run, level="quiet")).wait() == 0
        assert same(whole, run) is None, fault
    publish(
        "11a",
        f"out of memory in {', '.join(chosen)}",
        f"{len(chosen)} of {len(chosen)} exit 5, the last checkpoint intact; resumed with memory "
        "to spare, all identical to the uninterrupted run",
    )


def test_a_run_goes_on_in_smaller_slices(
    recipe: Recipe,
    fork: Fork,
    newest_step: Callable[[Path], int | None],
    publish: Publish,
    tmp_path: Path,
) -> None:
    """Whole batches never fit from a step on; slices of half a batch do."""

    run, file = tmp_path / "run", recipe()
    once = at_update("generator", refuse)
    assert fork(lambda: gantool.run(file, out=run, level="quiet"), once).wait() == 5
    sliced = ["training.accumulate=2"]
    unchanged = fork(lambda: gantool.resume(run, level="quiet"), fill_memory)
    assert unchanged.wait() == 5
    refused = fork(lambda: gantool.resume(run, sliced, level="quiet"), fill_memory)
    assert refused.wait() == 2
    assert "training.accumulate  1 -> 2" in refused.output.read_text()
    going = fork(lambda: gantool.resume(run, sliced, override=True, level="quiet"), fill_memory)
    assert going.wait() == 0, going.output.read_text()
    assert newest_step(run) == 14
    publish(
        "11b",
        "a run whose batches no longer fit",
        "exit 5 each time, refused with exit 2 until --override, finished in two slices a batch",
    )
