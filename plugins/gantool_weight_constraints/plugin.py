"""The regularizers `weight-clipping` and `orthogonal`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeFloat, PositiveFloat
from typing_extensions import override

from gantool import Component, Player, PlayerOption, Regularizer, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import DiscriminatorStep, GeneratorStep, Step


class WeightClipping(PlayerOption, Regularizer):
    """Weight clipping to [-limit, limit] after each update (Arjovsky et al. 2017, algorithm 1).

    Every trained tensor is clipped, biases and normalization scales too, as in the authors' code.
    It keeps a Wasserstein discriminator Lipschitz. Cost: next to nothing.
    """

    name = "weight-clipping"

    limit: PositiveFloat = 0.01
    """Largest absolute value of a weight."""

    @override
    def after_update(self, step: Step) -> None:
        for weight in step.network(self.player).parameters():
            if weight.requires_grad:
                weight.clamp_(-self.limit, self.limit)


class Orthogonal(PlayerOption, Regularizer):
    """Orthogonal regularization: beta |W W^T * (1 - I)|^2, summed over layers (Brock et al. 2019).

    The rows of W are a layer's filters, as they are before any parametrization such as spectral
    norm. "off-diagonal" is eq. 3, which lets filters have any length; "full" is |W W^T - I|^2
    (Brock et al. 2017, who sum absolute values), which also makes them of length one. Cost: one
    matrix product a layer and update, of the smaller side's square times the larger side.
    """

    name = "orthogonal"
    strength = "beta"

    player: Player = "generator"
    """The network it applies to: "discriminator" or "generator"."""
    beta: NonNegativeFloat = 1e-4
    """Weight of the penalty."""
    variant: Literal["off-diagonal", "full"] = "off-diagonal"
    """Whether filters of any length are fine, or only those of length one ("full")."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self._penalty(step)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return self._penalty(step)

    def _penalty(self, step: Step) -> Tensor:
        """Return the penalty on the player whose update it is, a scalar."""
        from gantool_weight_constraints.filters import filters, overlap

        full = self.variant == "full"
        penalty = step.fake_logits.new_zeros(())
        for weight in filters(step.network(step.player)):
            penalty = penalty + overlap(weight, full=full)
        return self.beta * penalty


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer both constraints."""
    return [WeightClipping, Orthogonal]
