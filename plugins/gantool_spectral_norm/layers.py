"""Which layers are normalized, and by what."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from typing_extensions import override

NORMALIZED = (nn.modules.conv._ConvNd, nn.Linear, nn.Embedding)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class FullPrecisionNorm(parametrizations._SpectralNorm):
    """PyTorch's parametrization; on a GPU, autocast would iterate in bf16 and miss by 0.3 %."""

    @override
    def forward(self, weight: Tensor) -> Tensor:
        kind = weight.device.type
        if not torch.amp.is_autocast_available(kind):  # nor on "meta"
            return super().forward(weight)
        with torch.autocast(kind, enabled=False):
            return super().forward(weight)


def normalize(network: nn.Module, power_iterations: int) -> None:
    """Normalize every convolution, linear layer and embedding that is not normalized yet.

    The parametrization keeps the vectors u and v in buffers, warmed up by 15 iterations.
    """
    for module in list(network.modules()):
        if isinstance(module, NORMALIZED) and not parametrize.is_parametrized(module, "weight"):
            weight = module.get_parameter("weight")
            outputs = 1 if isinstance(module, TRANSPOSED) else 0
            norm = FullPrecisionNorm(weight, power_iterations, outputs)
            parametrize.register_parametrization(module, "weight", norm)
