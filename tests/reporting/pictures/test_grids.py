from __future__ import annotations

import errno
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gantool.recipe.schema import SamplingTable
from gantool.reporting import observers
from gantool.reporting.observers import GridsObserver, grid_moments
from gantool.reporting.pictures.grids import (
    draw_grid,
    near_square,
    save_grid,
    stream_grid,
)
from gantool.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.quick


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "mode", "columns", "factor"),
    [
        ((64, 32, 32, 3), "RGB", 8, 4),
        ((6, 16, 16, 1), "L", 3, 16),
        ((5, 64, 48, 4), "RGBA", 3, 4),
        ((7, 300, 200, 3), "RGB", 4, 1),
    ],
)
def test_every_pixel_is_where_it_belongs(
    tmp_path: Path, shape: tuple[int, int, int, int], mode: str, columns: int, factor: int
) -> None:
    images = noise(*shape)
    save_grid(images, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == mode
        size, pixels = picture.size, np.atleast_3d(np.asarray(picture))
    count, height, width, channels = shape
    rows = -(-count // columns)
    right, bottom = columns * (width * factor + 2) + 2, rows * (height * factor + 2) + 2
    assert size == (right, bottom)
    background = {1: (32,), 3: (32, 32, 32), 4: (0, 0, 0, 0)}[channels]
    ys, xs = np.mgrid[0:bottom, 0:right]
    row, y = np.divmod(ys - 2, height * factor + 2)
    column, x = np.divmod(xs - 2, width * factor + 2)
    index = row * columns + column
    inside = (y < height * factor) & (x < width * factor)
    inside &= (row >= 0) & (column >= 0) & (index < count)
    assert inside.sum() == count * height * width * factor**2
    expected = images[index[inside], y[inside] // factor, x[inside] // factor]
    assert np.array_equal(pixels[inside], expected)
    assert np.all(pixels[~inside] == np.array(background))


def test_the_number_in_a_row_can_be_chosen(tmp_path: Path) -> None:
    save_grid(noise(6, 8, 8, 3), tmp_path / "grid.png", columns=6)
    factor = 1024 // (6 * 8)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (6 * (8 * factor + 2) + 2, 8 * factor + 4)


@pytest.mark.parametrize(
    ("count", "columns"),
    [(1, 1), (2, 2), (3, 2), (5, 3), (8, 4), (10, 4), (12, 4), (32, 8), (64, 8), (128, 16)],
)
def test_layouts_are_near_square_and_full_where_possible(count: int, columns: int) -> None:
    assert near_square(count) == columns


@pytest.mark.parametrize("aspect", [0.5, 1.0, 3.0])
def test_no_layout_is_far_from_square(aspect: float) -> None:
    for count in range(1, 300):
        columns = near_square(count, aspect)
        rows = math.ceil(count / columns)
        assert 1 <= columns <= count
        assert count < 12 or 0.4 <= columns * aspect / rows <= 2.0


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (noise(4, 8, 8), r"got the shape \[4, 8, 8\]"),
        (noise(4, 3, 8, 8), r"got the shape \[4, 3, 8, 8\]"),
        (noise(0, 8, 8, 3), r"got the shape \[0, 8, 8, 3\]"),
        (np.zeros((4, 8, 8, 3), dtype=np.float32), "got float32"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, images: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        save_grid(images, tmp_path / "grid.png")
    with pytest.raises(ValueError, match="at least 1 image in a row, got 0"):
        save_grid(noise(4, 8, 8, 3), tmp_path / "grid.png", columns=0)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_grid_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grid.png"
    save_grid(noise(4, 8, 8, 3), path)
    before = path.read_bytes()

    def tear(self: Image.Image, target: Path, format: str) -> None:
        del self, format
        target.write_bytes(before[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", tear)
    with pytest.raises(OSError, match="No space left"):
        save_grid(noise(9, 8, 8, 3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


REPORT = SamplingTable(at_epochs=(10, 50, 100, 150, 220))


@pytest.mark.parametrize(
    ("table", "steps", "steps_per_epoch", "moments"),
    [
        (SamplingTable(every_steps=40), 100, 68.0, {40, 80, 100}),
        (SamplingTable(every_steps=50), 100, 68.0, {50, 100}),
        (SamplingTable(every_epochs=3), 680, 68.0, {204, 408, 612, 680}),
        (SamplingTable(every_epochs=3), 4, 1 / 3, {1, 2, 3, 4}),
        (SamplingTable(every_epochs=1), 300, 67.8, {68, 136, 204, 272, 300}),
        (SamplingTable(every_steps=100, every_epochs=2, at_epochs=(1,)), 300, 68.0,
         {68, 100, 136, 200, 272, 300}),
        (SamplingTable(every_steps=500), 100, 68.0, {100}),
        (SamplingTable(), 1, 68.0, {1}),
        (SamplingTable(), 2, 68.0, {1, 2}),
        (SamplingTable(), 30, 68.0, {1, 2, 5, 10, 20, 30}),
        (SamplingTable(), 1000, 68.0, {5, 10, 20, *range(40, 1001, 40)}),
    ],
)  # fmt: skip
def test_moments(
    table: SamplingTable, steps: int, steps_per_epoch: float, moments: set[int]
) -> None:
    assert grid_moments(table, steps, steps_per_epoch) == tuple(sorted(moments))


@pytest.mark.parametrize("steps", [5, 50, 340, 1000, 2000, 6000, 14_960, 20_000, 1_000_000])
@pytest.mark.parametrize("steps_per_epoch", [0.7, 3.125, 68.0, 8000.0])
def test_a_run_of_any_length_shows_how_it_went(steps: int, steps_per_epoch: float) -> None:
    """The report's epochs, which recipes inherit, add to what every run shows."""
    for table in (SamplingTable(), REPORT):
        moments = grid_moments(table, steps, steps_per_epoch)
        gaps = [after - before for before, after in pairwise((0, *moments))]
        assert moments[-1] == steps
        assert moments[0] <= max(1, steps / 100)
        assert max(gaps) <= max(10, steps / 24)
        assert len(moments) <= 25 + 3 + 5 + 1
    ends = [round(epoch * steps_per_epoch) for epoch in (10, 50, 100, 150, 220)]
    if steps_per_epoch == 68.0:
        assert {end for end in ends if end <= steps} <= set(moments)


def test_grids_are_drawn_at_their_moments_and_listeners_are_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    told: list[tuple[int, Path]] = []
    watch = GridsObserver(
        lambda: noise(4, 8, 8, 3), {2, 5}, folder, [lambda step, path: told.append((step, path))]
    )
    for step in range(1, 7):
        watch.after_step(step)
    assert told == [(2, folder.sample_grid(2)), (5, folder.sample_grid(5))]
    assert sorted(folder.samples.iterdir()) == [folder.sample_grid(2), folder.sample_grid(5)]


def test_a_disk_that_refuses_costs_grids_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(images: NDArray[np.uint8], path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(observers, "save_grid", refuse)
    told: list[int] = []
    watch = GridsObserver(
        lambda: noise(4, 8, 8, 3),
        {1, 2, 3},
        RunFolder(tmp_path),
        [lambda step, path: told.append(step)],
    )
    for step in (1, 2, 3):
        watch.after_step(step)
    assert [record.getMessage() for record in caplog.records] == [
        f"sample grid {tmp_path / 'samples' / 'step-00000001.png'} could not be written: "
        "No space left on device"
    ]
    assert told == []


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("count", "columns"), [(1, None), (7, 3), (9, 3), (10, None), (5, 8)])
def test_grid_is_the_same_when_it_is_written_row_by_row(
    tmp_path: Path, channels: int, count: int, columns: int | None
) -> None:
    images = noise(count, 6, 5, channels)
    chunks = [images[start : start + 4] for start in range(0, count, 4)]
    stream_grid(iter(chunks), count, tmp_path / "grid.png", columns)
    with Image.open(tmp_path / "grid.png") as picture:
        picture.load()
        found = np.asarray(picture).reshape(picture.height, picture.width, channels)
    assert np.array_equal(found, draw_grid(images, columns))


def test_grid_is_written_while_its_images_are_made(tmp_path: Path) -> None:
    written = []

    def made() -> Iterator[np.ndarray]:
        for _ in range(100):
            written.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield noise(8, 32, 32, 3)

    stream_grid(made(), 800, tmp_path / "grid.png", 8)
    assert written[-1] > 20 * 8 * 32 * 32 * 3  # long before the last image
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
