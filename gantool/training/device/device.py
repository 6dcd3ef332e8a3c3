"""The device of a run, its precision and its memory layout."""

from __future__ import annotations

import logging
import os
import platform
import re
from collections import deque
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from gantool.errors import UsageError
from gantool.training.device.memory import keep_freed_memory

if TYPE_CHECKING:
    from torch import Tensor, nn

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
        raise UsageError(f"device '{name}' cannot be used: {reason}", _devices_here()) from error
    return device


def _devices_here() -> str:
    """Name the devices of this machine."""
    names = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return f"devices here: {', '.join(names)}"


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
