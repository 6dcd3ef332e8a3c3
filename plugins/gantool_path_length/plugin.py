"""The regularizer `path-length`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt
from typing_extensions import override

from gantool import Component, LazyOption, Regularizer, Scheduled, hookimpl

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool import GeneratorStep, Setup, Step


class PathLength(LazyOption, Regularizer):
    """Path length: weight E(|J^T y| - a)^2, J the generator's Jacobian (Karras et al. 2020, eq. 4).

    A step in w should change the image by the same amount everywhere. J is the derivative of the
    images in w, what a generator's mapping makes of latents, or in the latents themselves where
    the generator has no mapping; y is normal noise of variance 1 / (H W), and a a moving average
    of the lengths. With a w for each layer, lengths are root mean squares over them. StyleGAN2's
    code lets a batch into its own average, by a share of 1 - `decay`; here the average moves after
    the update. Meant for generators without BatchNorm, which lets an image depend on the others'
    w. Cost: a forward and a double backward pass of the generator on a part of the batch.
    """

    name = "path-length"
    strength = "weight"

    weight: Scheduled[NonNegativeFloat] = Scheduled(2.0)
    """Weight of the penalty."""
    every_steps: PositiveInt = 4
    """Updates of the generator from one application to the next."""
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the average that an application keeps."""
    batch_shrink: PositiveInt = 2
    """One in so many images is looked at, in each slice of a batch from its first one on."""

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from gantool_path_length.lengths import Lengths

        return Lengths()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        from gantool_path_length.lengths import Lengths, path_lengths

        lengths, state = path_lengths(step, self.batch_shrink), step.state(Lengths)  # [N / shrink]
        state.note(lengths)
        return self.weight.at(step) * (lengths - state.mean).square().mean()

    @override
    def after_update(self, step: Step) -> None:
        from gantool_path_length.lengths import Lengths

        if step.player == "generator":
            state = step.state(Lengths)
            state.settle(step.average(state.noted_mean()), 1 - self.decay)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the regularizer."""
    return [PathLength]
