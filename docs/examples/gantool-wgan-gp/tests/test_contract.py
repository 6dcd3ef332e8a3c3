"""The plugin keeps the promises of gantool's interfaces, and computes what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.testing import Check, LinearGame, parametrize_with_checks

if TYPE_CHECKING:
    from torch import Tensor

    from gantool_wgan_gp.plugin import SlopePenalty


def penalty_on_paper(penalty: SlopePenalty, game: LinearGame) -> Tensor:
    """Every slope of a linear discriminator is the norm of its weight."""
    return penalty.weight * (game.weight.norm() / penalty.slope - 1).square()


@parametrize_with_checks("wgan-gp", closed_forms={"slope-penalty": penalty_on_paper})
def test_contract(check: Check) -> None:
    check()
