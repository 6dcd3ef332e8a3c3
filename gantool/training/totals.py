"""Running sums of the figures of a log interval, kept on the device until it ends."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

    from gantool.training.state.form import Interval


@dataclass
class _Sums:
    """Sums of figures that are always added together, [figures], and how often they were."""

    values: Tensor
    count: int = 0


class Totals:
    """Sums by name, read back once an interval.

    Figures of one step are summed by one operation. A NaN or infinity in any of the values stays in
    its sum, so the sums also tell whether the interval was finite.

    Attributes:
        is_closing: Whether the step at hand ends the interval; only then are those figures
            computed that take a pass over all weights.
    """

    def __init__(self, device: torch.device) -> None:
        self.is_closing = True
        self._waiting: list[tuple[str, Tensor]] = []
        self._observed: list[str] | None = None
        self._device = device
        # float64, so that long intervals lose nothing; Apple's GPUs have none
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._sums: dict[tuple[str, ...], _Sums] = {}
        self._kept: dict[tuple[str, ...], _Sums] = {}  # a replay adds to the same tensors for good

    def note(self, figures: Mapping[str, Tensor]) -> None:
        """Take figures of an update, scalars; they count once the step is over."""
        self._waiting += figures.items()

    @torch.no_grad()
    def end_step(self) -> None:
        """Add the step's figures to their sums."""
        names, figures = zip(*self._waiting, strict=True)
        self._waiting = []
        if self._observed is not None:
            self._observed += names
        sums = self._sums_of(names)
        sums.values += torch.stack(figures)  # [figures]
        sums.count += 1

    def count(self, names: tuple[str, ...]) -> None:
        """Count a step whose figures are added by a replay."""
        self._sums_of(names).count += 1

    @contextmanager
    def observed(self) -> Iterator[list[str]]:
        """Yield a list of the names of a step's figures, which is made inside and not counted."""
        names: list[str] = []
        self._observed = names
        try:
            yield names
        finally:
            self._observed = None
            self._waiting = []
            if names:
                self._sums_of(tuple(names)).count -= 1

    def means(self) -> dict[str, float]:
        """Return the mean of each figure, by one transfer from the device."""
        if not self._sums:
            return {}
        values = torch.cat([sums.values for sums in self._sums.values()]).tolist()
        counts = [sums.count for names, sums in self._sums.items() for _ in names]
        names = [name for names in self._sums for name in names]
        added: dict[str, float] = {}
        times: dict[str, int] = {}
        for name, value, count in zip(names, values, counts, strict=True):
            added[name] = added.get(name, 0.0) + value
            times[name] = times.get(name, 0) + count
        return {name: total / times[name] for name, total in added.items()}

    def clear(self) -> None:
        """Start a new interval."""
        for sums in self._sums.values():
            sums.values.zero_()
            sums.count = 0
        self._sums.clear()

    def state(self) -> list[Interval]:
        """Return the open interval as plain data, for a checkpoint."""
        return [
            {"names": list(names), "sums": sums.values.tolist(), "count": sums.count}
            for names, sums in self._sums.items()
        ]

    def load(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Go on with a saved interval."""
        self.clear()
        for saved in state:
            sums = self._sums_of(saved["names"])
            sums.values += torch.tensor(saved["sums"], dtype=self._dtype, device=self._device)
            sums.count = saved["count"]

    def _sums_of(self, names: Iterable[str]) -> _Sums:
        key = tuple(names)
        if key not in self._kept:
            zeros = torch.zeros(len(key), dtype=self._dtype, device=self._device)
            self._kept[key] = _Sums(zeros)
        return self._sums.setdefault(key, self._kept[key])
