"""Rows, class grids, films and truncation, through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.reporting.pictures.grids import GAP


@pytest.fixture
def trained(gantool: Callable[..., Any], recipe: Path) -> Path:
    """Train the tiny recipe, which has two classes."""
    assert gantool("run", recipe, "--out", "runs/a", "--quiet").code == 0
    return Path("runs/a")


def tiles(path: Path, rows: int, columns: int, *, named: bool = False) -> list[list[bytes]]:
    """Return the pictures of a grid, each at its own size; names may stand before them."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    side = (pixels.shape[0] - GAP) // rows - GAP
    width = GAP + columns * (side + GAP)
    assert pixels.shape[1] > width if named else pixels.shape[1] == width
    pixels = pixels[:, -width:]
    corners = range(GAP, pixels.shape[0], side + GAP)
    across = range(GAP, pixels.shape[1], side + GAP)
    factor = side // 16
    return [
        [pixels[y : y + side : factor, x : x + side : factor].tobytes() for x in across]
        for y in corners
    ]


def test_interpolations_are_rows_between_the_seeds_pictures(
    gantool: Callable[..., Any], trained: Path
) -> None:
    words = ("--class", "dusk", "--seed", 3)
    outcome = gantool("sample", trained, *words, "--interpolate", 5, "--count", 2)
    name = "drawn-step-00000002-seed-3-dusk-interpolate-2x5.png"
    assert outcome.stdout == f"{trained / 'samples' / name}\n"
    rows = tiles(Path(outcome.stdout.strip()), 2, 5)
    assert len({tile for row in rows for tile in row}) == 10
    ends = gantool("sample", trained, *words, "--grid", "--count", 4, "--out", "ends.png")
    (a, b), (c, d) = tiles(Path(ends.stdout.strip()), 2, 2)
    assert [rows[0][0], rows[0][-1], rows[1][0], rows[1][-1]] == [a, b, c, d]


def test_a_class_grid_has_a_row_for_each_class(gantool: Callable[..., Any], trained: Path) -> None:
    outcome = gantool("sample", trained, "--classes", "--count", 3)
    rows = tiles(Path(outcome.stdout.strip()), 2, 3, named=True)
    for label, row in enumerate(rows):
        words = ("--class", label, "--count", 3, "--out", f"of-{label}")
        paths = gantool("sample", trained, *words).stdout.split()
        pictures = []
        for path in paths:
            with Image.open(path) as picture:
                pictures.append(picture.tobytes())
        assert row == pictures


def test_a_walk_is_a_film_of_as_many_frames(gantool: Callable[..., Any], trained: Path) -> None:
    words = ("--count", 3, "--interpolate", 4, "--class", 0)
    outcome = gantool("sample", trained, "--walk", "films/walk.webp", *words)
    assert outcome.stdout == "films/walk.webp\n"
    with Image.open("films/walk.webp") as film:
        assert getattr(film, "n_frames", 0) == 12


def test_truncation_is_in_the_name_and_in_the_pictures(
    gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("sample", trained, "--grid", "--truncation", 0, "--class", 0, "--count", 4)
    path = Path(outcome.stdout.strip())
    assert path.name == "drawn-step-00000002-seed-0-0-truncation-0-grid-4.png"
    assert len({tile for row in tiles(path, 2, 2) for tile in row}) == 1  # only the mean is left


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--classes", "--class", "dusk"), "--classes and --class exclude each other"),
        (("--classes", "--interpolate", 4), "--classes and --interpolate exclude each other"),
        (("--walk", "a.webp", "--grid"), "--walk and --grid exclude each other"),
        (("--walk", "a.webp", "--out", "b"), "--walk and --out exclude each other"),
        (("--walk", "a.png"), "*.webp, *.gif, *.mp4"),
        (("--interpolate", 4, "--out", "folder"), "--out is a PNG file"),
        (("--count", 2, "--out", "a.png"), "--out is a folder for 2 pictures, got a.png"),
        (("--interpolate", 1), "--interpolate"),
        (("--truncation", -1), "--truncation takes a number from 0 on, got -1"),
        (("--truncation", "nan"), "--truncation takes a number from 0 on, got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(
    gantool: Callable[..., Any], trained: Path, words: tuple[object, ...], message: str
) -> None:
    outcome = gantool("sample", trained, *words)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert outcome.stdout == ""


def test_one_picture_goes_into_a_file_at_its_own_size(
    gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("sample", trained, "--count", 1, "--seed", 4, "--out", "new/one.png")
    assert outcome.stdout == "new/one.png\n"
    (path,) = gantool("sample", trained, "--count", 1, "--seed", 4).stdout.split()
    with Image.open("new/one.png") as picture, Image.open(path) as same:
        assert picture.size == (16, 16)
        assert picture.tobytes() == same.tobytes()


def test_weights_can_be_chosen(gantool: Callable[..., Any], recipe: Path) -> None:
    """Two steps at a half-life of many images: the average is far from the weights."""
    average = ("--set", "ema.half_life_images=10000")
    assert gantool("run", recipe, *average, "--out", "runs/b", "--quiet").code == 0
    pictures = {}
    for weights in ("ema", "raw"):
        words = ("--weights", weights, "--count", 1, "--out", f"{weights}.png")
        assert gantool("sample", "runs/b", *words).code == 0
        with Image.open(f"{weights}.png") as picture:
            pictures[weights] = picture.tobytes()
    assert pictures["ema"] != pictures["raw"]
    drawn = gantool("sample", "runs/b", "--count", 1, "--out", "default.png")
    with Image.open(drawn.stdout.strip()) as picture:
        assert picture.tobytes() == pictures["ema"]


def test_averaged_weights_of_a_run_without_an_average_are_refused(
    gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("sample", trained, "--weights", "ema")
    assert outcome.code == 2
    assert "no average of the weights is kept" in outcome.stderr


def test_a_class_is_named_in_any_letters(gantool: Callable[..., Any], trained: Path) -> None:
    drawn = [
        gantool("sample", trained, "--class", name, "--count", 1, "--grid", "--out", f"{name}.png")
        for name in ("dusk", "DUSK", "Dusk")
    ]
    pictures = {Path(each.stdout.strip()).read_bytes() for each in drawn}
    assert len(pictures) == 1


@pytest.mark.parametrize("name", ["dsuk", "us", "DUSKY"])
def test_a_class_that_was_probably_meant_is_named(
    gantool: Callable[..., Any], trained: Path, name: str
) -> None:
    outcome = gantool("sample", trained, "--class", name)
    assert outcome.code == 2
    assert f"'a' has no class '{name}'" in outcome.stderr
    assert "did you mean 'dusk'?" in outcome.stderr
    assert "classes: " in outcome.stderr
