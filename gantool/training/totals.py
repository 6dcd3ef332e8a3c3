"""Running sums of the figures of a log interval, kept on the device until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class Totals:
    """Sums by name, read back once an interval.

    A NaN or infinity in any of the values stays in its sum, so the sums also tell whether the
    interval was finite.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        # float64, so that long intervals lose nothing; Apple's GPUs have none
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    @torch.no_grad()
    def add(self, name: str, value: Tensor) -> None:
        """Add a scalar to a sum."""
        value = value.detach().to(self._dtype)
        if name in self._sums:
            self._sums[name] += value
        else:
            self._sums[name] = value.clone()
        self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Return the mean of each value, by one transfer from the device."""
        if not self._sums:
            return {}
        sums = torch.stack(list(self._sums.values())).tolist()
        return {
            name: total / self._counts[name] for name, total in zip(self._sums, sums, strict=True)
        }

    def clear(self) -> None:
        """Start a new interval."""
        self._sums.clear()
        self._counts.clear()

    def state(self) -> dict[str, dict[str, float]]:
        """Return the open interval as plain data, for a checkpoint."""
        sums = {name: float(value) for name, value in self._sums.items()}
        return {"sums": sums, "counts": {name: float(n) for name, n in self._counts.items()}}

    def restore(self, state: Mapping[str, Mapping[str, float]]) -> None:
        """Go on with a saved interval."""
        self._sums = {
            name: torch.tensor(value, dtype=self._dtype, device=self._device)
            for name, value in state["sums"].items()
        }
        self._counts = {name: int(count) for name, count in state["counts"].items()}
