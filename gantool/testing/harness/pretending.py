"""A GPU that torch believes in, and a watch on the operations of steps on it."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, lt
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.optim.optimizer import _foreach_supported_types
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from gantool.interfaces import modules

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY = 80 * 2**30
RATE = 0.5
"""The number that is read outside steps, where optimizers check learning rates."""


class Generator(torch.Generator):
    """A generator on the CPU that remembers the device it was meant for."""

    on_cuda: ClassVar[list[torch.Generator]] = []

    def __new__(cls, device: torch.device | str = "cpu") -> Self:
        """Make one on the CPU, for whatever device."""
        made = super().__new__(cls)
        if torch.device(device).type == "cuda":
            cls.on_cuda.append(made)
        return made


class Autocast(torch.autocast):
    """A context that tracks whether autocast is on, as operations cannot tell."""

    nested: ClassVar[list[bool]] = []

    @override
    def __enter__(self) -> Any:
        self.nested.append(self._enabled)
        return super().__enter__()  # type: ignore[no-untyped-call]

    @override
    def __exit__(self, *error: Any) -> Any:
        self.nested.pop()
        return super().__exit__(*error)

    @classmethod
    def is_on(cls) -> bool:
        """Whether the innermost context turns it on."""
        return cls.nested[-1] if cls.nested else False


class Event:
    """An event of a stream on which nothing is ever under way."""

    def __init__(self, *, blocking: bool = False) -> None:
        del blocking

    def record(self) -> None:
        """Record nothing."""

    def synchronize(self) -> None:
        """Wait for nothing."""


class Backward:
    """Calls of autograd's engine, which tells whether one is under way.

    The engine would use streams for tensors on CUDA, so it is shown a device without streams.
    """

    depth: ClassVar[int] = 0
    run: ClassVar[Callable[..., Any]] = torch.autograd.graph._engine_run_backward

    @classmethod
    def call(cls, *args: Any, **options: Any) -> Any:
        """Run the engine and count its depth."""
        cls.depth += 1
        try:
            return cls.run(*args, **options)
        finally:
            cls.depth -= 1


def believe_in_cuda() -> None:
    """Change this process for good: a GPU of the Ampere generation, with cuDNN."""
    _have_no_accelerator()
    torch.autograd._engine_run_backward = Backward.call  # type: ignore[attr-defined]
    cuda = cast("Any", torch.cuda)
    cuda.amp.common.amp_definitely_not_available = lambda: False
    cuda.is_bf16_supported = lambda: True
    cuda.get_device_capability = lambda device: (8, 0)
    cuda.mem_get_info = lambda device: (MEMORY, MEMORY)
    cuda.set_device = lambda device: None
    cuda.Event = Event
    replaced = cast("Any", torch)
    replaced.Generator, replaced.autocast = Generator, Autocast
    replaced.Tensor.pin_memory = _pin_memory
    replaced.nn.Module._apply = _apply
    replaced._C._select_conv_backend = _select_conv_backend
    _foreach_supported_types.append(FakeTensor)
    cast("Any", FakeTensor).__deepcopy__ = _deepcopy
    modules._sha256 = lambda tensors: bytes(32)  # of weights that are not computed


def is_generator_on_cuda(generator: torch.Generator) -> bool:
    """Whether a generator was meant to be on CUDA; every one of a run has its own seed."""
    return generator.initial_seed() in {each.initial_seed() for each in Generator.on_cuda}


def is_pinned(tensor: Tensor) -> bool:
    """Whether `pin_memory` returned a tensor."""
    return hasattr(tensor, "pinned_here")


class _NoHooks(torch._C._acc.PrivateUse1Hooks):
    @override
    def is_available(self) -> bool:
        return False


class _NoDevices(backend_registration._DummyBackendModule):
    @override
    def is_available(self) -> bool:
        return False


def _have_no_accelerator() -> None:
    """Let torch's accelerator be another one than CUDA, and not be there.

    Autograd asks for the contexts of the accelerator that torch was built for.
    """
    setup = cast("Any", backend_registration)._setup_privateuseone_for_python_backend
    setup("elsewhere", _NoDevices(), _NoHooks())


def _pin_memory(self: Tensor) -> Tensor:
    pinned = self.clone()
    pinned.pinned_here = True  # type: ignore[attr-defined]
    return pinned


def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """Copy a tensor without its known number."""
    copied = self.detach().clone()
    if isinstance(self, nn.Parameter):
        copied = nn.Parameter(copied, self.requires_grad)
    memo[id(self)] = copied
    return copied


def _apply(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Replace a module's tensors, where torch would swap their contents."""
    for child in self.children() if recurse else ():
        child._apply(fn)  # type: ignore[no-untyped-call]
    for name, parameter in self._parameters.items():
        if parameter is not None:
            moved = fn(parameter.detach())
            self._parameters[name] = nn.Parameter(moved, parameter.requires_grad)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def _select_conv_backend(*args: Any, transposed: bool, **options: Any) -> Any:
    """Return cuDNN, which keeps channels last."""
    backends = cast("Any", torch._C)._ConvBackend
    return backends.CudnnTranspose if transposed else backends.Cudnn


aten = torch.ops.aten
CUDA, META = torch.device("cuda", 0), torch.device("meta")
COMPARISONS = {aten.lt.Scalar: lt, aten.ge.Scalar: ge}
CONVERSIONS = {aten._to_copy.default, aten.detach.default}
SETTING = {aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}


class NotForCudaError(AssertionError):
    """Something is wrong on a GPU, or makes the host wait for it."""


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what a step must not do, after fake tensors have refused what they can.

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
    """Refuse, as a fused kernel does, other types and devices, and gradients in another order."""
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
