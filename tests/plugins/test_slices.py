"""A batch worked through in slices, as several processes would, trains as the whole batch does.

Whatever does not is declared: `couples_batch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from gantool import Loss, Regularizer, Scheduled
from gantool.registry.catalog import installed
from gantool_augmentation.plugin import ADA, DiffAugment, InstanceNoise
from gantool_consistency.plugin import ZCR, Consistency
from gantool_diversity.plugin import (
    FeatureMatching,
    MinibatchStddev,
    ModeSeeking,
    RandomFeatures,
)
from gantool_gradient_penalties.plugin import R1, R2, Dragan, WganGP, WganLP
from gantool_lecam.plugin import LeCam
from gantool_losses.plugin import BCE
from gantool_path_length.plugin import PathLength
from gantool_relativistic.plugin import RelativisticPairing
from gantool_spectral_norm.plugin import SpectralNorm
from gantool_weight_constraints.plugin import Orthogonal, WeightClipping
from gantool_weight_decay.plugin import L2
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from gantool.training.trainer import Trainer

ALIKE: list[tuple[Regularizer, ...]] = [
    (R1(every_steps=2),),
    (R2(),),
    (WganGP(),),
    (WganLP(),),
    (InstanceNoise(),),
    (DiffAugment(probability=Scheduled(0.5)),),
    (ADA(initial_probability=0.5, speed_images=100, interval=2),),
    (Consistency(balanced=True),),
    (ZCR(),),
    (LeCam(start_step=1),),
    (PathLength(every_steps=2),),
    (ModeSeeking(),),
    (WeightClipping(limit=0.2),),
    (Orthogonal(beta=0.1),),
    (L2(),),
    (R1(), R2(every_steps=2), DiffAugment()),  # through the transforms
    (ZCR(), Consistency(), WganGP(), InstanceNoise()),
]
COUPLING: list[Regularizer] = [
    Dragan(),
    MinibatchStddev(group_size=4),
    FeatureMatching(),
    RandomFeatures(width=4),
]
ELSEWHERE = {SpectralNorm}
"""Whose vectors move on with each forward pass, of which each slice makes one; it says so."""


def trained(
    build: Callable[..., Trainer], *regularizers: Regularizer, loss: Loss, accumulate: int
) -> dict[str, Tensor]:
    """Return networks and states after four steps on batches of eight images."""
    training = {"accumulate": accumulate, "batch_size": 8}
    trainer = build(
        *regularizers, loss=loss, architecture=LinearPlayers(depth=2), training=training
    )
    for _ in range(4):
        trainer.one_step()
    modules = [trainer.game.network(player) for player in trainer.game.competitors]
    modules += list(trainer.game.regularization.states().values())
    return {
        f"{index} {name}": value.detach()
        for index, module in enumerate(modules)
        for name, value in module.state_dict().items()
    }


@pytest.mark.parametrize("loss", [BCE(), RelativisticPairing()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("regularizers", ALIKE, ids=lambda found: "-".join(r.name for r in found))
def test_slices_add_up_to_the_batch(
    build: Callable[..., Trainer], regularizers: tuple[Regularizer, ...], loss: Loss
) -> None:
    assert not any(each.couples_batch for each in regularizers)
    expected = trained(build, *regularizers, loss=loss, accumulate=1)
    for accumulate in (2, 4):
        found = trained(build, *regularizers, loss=loss, accumulate=accumulate)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("regularizer", COUPLING, ids=lambda each: each.name)
def test_what_couples_a_batch_says_so(
    build: Callable[..., Trainer], regularizer: Regularizer
) -> None:
    assert regularizer.couples_batch
    whole, sliced = (trained(build, regularizer, loss=BCE(), accumulate=n) for n in (1, 4))
    assert any(not torch.allclose(sliced[name], whole[name], rtol=1e-9) for name in whole)


def offered(kind: str) -> list[type]:
    return [
        each.component
        for each in installed().of_kind(kind)
        if each.plugin.distribution == "gantool"
    ]


def test_no_regularizer_is_left_out() -> None:
    tried = {type(each) for found in ALIKE for each in found} | {type(each) for each in COUPLING}
    assert tried | ELSEWHERE == set(offered("regularizer"))


@pytest.mark.parametrize("component", offered("loss"), ids=lambda component: component.name)
def test_a_loss_adds_up_unless_it_says_otherwise(
    build: Callable[..., Trainer], component: type[Loss], tmp_path: Path
) -> None:
    loss = component.example(tmp_path)
    whole, sliced = (trained(build, loss=loss, accumulate=n) for n in (1, 4))
    gap = max(float((sliced[name] - whole[name]).abs().max()) for name in whole)
    assert (gap > 1e-9) == loss.couples_batch
    assert gap < 1e-12 or loss.couples_batch
