"""The regularizer `l2`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import NonNegativeFloat
from typing_extensions import override

from gantool import Component, PlayerOption, Regularizer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool import Player


class L2(PlayerOption, Regularizer):
    """L2 weight decay: adds weight_decay times each weight to its gradient.

    The same as adding weight_decay / 2 times the sum of all squared weights to the loss, done by
    the optimizer, so that it costs nothing. Adam then scales it as any other gradient; for decay
    that it does not scale, use the optimizer "adamw" instead of this (Loshchilov & Hutter 2019,
    section 2).
    """

    name = "l2"
    strength = "weight_decay"

    weight_decay: NonNegativeFloat = 5e-3
    """Share of each weight that is added to its gradient."""

    @override
    def optimizer_options(self, player: Player) -> Mapping[str, float]:
        return {"weight_decay": self.weight_decay}


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the regularizer."""
    return [L2]
