"""Draw the sample once, in the layout of the Kaggle set, so that the same code reads both."""

from __future__ import annotations

import csv
import hashlib
import shutil
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from gantool_artworks.sample.canvas import pick
from gantool_artworks.sample.roster import ROSTER, Painter

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

EDITION = 1
"""To be raised with every change of a picture: a cache then draws the sample anew."""

COLUMNS = ("id", "name", "years", "genre", "nationality", "bio", "wikipedia", "paintings")
"""Of the Kaggle set's artists.csv."""

ASPECTS = (0.67, 0.75, 0.8, 1.0, 1.0, 1.25, 1.33, 1.5)
"""Widths over heights, each as likely as the next."""


def ensure_sample(cache: Path) -> Path:
    """Return the folder of the sample inside a cache, drawing it first where it is missing.

    The folder appears whole or not at all: it is drawn under another name and then renamed, by
    one process at a time. What an interrupted one left behind is drawn again.

    Raises:
        OSError: When the cache cannot be written.
    """
    folder = sample_folder(cache)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{folder.name}.lock"):
        if not folder.is_dir():  # another process may have drawn it while this one waited
            unfinished = cache / f"{folder.name}.unfinished"
            if unfinished.is_symlink():  # somebody else's, and not followed
                unfinished.unlink()
            shutil.rmtree(unfinished, ignore_errors=True)
            write_sample(unfinished)
            unfinished.rename(folder)
    return folder


def sample_folder(cache: Path) -> Path:
    """Return where this edition of the sample is, or will be, inside a cache."""
    return cache / f"sample-{EDITION}"


def write_sample(folder: Path, most: int | None = None) -> None:
    """Write `artists.csv` and the pictures of each artist.

    Args:
        folder: Where to write; made if missing.
        most: Largest number of pictures of one artist; all by default.
    """
    for painter in ROSTER:
        album = folder / "images" / "images" / painter.folder
        album.mkdir(parents=True)
        count = painter.paintings if most is None else min(most, painter.paintings)
        for number in range(1, count + 1):
            picture(painter, number).save(album / f"{painter.folder}_{number}.jpg", quality=92)
    write_artists(folder / "artists.csv")


def picture(painter: Painter, number: int) -> Image:
    """Return one picture: the same for the same artist and number, whatever else is drawn."""
    digest = hashlib.blake2b(f"{painter.name}/{number}".encode(), digest_size=16).digest()
    random = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    aspect = pick(random, ASPECTS)
    area = int(random.integers(165, 196)) ** 2
    return painter.paint(random, round((area * aspect) ** 0.5), round((area / aspect) ** 0.5))


def write_artists(path: Path) -> None:
    """Write the artists with the columns of the Kaggle set's own file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number, who in enumerate(ROSTER):
            facts = (who.name, who.years, who.genre, who.nationality, who.bio, "", who.paintings)
            rows.writerow((number, *facts))
