"""The generated artworks: the same everywhere, whole or absent, and told apart by style."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool_artworks.plugin import Artworks
from gantool_artworks.sample import writing
from gantool_artworks.sample.roster import ROSTER, SIZE
from gantool_artworks.sample.writing import ensure_sample, picture, write_sample

HEADER = "id,name,years,genre,nationality,bio,wikipedia,paintings"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_two_caches_get_identical_files(tmp_path: Path) -> None:
    write_sample(tmp_path / "one", 3)
    write_sample(tmp_path / "two", 3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 3 * len(ROSTER) + 1


def test_pictures_depend_on_artist_and_number_alone() -> None:
    last = picture(ROSTER[0], 5)
    picture(ROSTER[1], 1)
    assert picture(ROSTER[0], 5).tobytes() == last.tobytes()
    assert picture(ROSTER[0], 6).tobytes() != last.tobytes()


def test_the_layout_is_the_kaggle_sets(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", 1)
    for painter in ROSTER:
        path = tmp_path / "sample/images/images" / painter.folder / f"{painter.folder}_1.jpg"
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert all(130 <= side <= 260 for side in image.size)
    with (tmp_path / "sample/artists.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == HEADER
    assert [row["name"] for row in rows] == [painter.name for painter in ROSTER]
    assert sum(int(row["paintings"]) for row in rows) == SIZE == 2048
    assert len(rows) >= 8


def test_the_sample_has_filters_too(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", 2)
    source = Artworks(folder=tmp_path / "sample", genres=("Op Art", "Baroque")).open(tmp_path)
    assert source.classes == ("Cornelis Peerboom", "Lucia Ondalini")
    assert len(source) == 4


def test_it_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def write(folder: Path) -> None:
        calls.append(folder)
        write_sample(folder, 1)

    monkeypatch.setattr(writing, "write_sample", write)
    first = ensure_sample(tmp_path / "cache")
    before = contents(first)
    monkeypatch.setattr(writing, "FileLock", None)  # a cache that is only read needs no lock
    assert ensure_sample(tmp_path / "cache") == first
    assert contents(first) == before
    assert len(calls) == 1


def test_what_an_interruption_leaves_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(folder: Path) -> None:
        write_sample(folder, 1)
        (folder / "artists.csv").write_text("half a", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write_sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure_sample(tmp_path / "cache")
    assert not writing.sample_folder(tmp_path / "cache").exists()

    monkeypatch.setattr(writing, "write_sample", lambda folder: write_sample(folder, 1))
    folder = ensure_sample(tmp_path / "cache")
    write_sample(tmp_path / "expected", 1)
    assert contents(folder) == contents(tmp_path / "expected")
    assert not list((tmp_path / "cache").glob("*.unfinished"))


def test_styles_differ_visibly() -> None:
    """The picture with the most similar colors and contrasts is mostly by the same artist."""
    numbers = range(1, 15)
    artists = np.array([painter.name for painter in ROSTER for _ in numbers])
    features = np.stack([impression(picture(who, n)) for who in ROSTER for n in numbers])  # [N, F]
    distances = ((features[:, None] - features) ** 2).sum(-1)  # [N, N]
    np.fill_diagonal(distances, np.inf)
    assert (artists[distances.argmin(1)] == artists).mean() > 0.9


def impression(image: Image.Image) -> np.ndarray:
    """Return the square roots of a histogram of 4x4x4 colors, and the mean steps of lightness."""
    small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float64).reshape(-1, 3)
    colors = np.histogramdd(pixels, bins=4, range=[(0, 256)] * 3)[0].ravel() / len(pixels)
    light = np.asarray(small.convert("L"), np.float64) / 255
    steps = [np.abs(np.diff(light, axis=axis)).mean() for axis in (0, 1)]
    return np.concatenate([np.sqrt(colors), 3 * np.array(steps)])
