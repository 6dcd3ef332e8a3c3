"""Squashing is worth a word where most pictures have other proportions."""

from __future__ import annotations

import numpy as np
import pytest

from gantool import ImageShape
from gantool.data.prepare.prepared import far_share, squashed

SQUARE = ImageShape(3, 64, 64)
WIDE, HIGH, NEAR, EXACT = (320, 200), (200, 320), (290, 200), (300, 200)


@pytest.mark.parametrize(
    ("sizes", "shape", "share"),
    [
        ([WIDE, HIGH, NEAR, EXACT], SQUARE, 0.5),
        ([(100, 100)] * 3, SQUARE, 0.0),
        ([(100, 100)] * 3, ImageShape(3, 32, 64), 1.0),
        ([(200, 100), (100, 100)], ImageShape(3, 32, 64), 0.5),
        ([(1, 4000), (0, 0)], SQUARE, 1.0),
        ([(0, 0)], SQUARE, 0.0),
    ],
)
def test_share_of_pictures_far_from_the_shape(
    sizes: list[tuple[int, int]], shape: ImageShape, share: float
) -> None:
    assert far_share(np.array(sizes), shape) == share


def test_the_warning_names_the_other_fits() -> None:
    sizes = np.array([WIDE, HIGH, WIDE, NEAR])
    told = squashed(sizes, SQUARE, "stretch")
    assert told is not None
    assert "75% of the pictures" in told
    assert "--set image.fit=crop" in told
    assert '"pad"' in told
    assert squashed(sizes, SQUARE, "crop") is None
    assert squashed(np.array([WIDE, NEAR]), SQUARE, "stretch") is None
