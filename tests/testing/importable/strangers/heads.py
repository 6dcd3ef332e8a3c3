"""A head beside the discriminator's own."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

POOLED = 8


class Head(nn.Module):
    """Linear scores of pooled features, however many channels those have."""

    def __init__(self, scores: int) -> None:
        super().__init__()
        self.linear = nn.Linear(POOLED, scores)

    def forward(self, features: Tensor) -> Tensor:
        values = features.flatten(2).mean(2) if features.dim() > 2 else features  # [N, C]
        scores: Tensor = self.linear(F.adaptive_avg_pool1d(values[:, None], POOLED)[:, 0])
        return scores
