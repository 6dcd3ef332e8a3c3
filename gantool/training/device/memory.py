"""A device's memory: what is kept in it, its peak, and its faults."""

from __future__ import annotations

import ctypes
import os
import sys
from math import prod
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from gantool.data.selection import Pixels

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
