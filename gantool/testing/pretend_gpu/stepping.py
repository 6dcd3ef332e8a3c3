"""Steps on fake CUDA tensors, and what must be true of what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gantool.testing.claims import require

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.testing.pretend_gpu.watching import Watch
    from gantool.training.trainer import Trainer

RUN: dict[str, Any] = {"steps": 100, "log_every_steps": 2}
DEVICE: dict[str, Any] = {"name": "cuda", "graph": "off"}


def take_steps(trainer: Trainer, watch: Watch, count: int = 2, *, may_read: bool = False) -> None:
    """Make steps, the last of which ends an interval, and check what they leave.

    Args:
        trainer: On the pretended GPU.
        watch: What looks at every operation.
        count: Of steps.
        may_read: Whether a step may wait for numbers from the device.

    Raises:
        NotForCudaError: When something is on the wrong device, or the host would wait.
        BrokenPromise: When what steps leave is on another device, or of another type.
    """
    turns, note = trainer.turns, trainer.game.totals.note
    figures: list[tuple[str, Tensor]] = []

    def watched(*args: Any) -> None:
        watch.in_turns = True
        turns(*args)
        watch.in_turns = False

    def noted(values: Any) -> None:
        figures.extend(values.items())
        note(values)

    trainer.turns = watched
    trainer.game.totals.note = noted  # type: ignore[method-assign, assignment]
    watch.in_step, watch.may_read = True, may_read
    for _ in range(count):
        trainer.one_step()
    watch.in_step = False
    require({"generator_loss", "generator_gradient_norm"} <= dict(figures).keys(), "no figures")
    for name, value in figures:
        _require(value, torch.float32, f"the figure {name}")
        require(value.dim() == 0, f"the figure {name} is no scalar")
    for name, value in kept(trainer).items():
        _require(value, torch.float32 if value.is_floating_point() else value.dtype, name)
    for sums in trainer.game.totals._kept.values():
        _require(sums.values, torch.float64, "a sum of figures")


def _require(tensor: Tensor, dtype: torch.dtype, what: str) -> None:
    found = f"{what} is {tensor.dtype} on {tensor.device.type}, not {dtype} on cuda"
    require((tensor.dtype, tensor.device.type) == (dtype, "cuda"), found)


def kept(trainer: Trainer) -> dict[str, Tensor]:
    """Return what outlives a step, by name."""
    game = trainer.game
    found = {"number": game.number, "progress": game.progress}
    for player, each in game.competitors.items():
        found[f"{player} rate"] = each.learning_rate
        found |= {f"{player} {name}": value for name, value in each.network.state_dict().items()}
        for index, weight in enumerate(each.parameters):
            state = {**each.optimizer.state[weight], "gradient": weight.grad}
            found |= {f"{player} {k} {index}": v for k, v in state.items() if v is not None}
    for stream, module in game.regularization.states().items():
        found |= {f"{stream} {name}": value for name, value in module.named_buffers()}
    if trainer.game.average is not None:
        average = trainer.game.average.network.state_dict()
        found |= {f"average {name}": value for name, value in average.items()}
    return found
