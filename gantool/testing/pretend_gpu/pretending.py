"""Makes torch believe in a GPU that is not there, on which fake tensors compute nothing.

Fake tensors know shapes, types, devices and autocast, and that their numbers cannot be read.
Whatever else a GPU is asked for has to be replaced in the whole process and for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.optim.optimizer import _foreach_supported_types
from torch.utils import backend_registration
from typing_extensions import override

MEMORY = 80 * 2**30


class Generator(torch.Generator):
    """A generator of the CPU's that remembers where it was meant to be."""

    on_cuda: ClassVar[list[torch.Generator]] = []

    def __new__(cls, device: torch.device | str = "cpu") -> Self:
        """Make one of the CPU's, wherever it should be."""
        made = super().__new__(cls)
        if torch.device(device).type == "cuda":
            cls.on_cuda.append(made)
        return made


class Autocast(torch.autocast):
    """A context that knows whether autocast is on, which operations are not told."""

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

    The engine would use streams for tensors on CUDA, so it is to find them on a device that has
    none.
    """

    depth: ClassVar[int] = 0
    run: ClassVar[Callable[..., Any]] = torch.autograd.graph._engine_run_backward

    @classmethod
    def call(cls, *args: Any, **options: Any) -> Any:
        """Run the engine and count how deep."""
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
    """Copy a tensor without the number that it may be known to hold."""
    copied = self.detach().clone()
    if isinstance(self, nn.Parameter):
        copied = nn.Parameter(copied, self.requires_grad)
    memo[id(self)] = copied
    return copied


def _apply(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Replace a module's tensors, where torch would swap their contents."""
    for child in self.children() if recurse else ():
        _apply(child, fn)
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
