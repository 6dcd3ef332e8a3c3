"""What only a GPU can show: recordings are the eager steps, and nothing in a step waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Regularizer, Scheduled, Setup, Step
from gantool.training.device.graphs import WARM_UP, GraphedTurns
from gantool_augmentation.plugin import InstanceNoise
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1, WganGP
from gantool_losses.plugin import Wasserstein
from gantool_spectral_norm.plugin import SpectralNorm
from gantool_weight_decay.plugin import L2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU is here")

STEPS = 60
CHANGING: dict[str, Any] = {
    "optimizer": {"schedule": "cosine", "learning_rate": 1e-3, "final_learning_rate": 1e-4},
    "ema": {"half_life_images": 100.0, "ramp_up": 0.05},
    "image": {"size": 32, "horizontal_flip": True},
}


class Last(nn.Module):
    """Holds the numbers that were drawn last."""

    numbers: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(count))


class Drawing(Regularizer):
    """Draws numbers and remembers them."""

    name = "drawing"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Last(setup.batch_size)

    @override
    def after_update(self, step: Step) -> None:
        last = step.state(Last).numbers
        last.copy_(step.random.normal(len(last)))


@pytest.fixture(autouse=True)
def everything_is_allowed_again() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(mode=False)
    torch.cuda.set_sync_debug_mode("default")


def build(train: Train, *regularizers: Regularizer, graph: str, **tables: Any) -> Trainer:
    device = {"name": "cuda", "graph": graph, **tables.pop("device", {})}
    training = {"steps": STEPS, "batch_size": 16, "log_every_steps": 5}
    return train(
        *regularizers,
        architecture=DCGAN(width=16, discriminator_norm="none"),
        count=200,
        device=device,
        training=training | tables.pop("training", {}),
        **(CHANGING | tables),
    )


def drawn(trainer: Trainer) -> Tensor:
    """Return what `Drawing` has drawn last."""
    (state,) = (s for s in trainer.game.regularization.states().values() if isinstance(s, Last))
    return state.numbers.clone()


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-3), ("bf16", 0.1)], ids=["float32", "bf16"]
)
def test_replays_draw_and_lose_what_eager_steps_do(
    train: Train, precision: str, tolerance: float
) -> None:
    device = {"precision": precision, "deterministic": True}
    eager, graphed = (
        build(train, InstanceNoise(deviation=Scheduled(0.5)), Drawing(), graph=graph, device=device)
        for graph in ("off", "on")
    )
    for step in range(1, STEPS + 1):
        eager.one_step()
        graphed.one_step()
        assert torch.equal(drawn(eager), drawn(graphed)), step
        if step % 5 == 0:
            ours, theirs = graphed.game.totals.means(), eager.game.totals.means()
            assert ours == pytest.approx(theirs, rel=tolerance, abs=tolerance), step
            eager.game.totals.clear()
            graphed.game.totals.clear()
    assert isinstance(graphed.turns, GraphedTurns)
    assert graphed.turns.is_recording


RECIPES: dict[str, tuple[list[Regularizer], dict[str, Any]]] = {
    "base": ([], {}),
    "l2": ([L2()], {}),
    "spectral": ([SpectralNorm()], {}),
    "r1": ([R1(every_steps=4)], {}),
    "wgan-gp": ([WganGP()], {"loss": Wasserstein(), "training": {"discriminator_updates": 2}}),
    "reused fakes": ([], {"training": {"reuse_fakes": True}}),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_recorded(train: Train, name: str) -> None:
    regularizers, tables = RECIPES[name]
    trainer = build(train, *regularizers, graph="auto", **tables)
    assert isinstance(trainer.turns, GraphedTurns)
    for _ in range(STEPS):
        trainer.one_step()
    assert trainer.turns.is_recording
    assert all(torch.isfinite(torch.tensor([*trainer.game.totals.means().values()])))


@pytest.mark.parametrize("graph", ["off", "on"])
@pytest.mark.parametrize("name", RECIPES)
def test_nothing_in_a_step_waits_for_the_gpu(train: Train, name: str, graph: str) -> None:
    regularizers, tables = RECIPES[name]
    trainer = build(train, *regularizers, graph=graph, **tables)
    for _ in range(8 * (WARM_UP + 2)):  # every kind of step has been recorded by then
        trainer.one_step()
    torch.cuda.set_sync_debug_mode("error")
    for _ in range(20):
        trainer.one_step()


def test_weights_averages_and_optimizers_are_in_full_precision(train: Train) -> None:
    trainer = build(train, graph="on")
    for _ in range(WARM_UP + 3):
        trainer.one_step()
    for competitor in trainer.game.competitors.values():
        for parameter in competitor.parameters:
            remembered = competitor.optimizer.state[parameter].values()
            assert {tensor.dtype for tensor in (parameter, *remembered)} == {torch.float32}
