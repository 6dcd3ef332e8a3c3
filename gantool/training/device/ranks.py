"""The processes that train together: one, unless torchrun started several.

Each works on its own rows of every batch. Gradients and figures are summed once an update, so that
all of them make the same step, and the step that one process alone would make.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.modules.batchnorm import _BatchNorm
from typing_extensions import override

from gantool.errors import DivergedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from gantool.recipe.schema import DeviceTable

PATIENCE = timedelta(minutes=30)
"""How long processes wait for each other, as long as the first one may need to save."""


@dataclass
class Ranks:
    """Which process this is, and of how many.

    Attributes:
        index: This process, from 0. Only the first one writes, samples and logs.
        count: Processes that train together.
        group: torch's process group, or a backend by itself; None for a single process.
        store: What they tell each other besides; None for a single process.
        together: Whether all of them are at the same work now, and can wait for each other.
    """

    index: int = 0
    count: int = 1
    group: Any = None
    store: Store | None = None
    together: bool = False
    _texts: int = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Ranks:
        return self  # networks hold it, and are copied

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Do together what is inside the context; the first process samples by itself."""
        self.together = True
        try:
            yield
        finally:
            self.together = False

    @torch.no_grad()
    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all ranks, with one flat all-reduce."""
        if self.group is None:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self.group.allreduce([flat]).wait()
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all ranks, differentiable as often as you like."""
        if self.group is None:
            return value
        summed: Tensor = _Sum.apply(value, self.group)
        return summed

    def mean(self, value: Tensor, weight: int) -> Tensor:
        """Return the mean over all ranks, each weighted by the rows it has seen."""
        if self.count == 1:
            return value
        weights = self.total(value.new_full((), weight))
        return self.total(value * weight) / weights

    def take_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of the first process."""
        for tensor in tensors if self.group is not None else ():
            self._broadcast(tensor)

    def all(self, mine: bool, device: torch.device) -> bool:
        """Return whether something holds in every process."""
        failures = torch.full((1,), int(not mine), device=device)
        self.sum_([failures])
        return not failures.item()

    def share_text(self, text: str) -> str:
        """Return the first process's text."""
        if self.store is None:
            return text
        self._texts += 1
        key = f"text {self._texts}"
        if self.index == 0:
            self.store.set(key, text)
        return str(self.store.get(key), "utf-8")

    @torch.no_grad()
    def _broadcast(self, tensor: Tensor) -> None:
        """Replace a tensor by that of the first process, whatever its memory order."""
        assert self.group is not None  # asked before
        plain = tensor.contiguous()
        self.group.broadcast(plain, 0).wait()
        tensor.copy_(plain)

    def require_equal(self, tensors: Mapping[str, Tensor]) -> None:
        """Compare tensors with those of the first process.

        Raises:
            DivergedError: When one differs on any rank; all ranks raise it.
        """
        if self.group is None or not tensors:
            return
        ours = torch.stack([_checksum(tensor) for tensor in tensors.values()])
        theirs = ours.clone()
        self._broadcast(theirs)
        differs = (ours != theirs).any(1).to(torch.int32)
        self.group.allreduce([differs]).wait()
        names = [name for name, bad in zip(tensors, differs.tolist(), strict=True) if bad]
        if names:
            raise DivergedError(
                f"the {self.count} processes no longer agree on {names[0]}"
                + (f" and {len(names) - 1} more" if names[1:] else ""),
                "a component draws numbers of its own, or reads what only one process has: "
                "draw from step.random, average with step.average",
            )


class _Sum(torch.autograd.Function):
    """The sum over all ranks; its gradient is the sum of all ranks' gradients."""

    @staticmethod
    @override
    def forward(ctx: Any, value: Tensor, group: Any) -> Tensor:
        ctx.group = group
        summed = value.clone(memory_format=torch.contiguous_format)
        group.allreduce([summed]).wait()
        return summed

    @staticmethod
    @override
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        summed: Tensor = _Sum.apply(gradient, ctx.group)
        return summed, None


def _checksum(tensor: Tensor) -> Tensor:
    """Return two numbers that another tensor hardly shares, [2]."""
    values = tensor.detach().double().flatten()
    places = torch.arange(1, len(values) + 1, dtype=values.dtype, device=values.device)
    sums = torch.stack([values.sum(), (values * places).sum()])
    return sums.nan_to_num()  # where both are NaN, both agree


class SynchronizedBatchNorm(_BatchNorm):
    """BatchNorm (Ioffe & Szegedy 2015) whose mean and variance are of all ranks' images.

    On any device, differentiable twice: torch's SyncBatchNorm refuses CPU tensors and second
    derivatives.
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


def shared_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what is the same on all ranks: not BatchNorm's statistics, unless synchronized."""
    yield from module.named_parameters()
    for name, part in module.named_modules():
        if not isinstance(part, _BatchNorm) or isinstance(part, SynchronizedBatchNorm):
            yield from part.named_buffers(name, recurse=False)


def synchronize(network: nn.Module, ranks: Ranks) -> nn.Module:
    """Replace every BatchNorm layer of a network by one over all ranks; weights keep their names.

    The network is changed in place, unless it is itself such a layer.
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
            layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
        )
    replacement.ranks = ranks
    replacement.weight, replacement.bias = layer.weight, layer.bias
    for name, buffer in layer.named_buffers(recurse=False):
        setattr(replacement, name, buffer)
    return replacement.train(layer.training)


def _shaped(values: Tensor, like: Tensor) -> Tensor:
    """Return values [C] so that they broadcast over [N, C, ...]."""
    return values.view(1, -1, *[1] * (like.dim() - 2))


def join(table: DeviceTable) -> Ranks:
    """Meet the other processes that torchrun has started, if it has.

    On a machine with GPUs, each process takes its own.

    Raises:
        UsageError: When the recipe wants all of them on the same GPU.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks()
    if table.name.startswith("cuda:"):
        raise UsageError(
            f"device.name = '{table.name}' is one GPU, and torchrun has started several processes",
            'set device.name = "cuda"',
        )
    on_gpu = table.name in ("auto", "cuda") and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    store, rank, count = next(iter(rendezvous("env://", timeout=PATIENCE)))
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = PrefixStore(f"gantool {restart}", store)
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        store=PrefixStore("tensors", store),
        rank=rank,
        world_size=count,
        timeout=PATIENCE,
    )
    return Ranks(rank, count, distributed.group.WORLD, PrefixStore("words", store))


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
