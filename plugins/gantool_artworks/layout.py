"""Which images are whose: from where they lie, or from their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from gantool_artworks.names import comparable, repaired
from gantool_artworks.store import INNER_LEVELS, File, Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Variant = Literal["full", "resized"]

NUMBERED = re.compile(r"(.+)_\d+\.[^.]+")
"""The flat folder's names, as in "Albrecht_Dürer_12.jpg"."""


class Part(NamedTuple):
    """Images of one artist in one folder."""

    artist: str | None
    """As the folder or the files spell it; None where neither says."""
    path: str
    files: list[File]


class Place(NamedTuple):
    """A folder, seen from the level that holds the artists."""

    level: Literal["images", "resized", ""]
    """The folder of the Kaggle set that it is in; empty in a plain tree."""
    below: tuple[str, ...]
    """Levels below that one: the artist, if any, is the first."""
    folder: Folder


def places(folders: Iterable[Folder], level: str) -> list[Place]:
    """Return the folders of the Kaggle set, or where it is none of them, those of a plain tree.

    Args:
        folders: The folders that hold images.
        level: Name of the folder that holds them all.
    """
    found = [_place(folder, level) for folder in folders]
    kaggle = [place for place in found if place.level]
    return kaggle or _without_shared_levels(found)


def variants(found: Iterable[Place]) -> dict[Variant, list[Place]]:
    """Sort places into the full-size images and the resized ones."""
    sorted_out: dict[Variant, list[Place]] = {}
    for place in found:
        variant: Variant = "resized" if place.level == "resized" else "full"
        sorted_out.setdefault(variant, []).append(place)
    return sorted_out


def by_artist(found: Iterable[Place]) -> dict[str, list[Part]]:
    """Return each artist's parts by comparable name, sorted; nobody's come last, under "".

    Parts whose name is spelled well stand before those whose name was mangled.
    """
    grouped: dict[str, list[Part]] = {}
    for part in (part for place in found for part in _parts(place)):
        grouped.setdefault(comparable(part.artist or ""), []).append(part)
    for parts in grouped.values():
        parts.sort(key=lambda part: (part.artist != repaired(part.artist or ""), part.path))
    return dict(sorted(grouped.items(), key=lambda item: (item[0] == "", item[0])))


def _place(folder: Folder, level: str) -> Place:
    levels = (level, *folder.path.split("/")) if folder.path else (level,)
    names = [name.casefold() for name in levels]
    inner = next((at for at, name in enumerate(names) if name in INNER_LEVELS), None)
    if inner is None:
        return Place("", levels[1:], folder)
    end = inner + 1
    while end < len(names) and names[end] in INNER_LEVELS:
        end += 1
    return Place("resized" if "resized" in names[inner:end] else "images", levels[end:], folder)


def _without_shared_levels(found: list[Place]) -> list[Place]:
    """Drop the first levels as long as all folders share them and have others below."""
    while found and all(len(place.below) > 1 for place in found):
        if len({place.below[0] for place in found}) > 1:
            break
        found = [place._replace(below=place.below[1:]) for place in found]
    return found


def _parts(place: Place) -> Iterator[Part]:
    """Yield a folder's images as one part, or where it names no artist, by their own names."""
    path, files = place.folder
    if place.below:
        yield Part(place.below[0], path, files)
        return
    named: dict[str | None, list[File]] = {}
    for file in files:
        match = NUMBERED.fullmatch(file[0])
        named.setdefault(match and match[1], []).append(file)
    for artist, theirs in named.items():
        yield Part(artist, path, theirs)
