"""The artists as `artists.csv` lists them, and how recipes choose among them."""

from __future__ import annotations

import csv
import difflib
import io
from typing import TYPE_CHECKING, NamedTuple

from gantool import DataError
from gantool_artworks.names import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Artist(NamedTuple):
    """One row of `artists.csv`."""

    name: str
    genres: tuple[str, ...]
    paintings: int | None
    """How many images there should be; None where the row does not say."""


def read_register(content: bytes, origin: Path) -> dict[str, Artist]:
    """Return the artists by comparable name.

    Args:
        content: Bytes of `artists.csv`.
        origin: The folder or zip file that it belongs to, for messages.

    Raises:
        DataError: When it is no table with a column `name`, in UTF-8.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"artists.csv of {origin} cannot be read: {error}", NO_REGISTER) from error
    if rows and "name" not in rows[0]:
        raise DataError(f"artists.csv of {origin} has no column 'name'", NO_REGISTER)
    artists = (_artist(row) for row in rows if row["name"])
    return {comparable(artist.name): artist for artist in artists}


NO_REGISTER = "fetch it again, or remove it: it is optional"


def choose(
    present: Mapping[str, str],
    register: Mapping[str, Artist],
    artists: Iterable[str],
    genres: Iterable[str],
) -> set[str]:
    """Return the comparable names of the artists that a recipe wants.

    Args:
        present: Artists of whom there are images: displayed names by comparable names.
        register: The rows of `artists.csv`, if there is one.
        artists: Names of artists; none for all.
        genres: Names of genres, any of which will do; none for all.

    Raises:
        DataError: When an artist or genre is unknown, or nobody is left.
    """
    chosen = set(present)
    if artists := tuple(artists):
        chosen &= {_found(name, present, "artist") for name in artists}
    if genres := tuple(genres):
        chosen &= _of_genres(present, register, genres)
    if not chosen and (artists or genres):
        raise DataError(f"none of the artists {_list(artists)} has a genre of {_list(genres)}")
    return chosen


def _artist(row: Mapping[str, str | None]) -> Artist:
    genres = tuple(genre.strip() for genre in (row.get("genre") or "").split(","))
    paintings = (row.get("paintings") or "").strip()
    count = int(paintings) if paintings.isdecimal() and len(paintings) < 10 else None
    return Artist((row["name"] or "").strip(), tuple(filter(None, genres)), count)


def _of_genres(
    present: Mapping[str, str], register: Mapping[str, Artist], genres: Iterable[str]
) -> set[str]:
    """Return the artists who have any of the genres."""
    known = {key: register[key].genres for key in present if key in register}
    named = {comparable(genre): genre for theirs in known.values() for genre in theirs}
    if not named:
        raise DataError(
            "genres need artists.csv, and the images come without one",
            "put the Kaggle set's artists.csv beside them, or choose by `artists`",
        )
    wanted = {_found(genre, named, "genre") for genre in genres}
    return {key for key, theirs in known.items() if wanted & set(map(comparable, theirs))}


def _found(name: str, known: Mapping[str, str], what: str) -> str:
    """Return the comparable form of a name that is known.

    Raises:
        DataError: When it is not; the hint names the nearest, or all of them.
    """
    key = comparable(name)
    if key in known:
        return key
    near = [other for other in known if set(key.split()) <= set(other.split())]
    near = near or difflib.get_close_matches(key, known, n=1)
    guess = " or ".join(f"'{known[other]}'" for other in near[:3])
    hint = f"did you mean {guess}?" if near else f"known: {_list(sorted(known.values())) or 'none'}"
    raise DataError(f"no {what} '{name}' in this set", hint)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
