"""The regularizers `consistency` and `zcr`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat
from typing_extensions import override

from gantool import Component, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import DiscriminatorStep, GeneratorStep

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole."""


class Consistency(Regularizer):
    """CR: weight E(D(x) - D(T(x)))^2 with T a random flip and shift (Zhang et al. 2020).

    With `balanced` it is bCR, which adds the same of generated images (Zhao et al. 2021); that
    keeps flips and shifts from leaking into them. D is the logit, and both logits are
    differentiated. Beside a regularizer that changes what the discriminator sees, both views are
    changed, by draws of their own. Cost: one more forward and backward pass of the discriminator
    on real images, and one on generated ones where balanced.
    """

    name = "consistency"
    strength = "weight"

    weight: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    """Weight of the penalty."""
    balanced: bool = False
    """Whether generated images have to be judged consistently too (bCR)."""
    flip: Share = 0.5
    """Probability that T mirrors an image."""
    largest_shift: Share = 0.125
    """Longest shift of T, as a share of the side; what comes in is mirrored."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        penalty = self._inconsistency(step, step.real, step.real_labels, step.real_logits)
        if self.balanced:
            fake = self._inconsistency(step, step.fake, step.fake_labels, step.fake_logits)
            penalty = penalty + fake
        return self.weight.at(step) * penalty

    def _inconsistency(
        self, step: DiscriminatorStep, images: Tensor, labels: Tensor | None, logits: Tensor
    ) -> Tensor:
        """Return E(D(x) - D(T(x)))^2, a scalar."""
        from gantool_consistency.views import flipped, shifted

        view = flipped(images, step.random, self.flip)
        view = shifted(view, step.random, self.largest_shift)  # [N, C, H, W]
        return (logits - step.discriminate(view, labels)).square().mean()


class ZCR(Regularizer):
    """zCR: D judges G(z) as G(z + e), and G makes them differ, e ~ N(0, s^2) (Zhao et al. 2021).

    Added to D's loss is `discriminator_weight` E(D(G(z)) - D(G(z + e)))^2, and to G's
    -`generator_weight` E(G(z) - G(z + e))^2, averaged over the pixels as code bases do; the paper
    sums. Together with bCR it is ICR. Beside a regularizer that changes what the discriminator
    sees, it changes both images alike. Cost: one more forward pass of both networks in either
    update, with a backward pass of the one that is trained.
    """

    name = "zcr"

    discriminator_weight: Scheduled[NonNegativeFloat] = Scheduled(20.0)
    """Weight of the discriminator's penalty."""
    generator_weight: Scheduled[NonNegativeFloat] = Scheduled(0.5)
    """Weight of the generator's reward."""
    deviation: NonNegativeFloat = 0.05
    """Standard deviation s of the change of latents, whose own is 1."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        if not self.discriminator_weight:
            return super().discriminator_penalty(step)
        shown = step.transform(self._nearby(step).detach(), like=step.fake)
        logits = step.discriminate(shown, step.fake_labels, transformed=False)  # [N]
        weight = self.discriminator_weight.at(step)
        return weight * (step.fake_logits - logits).square().mean()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        if not self.generator_weight:
            return super().generator_penalty(step)
        weight = self.generator_weight.at(step)
        return -weight * (step.fake - self._nearby(step)).square().mean()

    def _nearby(self, step: DiscriminatorStep | GeneratorStep) -> Tensor:
        """Return G(z + e), [N, C, H, W]."""
        change = self.deviation * step.random.normal(*step.latents.shape)
        return step.generate(step.latents + change, step.fake_labels)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer both."""
    return [Consistency, ZCR]
