"""The arithmetic of a step, and what the device could compute in that time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from typing_extensions import override

from gantool.launch.benchmarking.timing import by_turns, seconds

if TYPE_CHECKING:
    from gantool.training.device.device import Device
    from gantool.training.trainer import Trainer

SIDES = {"cuda": 8192, "cpu": 2048}
"""Sides of the square matrices whose product tells what a device can do."""
ROUNDS = 7


def operations_of_a_step(trainer: Trainer) -> int:
    """Return the floating-point operations of a trainer's next step, made eagerly.

    Products and convolutions are counted, as 2 operations for a multiplication and an addition.
    """
    counter = _Counter()
    with counter:
        trainer.one_step()
    return counter.total


def peak_of(device: Device) -> float:
    """Return what the device reaches in a product of large matrices, in operations a second."""
    side = SIDES.get(device.device.type, 2048)
    dtype = device.autocast or device.dtype
    a, b = (torch.randn(side, side, device=device.device).to(dtype) for _ in range(2))
    a @ b
    product = partial(seconds, lambda: a @ b, device.device)
    fastest = by_turns({"product": product}, ROUNDS)["product"].minimum
    return 2 * side**3 / (fastest / 1e3)


class _Counter(TorchDispatchMode):
    """Adds up operations by torch's own formulas.

    torch's `FlopCounterMode` does so too, but also follows modules by hooks, and those refuse the
    gradients in images that penalties take.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(getattr(func, "_overloadpacket", None))
        if formula is not None:
            self.total += int(formula(*args, **(kwargs or {}), out_val=result))
        return result
