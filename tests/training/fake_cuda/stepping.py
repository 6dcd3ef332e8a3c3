"""Steps on fake CUDA tensors, and what must be true of what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.training.trainer import Trainer
    from tests.training.fake_cuda.watching import Watch

RUN = {"steps": 100, "log_every_steps": 2}
DEVICE = {"name": "cuda", "graph": "off"}


def take_steps(trainer: Trainer, watch: Watch, count: int = 2) -> None:
    """Make steps, the last of which ends an interval, and check what they leave."""
    turns, note = trainer.turns, trainer.totals.note
    figures: list[tuple[str, Tensor]] = []

    def watched(*args: Any) -> None:
        watch.in_turns = True
        turns(*args)
        watch.in_turns = False

    def noted(values: Any) -> None:
        figures.extend(values.items())
        note(values)

    trainer.turns = watched
    trainer.totals.note = noted  # type: ignore[method-assign, assignment]
    watch.in_step = True
    for _ in range(count):
        trainer.one_step()
    watch.in_step = False
    assert {"generator_loss", "generator_gradient_norm"} <= dict(figures).keys()
    for name, value in figures:
        assert (value.dtype, value.device.type, value.dim()) == (torch.float32, "cuda", 0), name
    for name, value in kept(trainer).items():
        assert value.device.type == "cuda", name
        assert value.dtype == torch.float32 or not value.is_floating_point(), name
    for sums in trainer.totals._kept.values():
        assert (sums.values.dtype, sums.values.device.type) == (torch.float64, "cuda")


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
    if trainer.average is not None:
        average = trainer.average.network.state_dict()
        found |= {f"average {name}": value for name, value in average.items()}
    return found
