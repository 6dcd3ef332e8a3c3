"""The regularizer `lecam`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, NonNegativeFloat, PositiveInt
from typing_extensions import override

from gantool import Component, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from gantool import DiscriminatorStep, Setup, Step


class LeCam(Regularizer):
    """LeCam: weight [E(D(x) - a_F)^2 + E(D(G(z)) - a_R)^2], a the mean logits (Tseng et al. 2021).

    The anchors a_R and a_F are exponential moving averages of the mean logits of real and of
    generated images. As in the authors' code, only the parts beyond the anchors count,
    max(0, D(x) - a_F) and max(0, a_R - D(G(z))); `rectified = false` gives the paper's formula.
    Made for small sets, and for losses whose logits are bounded or saturate, as hinge's do.
    Cost: next to nothing.
    """

    name = "lecam"
    strength = "weight"

    weight: Scheduled[NonNegativeFloat] = Scheduled(0.3)
    """Weight of the penalty."""
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the anchors that an update keeps."""
    start_step: PositiveInt = 1000
    """First step with a penalty; until then the anchors follow the last batch."""
    rectified: bool = True
    """Whether logits count only where they are beyond their anchor."""

    @classmethod
    @override
    def example(cls, scratch: Path) -> Self:
        """Return one whose penalty begins at once: checks train for a few steps."""
        del scratch
        return cls(start_step=1)

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from gantool_lecam.anchors import Anchors

        return Anchors()

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        from gantool_lecam.anchors import Anchors

        anchors = step.state(Anchors)
        real, fake = step.real_logits - anchors.fake, anchors.real - step.fake_logits  # [N], [N]
        if self.rectified:
            real, fake = real.relu(), fake.relu()
        penalty = real.square().mean() + fake.square().mean()
        return self.weight.at(step) * self._has_begun(step) * penalty

    @override
    def after_update(self, step: Step) -> None:
        from gantool_lecam.anchors import Anchors

        if step.player == "discriminator":
            real = step.average(step.real_logits.mean())
            fake = step.average(step.fake_logits.mean())
            step.state(Anchors).move(real, fake, 1 - self.decay * self._has_begun(step))

    def _has_begun(self, step: Step) -> Tensor:
        """Return 1 from the first step with a penalty on, before that 0; a scalar."""
        return (step.number >= self.start_step).to(step.real_logits)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the regularizer."""
    return [LeCam]
