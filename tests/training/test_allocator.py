"""Memory of tensors that come and go is obtained from the system once."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource, torch
from gantool.recipe.schema import DeviceTable
from gantool.training.device.device import open_device

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(64 * 2**20, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

open_device(DeviceTable(name="cpu"))
print(json.dumps([faults() * resource.getpagesize() / 2**20 for _ in range(12)]))
"""
"""Prints how many MiB are new to the process, for each of twelve tensors of 64 MiB."""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="other systems keep it, or not, by themselves"
)
def test_memory_once_used_costs_no_faults_again() -> None:
    command = [sys.executable, "-c", SCRIPT]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    obtained = json.loads(printed)
    assert obtained[0] > 60
    assert max(obtained[-4:]) < 1
