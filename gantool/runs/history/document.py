"""Files of a run folder that hold one JSON document each."""

from __future__ import annotations

import errno
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.files.plain import open_plain
from gantool.runs.history.damage import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import TypeAdapter

    from gantool.runs.history.damage import Damages


MOST_BYTES = 2**21
"""A file that is read whole and larger than this was not written by gantool."""


def read_document(path: Path, kind: Any, damages: Damages | None = None) -> Any:
    """Return what a JSON file holds, as a type that pydantic knows.

    Args:
        path: The file.
        kind: What it must hold.
        damages: If given, fields of an object that are wrong are told to it, and have their
            defaults where they have any.

    Raises:
        UsageError: When the file is missing or holds something else; it names the fields.
    """
    try:
        text = read_bounded(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    return checked(text, path, kind, damages)


def checked(text: bytes, path: Path, kind: Any, damages: Damages | None = None) -> Any:
    """Return what JSON says, as a type that pydantic knows; arguments as of `read_document`.

    Raises:
        UsageError: When it says something else; it names the fields.
    """
    from pydantic import ValidationError

    adapter = _adapter(kind)
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        wrong = fields_of(error)
        found = None if damages is None or "" in wrong else _mended(adapter, text, wrong)
        if damages is None or found is None:
            said = "; ".join(f"{field}: {what}".removeprefix(": ") for field, what in wrong.items())
            raise UsageError(f"{path} cannot be read: {said}") from error
    for field, what in wrong.items():
        damages.note(path, f"{field}: {what}; it is left out")
    return found


def read_bounded(path: Path) -> bytes:
    """Return what a plain file holds.

    Raises:
        OSError: When it cannot be opened, is no plain file, or larger than any that gantool writes.
    """
    with open_plain(path) as file:
        content: bytes = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MOST_BYTES // 2**20} MB", str(path))
    return content


def _mended(adapter: TypeAdapter[Any], text: bytes, wrong: Mapping[str, str]) -> Any | None:
    """Return what is left without the wrong fields, or None where that is not enough."""
    from pydantic import ValidationError
    from pydantic_core import from_json

    fields = {field.partition(".")[0] for field in wrong}
    kept = {name: value for name, value in from_json(text).items() if name not in fields}
    try:
        return adapter.validate_json(json.dumps(kept))
    except ValidationError:
        return None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
