"""Films hold their frames, at their pace, in a loop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from gantool.errors import MissingExtraError, UsageError
from gantool.reporting.pictures.films import save_film


def frames_of(count: int, side: int, channels: int = 3) -> NDArray[np.uint8]:
    """Return frames of four colors each, none like another."""
    random = np.random.default_rng(0)
    shades = random.integers(0, 256, (count, 2, 2, channels), dtype=np.uint8)
    return shades.repeat(side // 2, axis=1).repeat(side // 2, axis=2)


def read(path: Path, mode: str) -> tuple[list[NDArray[np.uint8]], dict[str, Any]]:
    with Image.open(path) as film:
        info = {str(key): value for key, value in film.info.items()}
        return [np.asarray(each.convert(mode)) for each in ImageSequence.Iterator(film)], info


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (4, "RGBA"), (1, "L")])
def test_a_small_film_keeps_every_pixel(tmp_path: Path, channels: int, mode: str) -> None:
    frames = frames_of(6, 32, channels)
    if channels == 4:
        frames[..., 3] |= 1  # what is wholly transparent has no color
    save_film(frames, tmp_path / "film.webp")
    found, info = read(tmp_path / "film.webp", mode)
    assert info["loop"] == 0
    assert len(found) == 6
    for shown, frame in zip(found, frames, strict=True):
        assert shown.shape[:2] == (384, 384)
        expected = frame.squeeze(-1) if channels == 1 else frame
        assert np.array_equal(shown[::12, ::12], expected)


def test_a_large_film_is_compressed_and_still_alike(tmp_path: Path) -> None:
    frames = frames_of(3, 512)
    save_film(frames, tmp_path / "film.webp")
    found, _ = read(tmp_path / "film.webp", "RGB")
    assert found[0].shape == (512, 512, 3)
    assert np.abs(found[1].astype(int) - frames[1]).mean() < 6


def test_a_gif_loops_at_the_same_pace(tmp_path: Path) -> None:
    save_film(frames_of(5, 32, 4), tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert getattr(film, "n_frames", 0) == 5
        assert film.info["loop"] == 0
        assert film.info["duration"] == pytest.approx(1000 / 24, abs=5)


@pytest.mark.parametrize(("side", "height", "width"), [(32, 384, 372), (402, 402, 402)])
def test_mp4_holds_the_frames(tmp_path: Path, side: int, height: int, width: int) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    frames = frames_of(12, side)[:, :, 1:]  # an odd width, which 4:2:0 cannot have
    save_film(frames, tmp_path / "film.mp4")
    count, seconds = ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert (count, seconds) == (12, pytest.approx(0.5))
    words = ["-i", str(tmp_path / "film.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run([ffmpeg.get_ffmpeg_exe(), *words], check=True, capture_output=True)
    shown = np.frombuffer(raw.stdout, np.uint8).reshape(12, height, width, 3).astype(int)
    corner = shown[:, height // 4, width // 4]
    expected = frames[:, side // 4, side // 4].astype(int)
    assert np.abs(corner - expected).mean() < 16  # H.264 is no archive


def test_other_names_and_a_missing_extra_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"\*\.webp, \*\.gif, \*\.mp4"):
        save_film(frames_of(2, 32), tmp_path / "film.avi")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtraError, match="imageio-ffmpeg"):
        save_film(frames_of(2, 32), tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []
