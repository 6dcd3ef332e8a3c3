"""A head beside the discriminator's own."""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Module):
    """Linear scores of pooled features, as many channels as there turn out to be."""

    def __init__(self, scores: int, channels: int = 8) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, scores)

    def forward(self, features: Tensor) -> Tensor:
        scores: Tensor = self.linear(features.sum((2, 3)))
        return scores
