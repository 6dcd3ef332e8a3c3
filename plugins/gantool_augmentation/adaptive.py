"""The probability that ADA adapts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdaptiveProbability(nn.Module):
    """A probability that moves with the signs of the discriminator's logits on real images.

    Everything that changes is a buffer, so that an update can be recorded once and replayed.

    Args:
        start: The probability at first.
        target: Mean sign above which it rises.
        interval: Observations from one move to the next.
        stride: Length of a move.
    """

    def __init__(self, start: float, target: float, interval: int, stride: float) -> None:
        super().__init__()
        self.target, self.interval, self.stride = target, interval, stride
        self.probability: Tensor
        self.signs: Tensor
        self.observations: Tensor
        self.register_buffer("probability", torch.tensor(start))
        self.register_buffer("signs", torch.tensor(0.0))
        self.register_buffer("observations", torch.tensor(0))

    def observe(self, sign: Tensor) -> None:
        """Take note of a batch's mean sign; move when enough of them are together."""
        self.signs += sign
        self.observations += 1
        due = self.observations == self.interval
        direction = (self.signs / self.interval - self.target).sign()
        moved = (self.probability + self.stride * direction).clamp(0, 1)
        self.probability.copy_(torch.where(due, moved, self.probability))
        self.signs.masked_fill_(due, 0)
        self.observations.masked_fill_(due, 0)
