"""BatchNorm over the batch of all processes, on any device, differentiable twice.

torch's own SyncBatchNorm refuses CPU tensors and second derivatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from typing_extensions import override

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.training.parallel import Ranks


class SynchronizedBatchNorm(_BatchNorm):
    """BatchNorm (Ioffe & Szegedy 2015) whose mean and variance are of all ranks' images.

    Evaluation, and training mode outside the ranks' common updates, are as ever.
    """

    ranks: Ranks

    @override
    def _check_input_dim(self, input: Tensor) -> None:
        """Take what the replaced layer took."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.ranks.count == 1 or not self.ranks.together:
            return super().forward(input)
        values = input.to(self._precision(input))
        dims = [0, *range(2, values.dim())]
        local = values.new_full((), values.numel() // values.shape[1])
        sums = self.ranks.total(torch.cat([values.sum(dims), local[None]]))  # [C + 1]
        count = sums[-1]
        mean = sums[:-1] / count  # [C]
        centered = values - _shaped(mean, values)
        variance = self.ranks.total(centered.square().sum(dims)) / count  # [C]
        self._remember(mean, variance, count)
        normal = centered * _shaped((variance + self.eps).rsqrt(), values)
        if self.affine:
            normal = normal * _shaped(self.weight, values) + _shaped(self.bias, values)
        return normal.to(input.dtype)

    def _precision(self, input: Tensor) -> torch.dtype:
        """Statistics are in full precision under autocast."""
        return torch.float32 if input.dtype in (torch.bfloat16, torch.float16) else input.dtype

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Move the running statistics as torch does: with the unbiased variance."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None  # tracked with the other two
        self.num_batches_tracked.add_(1)
        share: Any = self.momentum
        if share is None:  # the mean of all batches so far
            share = 1 / self.num_batches_tracked.to(mean.dtype)
        unbiased = variance * count / (count - 1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)


def synchronize(network: nn.Module, ranks: Ranks) -> nn.Module:
    """Replace every BatchNorm layer of a network by one over all ranks; weights keep their names.

    Args:
        network: Changed in place, unless it is itself a BatchNorm layer.
        ranks: Who trains together; a single process keeps the layers it has.
    """
    if ranks.count == 1:
        return network
    if isinstance(network, _BatchNorm) and not isinstance(network, SynchronizedBatchNorm):
        return _synchronized(network, ranks)
    for name, child in network.named_children():
        network.add_module(name, synchronize(child, ranks))
    return network


def _synchronized(layer: _BatchNorm, ranks: Ranks) -> SynchronizedBatchNorm:
    with torch.no_grad():
        replacement = SynchronizedBatchNorm(
            layer.num_features,
            layer.eps,
            layer.momentum,
            layer.affine,
            layer.track_running_stats,
        )
    replacement.ranks = ranks
    replacement.weight, replacement.bias = layer.weight, layer.bias
    for name, buffer in layer.named_buffers(recurse=False):
        setattr(replacement, name, buffer)
    return replacement.train(layer.training)


def _shaped(values: Tensor, like: Tensor) -> Tensor:
    """Return values [C] so that they broadcast over [N, C, ...]."""
    return values.view(1, -1, *[1] * (like.dim() - 2))
