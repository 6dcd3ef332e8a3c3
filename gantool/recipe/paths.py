"""Make the paths of a recipe absolute: each is relative to the file that says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from gantool.recipe.entries import Entry, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from gantool.recipe.problems import Problems


def with_absolute_paths(model: type[BaseModel], table: Entry, problems: Problems) -> dict[str, Any]:
    """Return the plain options of a table, the relative paths among them made absolute.

    An option is a path where its type is, or contains, `pathlib.Path`. An empty path, or one that
    no file system can have, is a problem.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {
        name: _absolute(entry, fields[name].annotation, problems)
        if name in fields and _holds_paths(fields[name].annotation)
        else plain(entry)
        for name, entry in table.table.items()
    }


def _holds_paths(annotation: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, Path) for part in _parts(annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield a type and every type that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _words(annotation: Any) -> set[Any]:
    """Return the words that a type takes besides paths, as in `Literal["auto"] | Path`."""
    literals = [part for part in _parts(annotation) if get_origin(part) is Literal]
    return {word for literal in literals for word in get_args(literal)}


def _absolute(entry: Entry, annotation: Any, problems: Problems) -> Any:
    """Return the plain value of a path, or of an array or a table of paths, made absolute."""
    if isinstance(entry.value, list):
        return [_absolute(element, annotation, problems) for element in entry.value]
    if isinstance(entry.value, dict):
        return {name: _absolute(e, annotation, problems) for name, e in entry.value.items()}
    if not isinstance(entry.value, str) or entry.value in _words(annotation):
        return entry.value
    if not entry.value or "\0" in entry.value:
        message = f"expected a path, got {entry.value!r}"
        problems.add(message, entry.origin.value, entry.origin.path)
        return entry.value
    return str(absolute(entry.value, entry.origin.source.folder))


def absolute(path: str, folder: Path) -> Path:
    """Return a path as seen from a folder; `~` is the user's home."""
    try:
        seen = folder / Path(path).expanduser()
    except RuntimeError:  # `~name` of nobody
        seen = folder / path
    return seen.resolve() if ".." in seen.parts else seen
