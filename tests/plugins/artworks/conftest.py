from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

Jpeg = Callable[..., bytes]
Zipped = Callable[[Path], Path]

REGISTER = """id,name,years,genre,nationality,bio,wikipedia,paintings
0,Claude Monet,1840 - 1926,Impressionism,French,"A painter, and a gardener",,3
1,Vasiliy Kandinskiy,1866 – 1944,"Expressionism,Abstractionism",Russian,,,2
2,Albrecht Dürer,1471 - 1528,Northern Renaissance,German,,,2
"""


@pytest.fixture
def jpeg() -> Jpeg:
    """Make the bytes of an image of one tone; all have the same length."""

    def make(tone: int, size: tuple[int, int] = (24, 16)) -> bytes:
        content = io.BytesIO()
        Image.new("RGB", size, (tone, 255 - tone, 128)).save(content, "JPEG")
        return content.getvalue().ljust(1000, b"\0")

    return make


@pytest.fixture
def kaggle(tmp_path: Path, jpeg: Jpeg) -> Path:
    """The Kaggle set in small: five full-size and four resized images of two artists."""
    root = tmp_path / "best-artworks-of-all-time"
    for name in ("Claude_Monet", "Vasiliy_Kandinskiy"):
        (root / "images/images" / name).mkdir(parents=True)
    flat = root / "resized/resized"
    flat.mkdir(parents=True)
    (root / "artists.csv").write_text(REGISTER, encoding="utf-8")
    for tone, name in enumerate(("Claude_Monet_1", "Claude_Monet_2", "Claude_Monet_3")):
        (root / f"images/images/Claude_Monet/{name}.jpg").write_bytes(jpeg(40 * tone))
    for tone, name in enumerate(("Vasiliy_Kandinskiy_1", "Vasiliy_Kandinskiy_2")):
        (root / f"images/images/Vasiliy_Kandinskiy/{name}.jpg").write_bytes(jpeg(200 + 20 * tone))
        (flat / f"{name}.jpg").write_bytes(jpeg(200 + 20 * tone, (12, 8)))
        (flat / f"Claude_Monet_{tone + 1}.jpg").write_bytes(jpeg(40 * tone, (12, 8)))
    return root


@pytest.fixture
def zipped() -> Zipped:
    """Pack a folder into a zip file beside it."""

    def pack(folder: Path) -> Path:
        with ZipFile(folder.with_suffix(".zip"), "w") as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder))
        return folder.with_suffix(".zip")

    return pack


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds no data."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
