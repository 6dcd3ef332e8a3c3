"""What LeCam regularization remembers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Anchors(nn.Module):
    """Moving averages of the mean logits of real and of generated images."""

    def __init__(self) -> None:
        super().__init__()
        self.real: Tensor
        self.fake: Tensor
        self.register_buffer("real", torch.tensor(0.0))
        self.register_buffer("fake", torch.tensor(0.0))

    def move(self, real: Tensor, fake: Tensor, share: Tensor) -> None:
        """Move a share of the way to the mean logits of a batch; scalars."""
        self.real.lerp_(real, share)
        self.fake.lerp_(fake, share)
