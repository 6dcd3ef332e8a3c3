"""From a folder or zip file to a gallery: lay out, name, choose, compare."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from gantool import DataError, OtherFiles
from gantool_artworks.gallery import Gallery, without_duplicates
from gantool_artworks.layout import (
    Part,
    Place,
    by_artist,
    plain_places,
    set_places,
    variants,
)
from gantool_artworks.location import open_store
from gantool_artworks.names import displayed
from gantool_artworks.register import Artist, choose, read_register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gantool_artworks.store import Store

Choice = Literal["auto", "full", "resized"]

logger = logging.getLogger("gantool.artworks")


def open_gallery(
    path: Path, variant: Choice, artists: Sequence[str], genres: Sequence[str]
) -> Gallery:
    """Open the images of a folder or zip file.

    Args:
        path: A folder at any level of the Kaggle set, a tree with a folder for each artist, any
            other folder of images, a zip file, or a folder in which one lies.
        variant: Full-size or resized images; "auto" takes the full-size ones if there are any.
        artists: The artists to keep; empty for all.
        genres: The genres to keep; empty for all.

    Raises:
        DataError: When there is nothing to open, or nothing left.
    """
    store, folders, others = open_store(path)
    if pictures := OtherFiles(others).pictures():
        logger.warning("not read in %s: %s", store.path, pictures)
    content = store.artists_file()
    register = {} if content is None else read_register(content, store.path)
    places = set_places(folders, store.levels, registered=content is not None)
    works = by_artist(_of_variant(store, places or plain_places(folders), variant), register)
    nobodys = works.pop("", [])
    if not places and not register and len(works) == 1 and not (artists or genres):
        nobodys = sorted([*nobodys, *works.popitem()[1]], key=lambda part: part.path)
    present = {key: _display(key, parts, register) for key, parts in works.items()}
    kept = choose(present, register, artists, genres)
    shown = {key: without_duplicates(store, parts) for key, parts in works.items() if key in kept}
    if artists or genres:
        nobodys = []
    else:
        _compare_counts(shown, register)
    return Gallery(store, [present[key] for key in shown], [*shown.values(), nobodys], others)


def _of_variant(store: Store, places: list[Place], variant: Choice) -> list[Place]:
    """Return the folders of one variant.

    Raises:
        DataError: When the wanted variant is not there.
    """
    found = variants(places)
    if variant == "auto":
        return found["full"] if "full" in found else found["resized"]
    if variant not in found:
        (other,) = found
        raise DataError(
            f"no {variant} images in {store.path}", f"""variant = "{other}" or "auto" would do"""
        )
    return found[variant]


def _display(key: str, parts: Sequence[Part], register: Mapping[str, Artist]) -> str:
    """Return the artist's name as `artists.csv` writes it, else as the folder does."""
    return register[key].name if key in register else displayed(parts[0].artist or "")


def _compare_counts(shown: Mapping[str, Sequence[Part]], register: Mapping[str, Artist]) -> None:
    """Say where the images differ from the counts of `artists.csv`."""
    if missing := [artist.name for key, artist in register.items() if key not in shown]:
        names = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        message = "no images of %d of the %d artists in artists.csv: %s"
        logger.warning(message, len(missing), len(register), names)
    for key, parts in shown.items():
        count = sum(len(part.files) for part in parts)
        expected = register[key].paintings if key in register else None
        if expected not in (None, count):
            name = register[key].name
            logger.info("%s: %d images, %d in artists.csv", name, count, expected)
