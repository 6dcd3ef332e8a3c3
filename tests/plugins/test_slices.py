"""A batch worked through in slices, as several processes would, trains as the whole batch does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from gantool import Loss, Regularizer
from gantool_augmentation.plugin import ADA, DiffAugment, InstanceNoise
from gantool_consistency.plugin import ZCR, Consistency
from gantool_diversity.plugin import MinibatchStddev, ModeSeeking
from gantool_gradient_penalties.plugin import R1, R2, WganGP, WganLP
from gantool_lecam.plugin import LeCam
from gantool_losses.plugin import BCE
from gantool_path_length.plugin import PathLength
from gantool_relativistic.plugin import RelativisticPairing
from gantool_weight_constraints.plugin import Orthogonal, WeightClipping
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer

# Not among them, for a reason: dragan measures a deviation on each slice (and averages it over
# processes), relativistic-average a mean.
REGULARIZERS: list[Regularizer] = [
    R1(every_steps=2),
    R2(),
    WganGP(),
    WganLP(),
    InstanceNoise(),
    DiffAugment(probability=0.5),
    ADA(initial_probability=0.5, speed_images=100, interval=2),
    Consistency(balanced=True),
    ZCR(),
    LeCam(start_step=1),
    PathLength(every_steps=2),
    ModeSeeking(),
    MinibatchStddev(group_size=4),
    WeightClipping(limit=0.2),
    Orthogonal(beta=0.1),
]


@pytest.mark.parametrize("loss", [BCE(), RelativisticPairing()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=lambda regularizer: regularizer.name)
def test_slices_add_up_to_the_batch(
    build: Callable[..., Trainer], regularizer: Regularizer, loss: Loss
) -> None:
    def trained(accumulate: int) -> dict[str, torch.Tensor]:
        training = {"accumulate": accumulate, "batch_size": 8}
        trainer = build(
            regularizer, loss=loss, architecture=LinearPlayers(depth=2), training=training
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

    torch.testing.assert_close(trained(2), trained(1), rtol=0, atol=1e-12)
