"""LeCam regularization against the same in plain floats."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from typing_extensions import override

from gantool import Regularizer, Scheduled
from gantool_dcgan.plugin import DCGAN
from gantool_lecam.plugin import LeCam
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from gantool import DiscriminatorStep
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

    Logits = tuple[NDArray[np.float64], NDArray[np.float64]]

pytestmark = pytest.mark.quick


class Watching(Regularizer):
    """Notes the logits of every discriminator update, and costs nothing."""

    name = "watching"
    seen: ClassVar[list[Logits]] = []

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        logits = (step.real_logits.detach().numpy(), step.fake_logits.detach().numpy())
        self.seen.append(logits)
        return step.fake_logits.new_zeros(())


def plain(seen: list[Logits], updates_a_step: int, start: int, *, rectified: bool) -> list[float]:
    """Return the penalty of each update, with weight 0.5 and decay 0.9."""
    anchor_real = anchor_fake = 0.0
    penalties = []
    for update, (real, fake) in enumerate(seen):
        begun = update // updates_a_step >= start
        above, below = real - anchor_fake, anchor_real - fake
        if rectified:
            above, below = np.maximum(above, 0), np.maximum(below, 0)
        penalties.append(0.5 * float(np.mean(above**2) + np.mean(below**2)) if begun else 0.0)
        decay = 0.9 if begun else 0.0
        anchor_real = decay * anchor_real + (1 - decay) * float(real.mean())
        anchor_fake = decay * anchor_fake + (1 - decay) * float(fake.mean())
    return penalties


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_penalties_follow_moving_averages_of_the_logits(
    build: Callable[..., Trainer], rectified: bool, accumulate: int
) -> None:
    Watching.seen.clear()
    trainer = build(
        LeCam(weight=Scheduled(0.5), decay=0.9, start_step=2, rectified=rectified),
        Watching(),
        architecture=LinearPlayers(depth=1),
        training={"discriminator_updates": 2, "steps": 8, "accumulate": accumulate},
        optimizer={"learning_rate": 0.5},
    )
    penalties = []
    for _ in range(6):
        trainer.one_step()
        penalties.append(trainer.game.totals.means()["penalty/lecam"])
        trainer.game.totals.clear()
    whole = [
        (np.concatenate([real for real, _ in slices]), np.concatenate([fake for _, fake in slices]))
        for start in range(0, len(Watching.seen), accumulate)
        if (slices := Watching.seen[start : start + accumulate])
    ]
    expected = np.reshape(plain(whole, 2, 2, rectified=rectified), (6, 2)).mean(1)
    assert not expected[:2].any()
    assert expected[2:].all()
    np.testing.assert_allclose(penalties, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", ["real", "fake"])
def test_only_logits_beyond_their_anchor_count(bench: Callable[..., Bench], side: str) -> None:
    set_up = bench(LeCam(weight=Scheduled(2.0), start_step=1))
    set_up.game.number.fill_(1)
    state, images = set_up.active.state, set_up.images()
    assert state is not None
    # an anchor above all logits: of generated images they are too low, of real ones low enough
    state.get_buffer("real").fill_(50.0 if side == "fake" else -50.0)
    state.get_buffer("fake").fill_(50.0 if side == "fake" else -50.0)
    distance = 50 + (-1 if side == "fake" else 1) * set_up.logits(images)
    value = set_up.penalty("discriminator", **{side: images}).item()
    assert value == pytest.approx(2 * distance.square().mean().item(), rel=1e-12)


def test_its_gradient_agrees_with_differences(bench: Callable[..., Bench]) -> None:
    set_up = bench(LeCam(start_step=1, rectified=False), architecture=LinearPlayers(depth=2))
    set_up.game.number.fill_(1)
    assert set_up.slope_error(real=set_up.images()) < 1e-6


def test_it_is_finite_on_odd_images(bench: Callable[..., Bench]) -> None:
    set_up = bench(LeCam(start_step=1))
    set_up.game.number.fill_(1)
    for odd in (0 * set_up.images(2), 0 * set_up.images(2) + 0.3, 1e6 * set_up.images(2)):
        assert set_up.penalty(real=odd, fake=odd).isfinite()


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        return build(
            LeCam(start_step=2), architecture=LinearPlayers(depth=1), optimizer={"use": "adam"}
        )

    assert continues(make, 4)


def test_a_weight_of_zero_leaves_every_bit(
    build: Callable[..., Trainer], bits_of: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image={"size": 16})
        for _ in range(2):
            trainer.one_step()
        return bits_of(trainer)

    assert run(LeCam(weight=Scheduled(0.0))) == run()


@pytest.mark.parametrize(
    "options", [{"weight": -1.0}, {"decay": 1.0}, {"start_step": 0}, {"weight": float("nan")}]
)
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LeCam.model_validate(options)


def test_nothing_is_read_back_from_the_device() -> None:
    from gantool_lecam.anchors import Anchors

    anchors, zero = Anchors().to("meta"), torch.zeros((), device="meta")  # no values to read
    anchors.move(zero, zero, zero)
    assert anchors.real.is_meta
