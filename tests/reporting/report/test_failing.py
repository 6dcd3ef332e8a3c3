"""When a generator is said to repeat its training images."""

from __future__ import annotations

import pytest

from gantool.evaluation.neighbors import Copies
from gantool.reporting.report.verdict import copies_called_out, scores_called_out

pytestmark = pytest.mark.quick


def copies(percent: int, real_percent: int = 0) -> Copies:
    return Copies(100, percent, repeated=min(percent, 7), real=100, real_copies=real_percent)


@pytest.mark.parametrize(
    ("percent", "real_percent", "is_said"),
    [(100, 0, True), (5, 0, True), (4, 0, False), (0, 0, False), (40, 36, False), (41, 36, True)],
)
def test_copies_are_called_out_beyond_what_real_images_do(
    percent: int, real_percent: int, is_said: bool
) -> None:
    said = copies_called_out(copies(percent, real_percent))
    assert (said is not None) == is_said
    if said:
        assert said.startswith("The generator repeats its training set: ")
        assert f"{percent} of 100 generated images ({percent} %)" in said
        assert "FID" in said


def test_one_image_is_not_called_several() -> None:
    said = copies_called_out(Copies(100, 60, repeated=1, real=100, real_copies=0))
    assert said is not None
    assert "copies of 1 training image;" in said


def test_nothing_is_known_of_no_image() -> None:
    assert copies_called_out(Copies(0, 0, 0, 0, 0)) is None


@pytest.mark.parametrize(
    ("scores", "is_said"),
    [
        ({"memorization/copies-pct": 100.0}, True),
        ({"memorization/copies-pct": 5, "fid/distance": 0.0}, True),
        ({"memorization/copies-pct": 4.9}, False),
        ({"memorization/copies-pct": None}, False),
        ({"memorization/copies-pct": "many"}, False),
        ({"fid/distance": 0.0, "memorization/authpct": 90.0}, False),
        ({}, False),
    ],
)
def test_scores_are_believed_too(scores: dict[str, object], is_said: bool) -> None:
    said = scores_called_out(scores)
    assert (said is not None) == is_said
    if said:
        assert "copies of training images" in said
