"""Running averages: of a log interval's figures, kept on the device, and of the generator."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from gantool.training.state.form import load_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor, nn

    from gantool.recipe.schema import EmaTable
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


class Average:
    """The exponential moving average of the generator's weights; buffers are copied."""

    def __init__(
        self, generator: nn.Module, table: EmaTable, *, batch_size: int, steps: int
    ) -> None:
        self.network = copy.deepcopy(generator).requires_grad_(requires_grad=False)
        self._table = table
        self._batch_size, self._steps = batch_size, steps
        self._averages: list[Tensor] = [*self.network.parameters()]
        self._weights: list[Tensor] = [*generator.parameters()]
        self._buffers = [*zip(self.network.buffers(), generator.buffers(), strict=True)]
        first = self._averages[0]
        self._share = torch.zeros((), dtype=first.dtype, device=first.device)
        self._rest = torch.ones_like(self._share)

    def share_at(self, step: int) -> float:
        """Return the share of the new weights in the average after `step` completed steps.

        1 - 2^(-batch / half-life), the half-life ramping up with the images seen so far
        (Karras et al. 2020, stylegan2-ada's `ema_rampup`, which leaves out the present batch's).
        """
        if self._table.half_life_images is None or step <= self._table.start_step:
            return 1.0
        half_life = self._table.half_life_images.value((step - 1) / self._steps)
        if half_life == 0:
            return 1.0
        if self._table.ramp_up is not None:
            half_life = min(half_life, self._table.ramp_up * step * self._batch_size)
        return float(1 - 0.5 ** (self._batch_size / half_life))

    def set_clock(self, step: int) -> None:
        """Write what follows from `step` completed steps into a tensor on the device."""
        share = self.share_at(step)
        self._share.fill_(share)
        self._rest.fill_(1 - share)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        torch._foreach_mul_(self._averages, self._rest)
        torch._foreach_add_(self._averages, torch._foreach_mul(self._weights, self._share))
        for copied, buffer in self._buffers:
            copied.copy_(buffer)

    def state(self) -> dict[str, Any]:
        """Return the averaged network's tensors."""
        return self.network.state_dict()

    def load(self, saved: Mapping[str, Any]) -> None:
        """Put a state back, in place; one of other tensors is refused."""
        load_network(self.network, saved, "average")
