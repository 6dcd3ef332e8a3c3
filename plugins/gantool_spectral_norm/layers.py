"""Which layers are normalized."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations, parametrize

NORMALIZED = (nn.modules.conv._ConvNd, nn.Linear, nn.Embedding)


def normalize(network: nn.Module, power_iterations: int) -> None:
    """Normalize every convolution, linear layer and embedding that is not normalized yet.

    PyTorch's parametrization keeps the vectors u and v in buffers, warmed up by 15 iterations.
    """
    for module in list(network.modules()):
        if isinstance(module, NORMALIZED) and not parametrize.is_parametrized(module, "weight"):
            parametrizations.spectral_norm(module, n_power_iterations=power_iterations)
