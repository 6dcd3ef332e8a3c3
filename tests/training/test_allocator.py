"""Memory of tensors that come and go is obtained from the system once."""

from __future__ import annotations

import resource
import sys

import pytest
import torch

from gantool.recipe.schema import DeviceTable
from gantool.training.device import open_device

MIB_64 = 64 * 2**20
PAGES = MIB_64 // resource.getpagesize()


def faults_of_a_tensor() -> int:
    """Return the page faults of making, filling and dropping a tensor of 64 MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(MIB_64, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep it, or not, by themselves")
def test_memory_once_used_costs_no_faults_again() -> None:
    open_device(DeviceTable(name="cpu"))
    faults = [faults_of_a_tensor() for _ in range(12)]
    assert max(faults) > PAGES / 2  # the memory was obtained at some time
    assert max(faults[-4:]) < PAGES / 100
