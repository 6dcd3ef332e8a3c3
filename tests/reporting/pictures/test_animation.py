"""Training as a moving picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gantool.reporting.pictures import films
from gantool.reporting.pictures.films import write_animation
from gantool.reporting.pictures.grids import save_grid


def grids(folder: Path, count: int, images: int = 4) -> list[tuple[str, Path]]:
    """Write grids of one gray level each, rising."""
    made = []
    for number in range(count):
        path = folder / f"{number}.png"
        level = 20 + 200 * number // max(1, count - 1)
        save_grid(np.full((images, 8, 8, 3), level, np.uint8), path)
        made.append((f"epoch {number}", path))
    return made


def frames(path: Path) -> list[tuple[int, float]]:
    """Return each frame's milliseconds and the gray level in its first image."""
    with Image.open(path) as film:
        shown = []
        for frame in ImageSequence.Iterator(film):
            frame.load()  # only then is its duration known
            middle = np.asarray(frame.convert("L"))[80:160, 80:160]
            shown.append((int(frame.info["duration"]), float(middle.mean())))
        return shown


def test_grids_follow_each_other_and_the_last_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "training.webp"
    write_animation(grids(tmp_path, 5), (8, 8), 4, path)
    durations, levels = zip(*frames(path), strict=True)
    assert durations == (350, 350, 350, 350, 2500)
    np.testing.assert_allclose(levels, [20, 70, 120, 170, 220], atol=4)
    with Image.open(path) as film:
        assert film.format == "WEBP"
        assert film.info["loop"] == 0
        side = 2 * 9 + 1  # two images with gaps of a pixel
        assert film.size == (side * (640 // side), side * (640 // side) + 32)


def test_long_runs_are_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_GRIDS", 3)
    write_animation(grids(tmp_path, 9), (8, 8), 4, tmp_path / "a.webp")
    levels = [level for _, level in frames(tmp_path / "a.webp")]
    np.testing.assert_allclose(levels, [20, 120, 220], atol=4)


def test_grids_of_other_sizes_share_a_frame(tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    wide.mkdir()
    mixed = [*grids(tmp_path, 2), *grids(wide, 1, images=9)]
    write_animation(mixed, (8, 8), 4, tmp_path / "a.webp")
    assert len(frames(tmp_path / "a.webp")) == 3


def test_no_grid_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one grid"):
        write_animation([], (8, 8), 4, tmp_path / "a.webp")


def test_a_broken_grid_leaves_no_file(tmp_path: Path) -> None:
    made = grids(tmp_path, 2)
    made[1][1].write_bytes(b"no picture")
    with pytest.raises(OSError):
        write_animation(made, (8, 8), 4, tmp_path / "a.webp")
    assert not (tmp_path / "a.webp").exists()
