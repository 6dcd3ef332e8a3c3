"""Artists' names as folders and files spell them, repaired and compared."""

from __future__ import annotations

import re
import unicodedata

SEPARATORS = re.compile(r"[\s_\-]+")


def repaired(name: str) -> str:
    """Undo what unzip tools do to accents: UTF-8 bytes read as cp437, once or several times.

    "Albrecht_Du╠êrer" and "Albrecht_DuΓòá├¬rer" both become "Albrecht_Dürer". A name that was
    not mangled is no valid UTF-8 in cp437 and comes back as it is, composed (NFC).
    """
    name = unicodedata.normalize("NFC", name)  # some file systems decompose the ê of the mangling
    while not name.isascii():
        try:
            name = unicodedata.normalize("NFC", name.encode("cp437").decode("utf-8"))
        except UnicodeError:
            break
    return name


def comparable(name: str) -> str:
    """Return what equal names have in common: no case, no accents, one kind of separator."""
    letters = unicodedata.normalize("NFKD", repaired(name))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return SEPARATORS.sub(" ", bare).strip().casefold() or name


def displayed(name: str) -> str:
    """Return a folder's name as a person would write it."""
    return printable(repaired(name).replace("_", " ").strip())


def printable(name: str) -> str:
    """Replace the bytes of a file name that are no text, so that it can be shown and written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
