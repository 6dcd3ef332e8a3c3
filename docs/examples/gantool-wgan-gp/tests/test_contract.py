"""The plugin keeps the promises of gantool's interfaces, and computes what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.testing import Check, QuadraticGame, parametrize_with_checks

if TYPE_CHECKING:
    from torch import Tensor

    from gantool_wgan_gp.plugin import SlopePenalty


def penalty_on_paper(penalty: SlopePenalty, game: QuadraticGame) -> Tensor:
    """On paper the gradient is known in every image, so also in those between real and fake."""
    (between,) = game.differentiated
    part, whole = (between - game.fake).flatten(1), (game.real - game.fake).flatten(1)
    share = part.norm(dim=1) / whole.norm(dim=1)  # [N]
    assert (part - share[:, None] * whole).norm() < 1e-9
    norms = game.slopes(between).flatten(1).norm(dim=1)  # [N]
    return penalty.weight * (norms / penalty.slope - 1).square().mean()


@parametrize_with_checks("wgan-gp", closed_forms={"slope-penalty": penalty_on_paper})
def test_contract(check: Check) -> None:
    check()
