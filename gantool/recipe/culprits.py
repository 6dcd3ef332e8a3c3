"""Which option it is that an architecture refuses, found by trying others in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gantool.interfaces.image import ImageShape

if TYPE_CHECKING:
    from collections.abc import Iterator


Takes = Callable[[ImageShape, int], bool]
"""Whether an architecture can be built for a shape and a number of classes."""

SIDES = tuple(2**power for power in range(2, 11))
"""Sides of images that are tried: 4 to 1024."""
CHANNELS = (3, 1, 4)


class Culprit(NamedTuple):
    """An option and, where one is known, a value that would do."""

    path: tuple[str, ...]
    way_out: str | None


def culprit(takes: Takes, shape: ImageShape, classes: int) -> Culprit | None:
    """Return the option that is to blame; None where no other value of a single one would do.

    Args:
        takes: Asks the architecture.
        shape: What it has refused.
        classes: Likewise.
    """
    return next(_culprits(takes, shape, classes), None)


def _culprits(takes: Takes, shape: ImageShape, classes: int) -> Iterator[Culprit]:
    sides = [side for side in SIDES if takes(ImageShape(shape.channels, side, side), classes)]
    if sides:
        yield Culprit(("image", "size"), f"set it to {_around(max(shape[1:]), sides)}")
    for channels in CHANNELS:
        if takes(shape._replace(channels=channels), classes):
            yield Culprit(("image", "channels"), f"set it to {channels}")
    if classes and takes(shape, 0):
        yield Culprit(("training", "conditional"), "set it to false")


def _around(side: int, sides: list[int]) -> str:
    """Return the nearest sides below and above one."""
    below, above = [each for each in sides if each <= side], [each for each in sides if each > side]
    return " or ".join(map(str, [*below[-1:], *above[:1]]))
