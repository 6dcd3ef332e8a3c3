"""Path lengths of a generator, and their moving average."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gantool import GeneratorStep


class Lengths(nn.Module):
    """The moving average of path lengths, and those that the present update has seen.

    Everything is a buffer, so that an update can be recorded once and replayed; what an update
    has noted is gone when it ends, and is not saved.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.total: Tensor
        self.count: Tensor
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("total", torch.tensor(0.0), persistent=False)
        self.register_buffer("count", torch.tensor(0.0), persistent=False)

    def note(self, lengths: Tensor) -> None:
        """Take note of lengths, [n]."""
        self.total += lengths.detach().sum()
        self.count += len(lengths)

    def noted_mean(self) -> Tensor:
        """Return the mean of the lengths noted in this update, a scalar; 0 if there are none."""
        return self.total / self.count.clamp(min=1)

    def settle(self, noted_mean: Tensor, share: float) -> None:
        """Move the average, if anything was noted, and forget what was."""
        self.mean.lerp_(noted_mean, share * (self.count > 0).to(self.mean))
        self.total.zero_()
        self.count.zero_()


def path_lengths(step: GeneratorStep, batch_shrink: int) -> Tensor:
    """Return |J^T y| of one in `batch_shrink` images, [n], differentiable in the generator.

    J^T y is the gradient of the images' product with y, which needs no Jacobian.
    """
    labels = None if step.fake_labels is None else step.fake_labels[::batch_shrink]
    styles = step.mapping(step.latents[::batch_shrink], labels)  # [n, D] or [n, layers, D]
    if not styles.requires_grad:
        styles = styles.detach().requires_grad_()
    images = step.synthesis(styles, labels)  # [n, C, H, W]
    noise = step.random.normal(*step.fake.shape)[::batch_shrink]
    product = (images * noise).sum() / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad(product, styles, create_graph=True)
    layers = math.prod(styles.shape[1:-1])
    lengths: Tensor = gradient.flatten(1).norm(dim=1)
    return lengths / math.sqrt(layers)
