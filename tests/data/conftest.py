from __future__ import annotations

import importlib
import random
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Dataset

IMPORTABLE = Path(__file__).parent / "importable"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANTOOL_CACHE", str(folder))
    return folder


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Dataset]:
    """Makes the dataset of a folder, one that decoding processes can open as well."""
    monkeypatch.syspath_prepend(IMPORTABLE)
    module: Any = importlib.import_module("tree_source")
    return lambda root, **options: module.TreeDataset(root=root, **options)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Returns "PID NAME" of every image that was opened since the last call, in any process."""
    log = tmp_path / "opened.log"
    monkeypatch.setenv("TREE_OPENED", str(log))

    def read() -> list[str]:
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return read


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """Draws a smooth, colorful picture that differs with its seed."""

    def draw(seed: int, width: int = 40, height: int = 30) -> Image.Image:
        chance = random.Random(seed)
        y, x = np.mgrid[0:height, 0:width] / max(width, height)
        waves = [
            np.sin(chance.uniform(2, 9) * x + chance.uniform(2, 9) * y + chance.uniform(0, 6))
            for _ in range(3)
        ]
        return Image.fromarray(np.uint8(127.5 + 127 * np.stack(waves, axis=-1)))

    return draw


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., Image.Image]) -> Callable[[int], Path]:
    """Makes a folder of pictures in two classes."""

    def fill(count: int) -> Path:
        root = tmp_path / "images"
        for index in range(count):
            path = root / "ab"[index % 2] / f"{index:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(index, 12, 10).save(path, compress_level=1)
        return root

    return fill


@pytest.fixture
def png() -> Callable[..., bytes]:
    """Makes a PNG file from its rows, as it would be too large or too deep to save."""

    def write(width: int, height: int, rows: bytes = b"", depth: int = 8) -> bytes:
        def chunk(kind: bytes, body: bytes) -> bytes:
            checksum = struct.pack(">I", zlib.crc32(kind + body))
            return struct.pack(">I", len(body)) + kind + body + checksum

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
        pixels = chunk(b"IDAT", zlib.compress(rows))
        return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")

    return write
