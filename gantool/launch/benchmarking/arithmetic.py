"""What a step computes, and what the device could compute in that time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

from gantool.launch.benchmarking.timing import by_turns, seconds

if TYPE_CHECKING:
    from gantool.training.device import Device
    from gantool.training.trainer import Trainer

SIDES = {"cuda": 8192, "cpu": 2048}
"""Sides of the square matrices whose product tells what a device can do."""
ROUNDS = 7


def operations_of_a_step(trainer: Trainer) -> int:
    """Return the floating-point operations of a trainer's next step, made eagerly.

    Products and convolutions are counted, as 2 operations for a multiplication and an addition.
    """
    with FlopCounterMode(display=False) as counter:
        trainer.one_step()
    return int(counter.get_total_flops())


def peak_of(device: Device) -> float:
    """Return what the device reaches in a product of large matrices, in operations a second."""
    side = SIDES.get(device.device.type, 2048)
    dtype = device.autocast or device.dtype
    a, b = (torch.randn(side, side, device=device.device).to(dtype) for _ in range(2))
    a @ b
    product = partial(seconds, lambda: a @ b, device.device)
    fastest = by_turns({"product": product}, ROUNDS)["product"].minimum
    return 2 * side**3 / (fastest / 1e3)
