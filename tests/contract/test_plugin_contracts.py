"""Every installed plugin keeps the promises of the interfaces that it implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.testing import Check, ClosedForm, LinearGame, parametrize_with_checks

if TYPE_CHECKING:
    from torch import Tensor


def squared_slope(component: Any, game: LinearGame) -> Tensor:
    """Return gamma / 2 |w|^2: the gradient of D(x) = <w, x> + b is w everywhere."""
    half: Tensor = component.gamma / 2 * game.weight.square().sum()
    return half


def slope_beside_one(component: Any, game: LinearGame) -> Tensor:
    """Return weight (|w| - 1)^2, wherever the gradient is taken; |w| is above 1 here."""
    slope = game.weight.square().sum().sqrt()
    assert slope > 1
    distance: Tensor = component.weight * (slope - 1).square()
    return distance


def beyond_the_first_anchors(component: Any, game: LinearGame) -> Tensor:
    """Return weight [E max(0, D(x))^2 + E max(0, -D(G(z)))^2]: both anchors start at 0."""
    real, fake = game.logits(game.real), game.logits(game.fake)
    beyond = real.clamp(min=0).square().mean() + (-fake).clamp(min=0).square().mean()
    penalty: Tensor = component.weight * beyond
    return penalty


def overlap_of_filters(component: Any, game: LinearGame) -> Tensor:
    """Return beta times the squares of W W^T off its diagonal, of the one layer there is."""
    whole = game.weight.reshape(1, -1)
    rows = game.generator_weight if game.player == "generator" else whole
    products = rows @ rows.T
    apart = products.square().sum() - products.diagonal().square().sum()
    penalty: Tensor = component.beta * apart
    return penalty


CLOSED_FORMS: dict[str, ClosedForm] = {
    "r1": squared_slope,
    "r2": squared_slope,
    "wgan-gp": slope_beside_one,
    "wgan-lp": slope_beside_one,
    "dragan": slope_beside_one,
    "lecam": beyond_the_first_anchors,
    "orthogonal": overlap_of_filters,
}


@parametrize_with_checks(closed_forms=CLOSED_FORMS)
def test_contract(check: Check) -> None:
    check()
