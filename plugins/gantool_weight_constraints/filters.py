"""A network's filters, and how far they are from orthogonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.utils import parametrize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
DIRECT = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def filters(network: nn.Module) -> Iterator[Tensor]:
    """Yield the trained filters of every convolution and linear layer, one a row, [out, in k k]."""
    for module in network.modules():
        if isinstance(module, (*DIRECT, *TRANSPOSED)):
            weight = _own_weight(module)
            if weight.requires_grad:
                yield _rows(module, weight)


def overlap(weight: Tensor, *, full: bool) -> Tensor:
    """Return |W W^T * (1 - I)|^2, or |W W^T - I|^2 if `full`, for W [out, in]; a scalar."""
    squares = weight.square().sum(1)  # [out], the diagonal of W W^T
    if weight.shape[0] <= weight.shape[1]:
        off_diagonal = (weight @ weight.mT).fill_diagonal_(0).square().sum()
    else:  # more filters than they have entries: |W W^T| = |W^T W|, and that is smaller
        off_diagonal = (weight.mT @ weight).square().sum() - squares.square().sum()
    return off_diagonal + (squares - 1).square().sum() if full else off_diagonal


def _own_weight(module: nn.Module) -> Tensor:
    """Return the weight that is trained; reading `.weight` would advance a spectral norm."""
    if parametrize.is_parametrized(module, "weight"):
        parametrization = module.get_submodule("parametrizations.weight")
        if hasattr(parametrization, "original"):  # one tensor in the weight's own shape
            return parametrization.get_parameter("original")
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight


def _rows(module: nn.Module, weight: Tensor) -> Tensor:
    """Return one filter a row; transposed convolutions hold them along the second dimension."""
    if isinstance(module, TRANSPOSED):
        grouped = weight.view(module.groups, -1, *weight.shape[1:])  # [groups, in, out, k, k]
        weight = grouped.transpose(1, 2).flatten(0, 1)  # [out, in, k, k]
    return weight.flatten(1)
