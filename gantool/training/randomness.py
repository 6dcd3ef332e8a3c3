"""Every random number of a run, from nothing but (seed, attempt, stream, step, update, place).

A stream is the name and occurrence of a component, or one of the engine's own; the place is the
hook, or the call, that draws. So nobody's draws depend on what else is installed, on how many
processes share a batch, or on a run having been interrupted.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from gantool.data.batches import Rows

SEED_BITS = 63


def seed_of(*key: str | int) -> int:
    """Return a seed in [0, 2^63) that depends on every part of the key."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator inside the context and restore it afterwards.

    Layers draw their first weights from it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class Draw(NamedTuple):
    """A place where a stream draws numbers: in one of a step's updates, for a slice of the batch.

    `again` counts how often the same numbers were drawn there before.
    """

    stream: str
    place: str
    moment: tuple[str | int, ...]
    part: int
    again: int = 0


@dataclass
class Streams:
    """The generators of a run on one device, seeded anew for each update.

    Attributes:
        seed: The recipe's seed.
        device: Where numbers are drawn; other devices draw other numbers.
        dtype: Type of normal and uniform numbers.
        attempt: Raised after a rollback, so that the same steps meet other noise.
    """

    seed: int
    device: torch.device
    dtype: torch.dtype = torch.float32
    attempt: int = 0
    _step: int = 0
    _moment: tuple[str | int, ...] = ()
    _part: int = 0
    _generators: dict[Draw, torch.Generator] = field(default_factory=dict)
    _seeded: set[Draw] = field(default_factory=set)
    _held: dict[Draw, None] | None = None

    def begin(self, step: int, *moment: str | int, part: int = 0) -> None:
        """Start over for an update of a step, named by its player, index and repetition.

        All slices of a batch, its parts, draw the same numbers.
        """
        self._step, self._moment, self._part = step, moment, part
        self._seeded.clear()

    def apart(self, step: int, *moment: str | int) -> Streams:
        """Return streams of a moment that goes on while updates begin and end inside it."""
        return replace(self, _step=step, _moment=moment, _part=0, _seeded=set())

    def generator(self, stream: str, place: str, again: int = 0) -> torch.Generator:
        """Return the generator of a stream at a place, seeded at its first use in the update.

        Each moment of a step has generators of its own; each number of `again` is another
        generator of the same numbers.
        """
        at = Draw(stream, place, self._moment, self._part, again)
        if at not in self._generators:
            self._generators[at] = torch.Generator(self.device)
        if self._held is not None:
            self._held[at] = None
        elif at not in self._seeded:
            self.start([at], self._step)
            self._seeded.add(at)
        return self._generators[at]

    @contextmanager
    def held(self) -> Iterator[dict[Draw, None]]:
        """Yield what is drawn from inside, where nothing is seeded."""
        self._held = {}
        try:
            yield self._held
        finally:
            self._held = None

    def start(self, places: Iterable[Draw], step: int) -> None:
        """Seed the generators of some places for a step."""
        for at in places:
            key = (at.stream, at.place, step, *at.moment)
            self._generators[at].manual_seed(seed_of(self.seed, self.attempt, *key))

    def forget(self) -> None:
        """Make generators anew when they are needed; a recording that failed spoils them."""
        self._generators.clear()
        self._seeded.clear()

    def generators(self) -> list[torch.Generator]:
        """Return all generators that have been used."""
        return list(self._generators.values())

    def permutation(self, epoch: int, count: int) -> Tensor:
        """Return the order of the images in an epoch, int64 [count], drawn on the CPU."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, "order", epoch))
        return torch.randperm(count, generator=generator)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one stream at one place, for some rows of the batch."""

    streams: Streams
    stream: str
    place: str
    rows: Rows
    again: int = 0

    def normal(self, *shape: int) -> Tensor:
        """Draw from N(0, 1)."""
        return self._draw(torch.randn, shape, self.streams.dtype)

    def uniform(self, *shape: int) -> Tensor:
        """Draw from U[0, 1)."""
        return self._draw(torch.rand, shape, self.streams.dtype)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Draw whole numbers from [low, high), int64."""
        return self._draw(partial(torch.randint, low, high), shape, torch.int64)

    def _draw(
        self, draw: Callable[..., Tensor], shape: tuple[int, ...], dtype: torch.dtype
    ) -> Tensor:
        """Draw for the whole batch and keep our rows, where the first dimension counts them."""
        generator = self.streams.generator(self.stream, self.place, self.again)
        per_image = bool(shape) and shape[0] == self.rows.count
        whole = (self.rows.total, *shape[1:]) if per_image else shape
        drawn = draw(whole, generator=generator, device=self.streams.device, dtype=dtype)
        return self.rows.of(drawn) if per_image else drawn
