"""Every installed plugin keeps the promises of the interfaces that it implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gantool.testing import Check, ClosedForm, QuadraticGame, parametrize_with_checks

if TYPE_CHECKING:
    from torch import Tensor


def norms(slopes: Tensor) -> Tensor:
    """Return the norm of each image's gradient, [N]."""
    found: Tensor = slopes.flatten(1).norm(dim=1)
    return found


def squared_slope_of_real(component: Any, game: QuadraticGame) -> Tensor:
    """Return gamma / 2 E|grad D(x)|^2 on real images."""
    half: Tensor = component.gamma.start / 2 * norms(game.slopes(game.real)).square().mean()
    return half


def squared_slope_of_fakes(component: Any, game: QuadraticGame) -> Tensor:
    """Return gamma / 2 E|grad D(G(z))|^2 on generated images."""
    half: Tensor = component.gamma.start / 2 * norms(game.slopes(game.fake)).square().mean()
    return half


def slope_between(component: Any, game: QuadraticGame) -> Tensor:
    """Return weight E(|grad D| - 1)^2 on the lines from generated to real images, all above 1."""
    (between,) = game.differentiated
    whole, part = (each.flatten(1) for each in (game.real - game.fake, between - game.fake))
    share = (whole * part).sum(1) / whole.square().sum(1)  # [N]
    assert torch.allclose(share[:, None] * whole, part)
    assert ((share >= 0) & (share <= 1)).all()
    assert share.std() > 0
    return slope_beside_one(component, game, between)


def slope_near_real(component: Any, game: QuadraticGame) -> Tensor:
    """Return weight E(|grad D| - 1)^2 on real images that are disturbed, all slopes above 1."""
    (near,) = game.differentiated
    size = (near - game.real).abs()
    assert 0 < size.mean() < game.real.std()
    return slope_beside_one(component, game, near)


def slope_beside_one(component: Any, game: QuadraticGame, images: Tensor) -> Tensor:
    slopes = norms(game.slopes(images))
    assert (slopes > 1).all()
    distance: Tensor = component.weight.start * (slopes - 1).square().mean()
    return distance


def beyond_the_first_anchors(component: Any, game: QuadraticGame) -> Tensor:
    """Return weight [E max(0, D(x))^2 + E max(0, -D(G(z)))^2]: both anchors start at 0."""
    real, fake = game.logits(game.real), game.logits(game.fake)
    beyond = real.clamp(min=0).square().mean() + (-fake).clamp(min=0).square().mean()
    penalty: Tensor = component.weight.start * beyond
    return penalty


def overlap_of_filters(component: Any, game: QuadraticGame) -> Tensor:
    """Return beta times the squares of W W^T off its diagonal, of the one layer there is."""
    whole = game.weight.reshape(1, -1)
    rows = game.generator_weight if game.player == "generator" else whole
    products = rows @ rows.T
    apart = products.square().sum() - products.diagonal().square().sum()
    penalty: Tensor = component.beta * apart
    return penalty


def distance_of_mean_features(component: Any, game: QuadraticGame) -> Tensor:
    """Return the mean squared difference of mean images: those players' features are images."""
    gap: Tensor = game.real.mean(0) - game.fake.mean(0)
    penalty: Tensor = component.weight * gap.square().mean()
    return penalty


CLOSED_FORMS: dict[str, ClosedForm] = {
    "r1": squared_slope_of_real,
    "r2": squared_slope_of_fakes,
    "wgan-gp": slope_between,
    "wgan-lp": slope_between,
    "dragan": slope_near_real,
    "lecam": beyond_the_first_anchors,
    "feature-matching": distance_of_mean_features,
    "orthogonal": overlap_of_filters,
}


@parametrize_with_checks(closed_forms=CLOSED_FORMS)
def test_contract(check: Check) -> None:
    check()
