"""Which images are whose: from where they lie, or from their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from gantool_artworks.names import comparable, repaired
from gantool_artworks.store import INNER_LEVELS, File, Folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Variant = Literal["full", "resized"]

NUMBERED = re.compile(r"(.+)_[1-9]\d*\.[^.]+")
"""The flat folder's names, as in "Albrecht_Dürer_12.jpg"."""
NESTED = 2
"""Levels of one name, as in `images/images`, that nobody but the Kaggle set has."""


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
    nested: int
    """How many folders of such names there are, each in the other."""
    below: tuple[str, ...]
    """Levels below that one: the artist, if any, is the first."""
    folder: Folder


def set_places(
    folders: Iterable[Folder], levels: tuple[str, ...], *, registered: bool
) -> list[Place]:
    """Return the folders of the Kaggle set; none where the folders are not laid out as it is.

    That is so where `artists.csv` lies beside them, or one of its twice nested folders holds
    artists. Any folder can be called `images`, and hold pictures called `IMG_1.jpg`.

    Args:
        folders: The folders that hold images.
        levels: Inner levels of the set that the root itself stands in.
        registered: Whether there is an `artists.csv`.
    """
    found = [_place(folder, levels) for folder in folders]
    inside = [place for place in found if place.level]
    return inside if registered or any(map(_holds_artists, inside)) else []


def plain_places(folders: Iterable[Folder]) -> list[Place]:
    """Return the folders of a plain tree."""
    split = ((folder, folder.path.split("/") if folder.path else ()) for folder in folders)
    return _without_shared_levels([Place("", 0, tuple(below), folder) for folder, below in split])


def variants(found: Iterable[Place]) -> dict[Variant, list[Place]]:
    """Sort places into the full-size images and the resized ones."""
    sorted_out: dict[Variant, list[Place]] = {}
    for place in found:
        variant: Variant = "resized" if place.level == "resized" else "full"
        sorted_out.setdefault(variant, []).append(place)
    return sorted_out


def by_artist(found: Iterable[Place], register: Collection[str]) -> dict[str, list[Part]]:
    """Return each artist's parts by comparable name, sorted; nobody's come last, under "".

    Parts whose name is spelled well stand before those whose name was mangled.

    Args:
        found: The folders of the Kaggle set, or of a plain tree.
        register: Comparable names of the artists in `artists.csv`, if there is one.
    """
    grouped: dict[str, list[Part]] = {}
    for part in (part for place in found for part in _parts(place, register)):
        grouped.setdefault(comparable(part.artist or ""), []).append(part)
    for parts in grouped.values():
        parts.sort(key=lambda part: (part.artist != repaired(part.artist or ""), part.path))
    return dict(sorted(grouped.items(), key=lambda item: (item[0] == "", item[0])))


def _place(folder: Folder, above: tuple[str, ...]) -> Place:
    levels = (*above, *folder.path.split("/")) if folder.path else above
    names = [name.casefold() for name in levels]
    inner = next((at for at, name in enumerate(names) if name in INNER_LEVELS), None)
    if inner is None:
        return Place("", 0, levels, folder)
    end = inner + 1
    while end < len(names) and names[end] in INNER_LEVELS:
        end += 1
    level: Literal["images", "resized"] = "resized" if "resized" in names[inner:end] else "images"
    return Place(level, end - inner, levels[end:], folder)


def _holds_artists(place: Place) -> bool:
    """Whether a folder can only be the Kaggle set's: twice nested, and with artists in it."""
    if place.nested < NESTED:
        return False
    named = place.level == "resized" and any(
        NUMBERED.fullmatch(file[0]) for file in place.folder.files
    )
    return bool(place.below) or named


def _without_shared_levels(found: list[Place]) -> list[Place]:
    """Drop the first levels as long as all folders share them and have others below."""
    while found and all(len(place.below) > 1 for place in found):
        if len({place.below[0] for place in found}) > 1:
            break
        found = [place._replace(below=place.below[1:]) for place in found]
    return found


def _parts(place: Place, register: Collection[str]) -> Iterator[Part]:
    """Yield a folder's images as one part, or where it names no artist, by their own names."""
    path, files = place.folder
    if place.below:
        yield Part(place.below[0], path, files)
        return
    named: dict[str | None, list[File]] = {}
    for file in files:
        named.setdefault(_artist(file[0], place, register), []).append(file)
    for artist, theirs in named.items():
        yield Part(artist, path, theirs)


def _artist(file: str, place: Place, register: Collection[str]) -> str | None:
    """Return the artist that a file of a flat folder names, if it does.

    Whoever is in `artists.csv` is an artist; without one, only the set's own folder is believed.
    """
    match = NUMBERED.fullmatch(file)
    if match is None:
        return None
    known = comparable(match[1]) in register
    return match[1] if known or (place.level == "resized" and not register) else None
