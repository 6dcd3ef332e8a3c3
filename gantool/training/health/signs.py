"""The signs by which a run that leads nowhere is recognized, from figures of its last steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WINDOW_STEPS = 500
"""Steps over which figures are judged; single bad epochs, of which every GAN has some, pass."""
FEWEST_RECORDS = 8
"""Records that are judged together, if these are more than the steps' worth."""
WON = 0.2
"""Share of its undecided loss below which the discriminator has won; it is over above twice that.

With binary cross-entropy, 0.28 of 1.39: D(x) is 0.87 where D(G(z)) is 0.13.
"""
ALIKE = 0.2
"""Share of the real images' distance below which generated ones are all alike; over at 1.5 times.
"""
SLOW_STARTS = 10
"""Looks after which images that were alike from the first are no longer taken for a slow start."""
STILL = 1e-3
"""Share of its largest typical value below which the generator's gradient has vanished."""
FLAT = 1e-6
"""Relative change of both losses below which they have stopped."""


class Stakes(NamedTuple):
    """Between which values the discriminator's loss can move.

    Attributes:
        undecided: Its loss when it cannot tell real from generated.
        floor: The least it can reach when it always can.
    """

    undecided: float
    floor: float

    def left(self, loss: float) -> float:
        """Return the share of the way from winning (0) to being undecided (1)."""
        return (loss - self.floor) / (self.undecided - self.floor)


@dataclass
class Window:
    """Figures of the last steps, in order, and what must be remembered of earlier ones.

    Attributes:
        steps: Step at the end of each record.
        figures: Values of each record.
        strongest: Largest median of the generator's gradient norm in any full window.
        distances: Mean pairwise distance of the fixed latents' images, each time it was looked at,
            as a share of that of real images.
    """

    steps: list[int] = field(default_factory=list)
    figures: list[dict[str, float]] = field(default_factory=list)
    strongest: float = 0.0
    distances: list[float] = field(default_factory=list)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Take in a record and let go of those that are too old."""
        self.steps.append(step)
        self.figures.append(dict(values))
        while len(self.steps) > FEWEST_RECORDS and step - self.steps[0] >= WINDOW_STEPS:
            del self.steps[0], self.figures[0]
        if self.is_full and (norm := self.typical("generator_gradient_norm")) is not None:
            self.strongest = max(self.strongest, norm)

    @property
    def is_full(self) -> bool:
        """Whether there is enough to judge by."""
        return len(self.steps) >= FEWEST_RECORDS and self.span >= WINDOW_STEPS

    @property
    def span(self) -> int:
        """Steps that the records cover."""
        return self.steps[-1] - self.steps[0] + (self.steps[1] - self.steps[0])

    def typical(self, name: str, of: slice = slice(None)) -> float | None:
        """Return the median of a figure, or None where no record has it."""
        values = self.values(name)[of]
        return median(values) if values else None

    def values(self, name: str) -> Sequence[float]:
        """Return a figure of each record that has it, in order."""
        return [figures[name] for figures in self.figures if name in figures]


def discriminator_won(window: Window, stakes: Stakes | None, *, before: bool) -> str | None:
    """Say that the discriminator's loss is near its floor and the generator is not catching up.

    Nothing is said of a loss that is not bounded. Where it had won `before`, that is over only when
    its loss has risen clearly.
    """
    loss = window.typical("discriminator_loss")
    if not window.is_full or stakes is None or loss is None:
        return None
    if stakes.left(loss) >= (2 * WON if before else WON):
        return None
    if not before and _catches_up(window, stakes):
        return None
    text = (
        f"the discriminator has won: over the last {window.span} steps its loss was {loss:.3g}, "
        f"where {stakes.undecided:.3g} means that it cannot tell real from generated"
    )
    real, fake = window.typical("real_score"), window.typical("fake_score")
    if real is not None and fake is not None:
        text += f"; it gives real images {real:.2f} and generated ones {fake:.2f}"
    generator = window.typical("generator_loss")
    return text if generator is None else f"{text}; the generator's loss is {generator:.3g}"


def _catches_up(window: Window, stakes: Stakes) -> bool:
    """Whether the generator's loss falls within the window, by a tenth of what is at stake."""
    half = len(window.steps) // 2
    early = window.typical("generator_loss", slice(None, half))
    late = window.typical("generator_loss", slice(half, None))
    if early is None or late is None:
        return False
    return early - late > 0.1 * (stakes.undecided - stakes.floor)


def generator_collapsed(window: Window, *, before: bool) -> str | None:
    """Say that the generator makes one image of all latents, now or from the first."""
    limit = ALIKE * (1.5 if before else 1)
    if len(window.distances) < 2 or max(window.distances[-2:]) >= limit:
        return None
    share = f"{window.distances[-1]:.0%} as far apart as real ones"
    if max(window.distances) >= 1.5 * ALIKE:
        return (
            f"the generator has collapsed: images of different latents are only {share}, "
            f"after {max(window.distances):.0%} at their best"
        )
    if len(window.distances) >= SLOW_STARTS:
        return (
            f"the generator has collapsed: images of different latents were never more than {share}"
        )
    return None


def alike_at_end(distance: float, *, within: bool) -> str | None:
    """Say that a run of some length ends with images that are all alike.

    `distance` is a share of that of real ones, `within` classes or among all images.
    """
    if distance >= ALIKE:
        return None
    of_what = "the same class" if within else "different latents"
    return (
        f"the generator has collapsed: at the end, images of {of_what} are only {distance:.0%} "
        "as far apart as real ones"
    )


def nothing_moves(window: Window, *, before: bool) -> str | None:
    """Say that the generator's gradient has vanished, or that both losses have stopped."""
    if not window.is_full:
        return None
    norm = window.typical("generator_gradient_norm")
    limit = STILL * window.strongest * (10 if before else 1)
    if norm is not None and norm <= limit:
        return (
            f"nothing moves any more: over the last {window.span} steps the generator's gradient "
            f"was {norm:.2g}, after {window.strongest:.2g} at its strongest"
        )
    if _is_flat(window.values("generator_loss")) and _is_flat(window.values("discriminator_loss")):
        return f"nothing moves any more: both losses were the same for {window.span} steps"
    return None


def _is_flat(values: Sequence[float]) -> bool:
    if len(values) < FEWEST_RECORDS:
        return False
    return max(values) - min(values) <= FLAT * max(abs(max(values)), abs(min(values)))
