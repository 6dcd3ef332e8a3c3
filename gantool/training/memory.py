"""Faults of a device's memory, by whatever library they are raised."""

from __future__ import annotations

import torch

MARKS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
"""Words of memory faults that come without a class: torch's on a CPU, Apple's, cuBLAS, cuDNN."""
GIBIBYTE = 2**30


def is_memory_fault(error: BaseException) -> bool:
    """Whether an exception says that memory was not to be had."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in MARKS)


def peak_memory(device: torch.device) -> str | None:
    """Return the most that tensors have taken up so far, and what there is, on an NVIDIA GPU."""
    if device.type != "cuda":
        return None
    peak, whole = torch.cuda.max_memory_allocated(device), torch.cuda.mem_get_info(device)[1]
    return f"{peak / GIBIBYTE:.1f} GiB in use at the peak, of {whole / GIBIBYTE:.1f} GiB"
