"""The regularizer `spectral-norm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt
from typing_extensions import override

from gantool import Component, PlayerOption, Regularizer, hookimpl

if TYPE_CHECKING:
    from torch import nn

    from gantool import Player, Setup


class SpectralNorm(PlayerOption, Regularizer):
    """Spectral normalization (Miyato et al. 2018, eq. 8): every weight matrix divided by its norm.

    The largest singular value is followed by power iteration, a little further in each forward
    pass: with `accumulate`, once for each slice. Cost: two matrix-vector products a layer and pass.
    """

    name = "spectral-norm"

    power_iterations: PositiveInt = 1
    """Power iterations in each forward pass."""

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        from gantool_spectral_norm.layers import normalize

        normalize(network, self.power_iterations)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the regularizer."""
    return [SpectralNorm]
