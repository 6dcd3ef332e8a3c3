"""The allocator of tensors' memory on the CPU."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


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
