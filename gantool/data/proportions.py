"""Pictures whose proportions are far from those that they are brought to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool.interfaces.dataset import ImageShape

FAR = 1.5
"""How many times as wide, or as high, a picture is as the shape asks for, that is far from it."""
MOST = 0.5
"""Share of such pictures beyond which squashing them is worth a word."""


def far_share(sizes: NDArray[np.integer], shape: ImageShape) -> float:
    """Return the share of pictures whose proportions are far from a shape's, in [0, 1].

    Args:
        sizes: Width and height of each picture as it is meant to be seen, [N, 2].
        shape: What they are brought to.
    """
    known = sizes[(sizes > 0).all(1)].astype(np.float64)
    if not len(known):
        return 0.0
    stretch = known[:, 0] / known[:, 1] * shape.height / shape.width
    return float((np.maximum(stretch, 1 / stretch) > FAR).mean())


def squashed(sizes: NDArray[np.integer], shape: ImageShape, fit: str) -> str | None:
    """Return a warning where most pictures lose their proportions, else None; see `far_share`."""
    share = far_share(sizes, shape)
    if fit != "stretch" or share <= MOST:
        return None
    return (
        f"{share:.0%} of the pictures are more than {FAR} times as wide or as high as "
        f'{shape.height}x{shape.width} asks for, and image.fit = "stretch" squashes them; '
        '--set image.fit=crop cuts them around the center, "pad" keeps them whole'
    )
