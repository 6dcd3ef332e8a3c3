"""The rows of a batch that are worked on: a slice of it, a process's part of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Some rows, one after the other, of the batch of all processes.

    Attributes:
        start: The first of them.
        stop: The first one after them.
        total: Rows of the whole batch.
    """

    start: int
    stop: int
    total: int

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    @property
    def share(self) -> float:
        """What they are of the whole batch, in (0, 1]."""
        return self.count / self.total

    def divided(self, parts: int) -> list[Rows]:
        """Return them in parts as equal as they can be."""
        ends = [self.start]
        for left in range(parts, 0, -1):
            ends.append(ends[-1] + (self.stop - ends[-1]) // left)
        return [Rows(*pair, self.total) for pair in pairwise(ends)]

    def of(self, tensor: Tensor, held: Rows | None = None) -> Tensor:
        """Return these rows of a tensor.

        Args:
            tensor: Its first dimension counts rows.
            held: Which rows it holds; by default the whole batch.
        """
        first = 0 if held is None else held.start
        start, stop = self.start - first, self.stop - first
        return tensor if len(tensor) == self.count else tensor[start:stop]


def all_rows(total: int) -> Rows:
    """Return the rows of a whole batch."""
    return Rows(0, total, total)
