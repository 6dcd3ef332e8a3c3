"""The moving average of the generator's weights, against its formula."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from tests.training.conftest import Train

BATCH = 8


def share(step: int, table: dict[str, Any]) -> float:
    """Return the new weights' share: after the half-life 1/2 of the old ones is left."""
    if step <= table.get("start_step", 0):
        return 1.0
    half_life: float = table["half_life_images"]
    if "ramp_up" in table:
        half_life = min(half_life, table["ramp_up"] * step * BATCH)
    return 1.0 - math.exp(-math.log(2) * BATCH / half_life)


@pytest.mark.parametrize(
    "table",
    [
        {"half_life_images": 20.0},
        {"half_life_images": 20.0, "start_step": 3},
        {"half_life_images": 20.0, "ramp_up": 0.5},
        {"half_life_images": 12.0, "start_step": 2, "ramp_up": 0.3},
    ],
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_average_follows_its_formula(
    train_plain: Train, table: dict[str, Any], accumulate: int
) -> None:
    trainer = train_plain(ema=table, training={"accumulate": accumulate})
    generator, average = trainer.game.network("generator"), trainer.game.average
    assert average is not None
    expected = [weight.detach().clone() for weight in generator.parameters()]
    for step in range(1, 7):
        trainer.one_step()
        part = share(step, table)
        assert average.share_at(step) == pytest.approx(part, abs=1e-15)
        expected = [
            (1 - part) * old + part * new.detach()
            for old, new in zip(expected, generator.parameters(), strict=True)
        ]
        found = [weight.detach() for weight in average.network.parameters()]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


def test_half_of_the_first_weights_is_left_after_the_half_life(train_plain: Train) -> None:
    trainer = train_plain(ema={"half_life_images": 4.0 * BATCH})
    average = trainer.game.average
    assert average is not None
    for weight in average.network.parameters():
        weight.fill_(1.0)
    for weight in trainer.game.network("generator").parameters():
        weight.data.zero_()
    for step in range(1, 5):
        average.set_clock(step)
        average.update()
    found = torch.cat([weight.flatten() for weight in average.network.parameters()])
    torch.testing.assert_close(found, torch.full_like(found, 0.5))


def test_buffers_are_copied_and_the_average_is_not_trained(train: Train) -> None:
    trainer = train(ema={"half_life_images": 1000.0})  # BatchNorm
    for _ in range(3):
        trainer.one_step()
    average, generator = trainer.game.average, trainer.game.network("generator")
    assert average is not None
    buffers = dict(average.network.named_buffers())
    assert any("running_mean" in name for name in buffers)
    for name, buffer in generator.named_buffers():
        assert torch.equal(buffers[name], buffer), name
    assert not any(weight.requires_grad for weight in average.network.parameters())
    assert all(weight.requires_grad for weight in generator.parameters())
    assert not any(
        torch.equal(a, b)
        for a, b in zip(average.network.parameters(), generator.parameters(), strict=True)
    )


def test_without_a_half_life_there_is_no_average(train: Train) -> None:
    assert train().game.average is None
    assert train(ema={"start_step": 3, "ramp_up": 0.1}).game.average is None
