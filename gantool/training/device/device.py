"""The device of a run: its precision, its memory layout, and its memory."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import re
import sys
from collections import deque
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from gantool.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.data.selection import Pixels
    from gantool.recipe.schema import DeviceTable


log = logging.getLogger("gantool")

AHEAD = 8
"""Steps by which the host may run ahead of a GPU."""
INSTRUCTION_LIMITS = (
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
)
"""Variables by which oneDNN and MKL are kept from instructions that the CPU has."""
THREADS = "OMP_NUM_THREADS"

Module = TypeVar("Module", bound="nn.Module")


@dataclass(frozen=True)
class Device:
    """A device and how it is used.

    Attributes:
        device: Where weights, images and random numbers are.
        dtype: Type of weights, losses, penalties and averages.
        autocast: Type of the networks' arithmetic, where it differs; else None.
        layout: Memory order of images and weights.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    autocast: torch.dtype | None = None
    layout: torch.memory_format = torch.channels_last
    _under_way: deque[torch.cuda.Event] = field(default_factory=deque, repr=False)

    def place(self, module: Module) -> Module:
        """Move a module here, in this type and layout; whole-number buffers keep their type."""
        module.to(self.device, self.dtype)
        module._apply(self._ordered)  # type: ignore[no-untyped-call]
        return module

    def _ordered(self, tensor: Tensor) -> Tensor:
        """Return a tensor in this layout, which is one of four dimensions; others as they are."""
        return tensor.to(memory_format=self.layout) if tensor.dim() == 4 else tensor

    def forward_precision(self) -> AbstractContextManager[object]:
        """Return the context of the networks' forward passes."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.autocast)

    def full_precision(self) -> AbstractContextManager[object]:
        """Return a context inside which autocast is off."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self.device.type, enabled=False)

    def keep_pace(self) -> None:
        """Wait until a GPU is at most `AHEAD` steps behind; called once a step."""
        if self.device.type != "cuda":
            return
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record()
        self._under_way.append(event)
        if len(self._under_way) > AHEAD:
            self._under_way.popleft().synchronize()

    @property
    def processor(self) -> str | None:
        """What decides how a CPU rounds: its model, and the instructions that torch may use of it.

        None on a GPU, whose own name says that.
        """
        if self.device.type != "cpu":
            return None
        limits = [f"{name}={os.environ[name]}" for name in INSTRUCTION_LIMITS if name in os.environ]
        return ", ".join([_cpu_model(), torch.backends.cpu.get_cpu_capability(), *limits])

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        name = name if self.device.type in ("cuda", "cpu") else self.device.type
        precision = str(self.autocast or self.dtype).removeprefix("torch.")
        return f"{name}, {precision}"


def open_device(table: DeviceTable) -> Device:
    """Return the device that a recipe asks for, ready for use.

    Raises:
        UsageError: When the device does not exist, is not there, or lacks the precision.
    """
    device = _find(table.name)
    if device.type == "cpu":
        keep_freed_memory()
        _warn_of_odd_threads()
    if device.type == "cuda":
        if device.index is not None:
            torch.cuda.set_device(device.index)  # graphs and events are of the current one
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = not table.deterministic
    if table.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
        torch.use_deterministic_algorithms(mode=True)
        # nothing here reads what it has not written
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    dtype, autocast = _precision(table.precision, device)
    layout = torch.contiguous_format if table.layout == "contiguous" else torch.channels_last
    return Device(device, dtype, autocast, layout)


def _cpu_model() -> str:
    """Return what the CPU is called: on Linux by its maker, elsewhere by its kind."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _warn_of_odd_threads() -> None:
    """Say so where the number of threads that was asked for is not the one that torch takes."""
    wished, threads = os.environ.get(THREADS), torch.get_num_threads()
    if wished is None or re.fullmatch(rf"\s*{threads}\s*(,[\d\s,]*)?", wished):
        return
    log.warning("%s is %r: torch computes with %d threads", THREADS, wished, threads)


def _find(name: str) -> torch.device:
    """Return the device of a name; "auto" prefers CUDA, then Apple's GPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise UsageError(
            f"device '{name}' cannot be used: {reason}", f"devices here: {', '.join(here)}"
        ) from error
    return device


def _precision(name: str, device: torch.device) -> tuple[torch.dtype, torch.dtype | None]:
    """Return the type of weights and that of the networks' arithmetic, where it differs."""
    if name == "float64" and device.type == "mps":
        raise UsageError("device 'mps' has no float64", 'set device.precision = "float32"')
    if name == "float64":
        return torch.float64, None
    if name == "bf16" or (name == "auto" and device.type == "cuda" and _has_bf16(device)):
        return torch.float32, torch.bfloat16
    return torch.float32, None


def _has_bf16(device: torch.device) -> bool:
    """Whether the GPU computes in bf16 itself; those before Ampere only emulate it."""
    major, _ = torch.cuda.get_device_capability(device)
    return major >= 8


M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
RESIDENT_SHARE = 0.25
"""Share of a device's memory that images may take; the rest is for networks, or for others."""
MARKS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
"""Words of memory faults that come without a class: torch's on a CPU, Apple's, cuBLAS, cuDNN."""
GIBIBYTE = 2**30


def keep_freed_memory() -> None:
    """Have glibc keep the memory that is freed, for the tensors to come.

    By default it returns every block of over 32 MiB, such as the activations of 128 images, and
    asks for it anew in each step; each of its pages then costs a fault. A GPU's memory is kept
    likewise, by torch. Elsewhere than under glibc nothing changes. See mallopt(3).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)


def is_resident(wish: str, images: Pixels, device: torch.device) -> bool:
    """Return whether images are kept on a device, rather than streamed to it.

    Args:
        wish: "on", "off", or "auto": when they take at most a share of its free memory.
        images: uint8.
        device: Where they are trained on.
    """
    if wish != "auto":
        return wish == "on"
    return prod(images.shape) <= RESIDENT_SHARE * _memory(device)


def _memory(device: torch.device) -> int:
    """Return a device's memory in bytes: what is free of a GPU's, all that the machine has."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_memory_fault(error: BaseException) -> bool:
    """Whether an exception says that memory was not to be had."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in MARKS)


def peak_memory(device: torch.device) -> int | None:
    """Return the most bytes in use so far: by tensors on a GPU, else by the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_in_words(device: torch.device) -> str:
    """Say how much of a GPU's memory was in use at the peak; nothing elsewhere."""
    if device.type != "cuda":
        return ""
    peak, whole = peak_memory(device) or 0, torch.cuda.mem_get_info(device)[1]
    return f" ({peak / GIBIBYTE:.1f} GiB in use at the peak, of {whole / GIBIBYTE:.1f} GiB)"
