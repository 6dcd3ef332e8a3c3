"""Watches the operations of training steps on fake CUDA tensors."""

from __future__ import annotations

from operator import ge, lt
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from gantool.testing.pretend_gpu.pretending import (
    Autocast,
    Backward,
    is_generator_on_cuda,
    is_pinned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

aten = torch.ops.aten
CUDA, META = torch.device("cuda", 0), torch.device("meta")
RATE = 0.5
"""What is read outside steps: learning rates, which optimizers check."""
COMPARISONS = {aten.lt.Scalar: lt, aten.ge.Scalar: ge}
CONVERSIONS = {aten._to_copy.default, aten.detach.default}
SETTING = {aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}


class NotForCudaError(AssertionError):
    """Something is wrong on a GPU, or makes the host wait for it."""


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what should not be done in a step; what fake tensors refuse, they refuse first.

    Attributes:
        in_step: Whether it is strict: outside steps, numbers may be read.
        may_read: Whether steps may wait for numbers all the same.
        in_turns: Whether tensors must be on CUDA: before the turns, batches are put together.
        optimizer_steps: Calls of a fused optimizer.
        halves: Operations on bf16.
        contiguous: Shapes of the convolved images that were not in channels-last order.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.in_step = self.in_turns = self.may_read = False
        self.optimizer_steps = self.halves = 0
        self.contiguous: list[torch.Size] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:  # asked by torch itself, not from Python
            return META if Backward.depth else func(*args)
        if Backward.depth and kwargs.get("device") == META:
            kwargs = {**kwargs, "device": CUDA}
        reads = self.may_read or not self.in_step
        if func is aten._local_scalar_dense.default and reads:
            return getattr(args[0], "known", RATE)
        if func.__name__.startswith("_fused_"):  # of which there are no fake ones
            self.optimizer_steps += 1
            return _refuse_for_optimizer(args, kwargs)
        result = func(*args, **kwargs)
        if func in COMPARISONS:
            result.known = COMPARISONS[func](RATE, args[1])
        if self.in_step:
            self._look_at(func, args, kwargs, result)
        return result

    def _look_at(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        given, made = _tensors((args, kwargs)), _tensors(result)
        if torch.Tag.nondeterministic_seeded in func.tags:
            _refuse_draw(func, kwargs.get("generator"), *made)
        if func in (aten._to_copy.default, aten.copy_.default) and not self.may_read:
            _refuse_transfer(func, args, kwargs, [*given, *made])
        if func in SETTING and any(each.dtype == torch.bool for each in _tensors(args[1])):
            raise NotForCudaError(f"{func} waits for the number of indices")
        if self.in_turns and any(each.device.type != "cuda" for each in [*given, *made]):
            raise NotForCudaError(f"{func} has a tensor that is not on CUDA")
        if any(each.dtype == torch.bfloat16 for each in given):
            self.halves += 1
            if not (Backward.depth or Autocast.is_on() or func in CONVERSIONS):
                raise NotForCudaError(f"{func} is in bf16, outside the networks")
        if func is aten.convolution.default and not (Backward.depth or _is_channels_last(args[0])):
            self.contiguous.append(args[0].shape)


def _refuse_draw(func: Any, generator: torch.Generator | None, drawn: Tensor) -> None:
    """Refuse numbers that do not depend on the seed, or are drawn elsewhere."""
    if generator is None:
        raise NotForCudaError(f"{func} draws from the global generator")
    if is_generator_on_cuda(generator) != (drawn.device.type == "cuda"):
        raise NotForCudaError(f"{func} has a generator of another device")


def _refuse_transfer(func: Any, args: Any, kwargs: Any, ends: Sequence[Tensor]) -> None:
    """Refuse a copy between devices for which the host waits."""
    if len({each.device.type for each in ends}) == 1:
        return
    asynchronous = kwargs.get("non_blocking", args[2] if len(args) > 2 else False)
    source = args[1] if func is aten.copy_.default else args[0]
    if not asynchronous or not is_pinned(source):
        raise NotForCudaError(f"{func} waits for a copy between devices")


def _refuse_for_optimizer(args: Any, kwargs: Any) -> None:
    """Refuse what a fused kernel does: other types and devices, gradients in another order."""
    for each in [*_tensors(args), *_tensors(kwargs)]:
        if each.dtype != torch.float32 or each.device.type != "cuda":
            raise NotForCudaError(f"an optimizer is given {each.dtype} on {each.device}")
    lists = [each for each in args[:4] if each]  # weights, gradients, moments
    for weight, *others in zip(*lists, strict=True):
        if any(_strides(each) != _strides(weight) for each in others):
            raise NotForCudaError(f"a gradient of shape {list(weight.shape)} is in another order")


def _is_channels_last(images: Tensor) -> bool:
    return images.is_contiguous(memory_format=torch.channels_last)


def _strides(tensor: Tensor) -> list[int]:
    """Return the strides that matter."""
    pairs = zip(tensor.stride(), tensor.shape, strict=True)
    return [stride for stride, size in pairs if size > 1]


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
