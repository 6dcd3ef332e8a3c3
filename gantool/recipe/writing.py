"""Write a recipe as TOML that a person likes to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomlkit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tomlkit.items import AoT, InlineTable, Table


def dump(document: Mapping[str, Any]) -> str:
    """Return a recipe's plain data as TOML; reading it gives equal data.

    The order is the document's, but for options before tables, which tomlkit sees to.

    Args:
        document: As in `Recipe.document`: no value is None.
    """
    written = tomlkit.document()
    for name, value in document.items():
        written.add(name, _item(value))
    return tomlkit.dumps(written)


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _item(value: Any) -> Any:
    """Return a top-level value: a table with a header, `[[tables]]`, or a plain value."""
    if isinstance(value, dict):
        return _table(value)
    return _array_of_tables(value) if _is_array_of_tables(value) else _value(value)


def _table(options: Mapping[str, Any]) -> Table:
    """Return a table; tables inside it get headers too, as in `[optimizer.discriminator]`."""
    table = tomlkit.table()
    for name, value in options.items():
        table.add(name, _table(value) if isinstance(value, dict) else _value(value))
    return table


def _array_of_tables(entries: list[Mapping[str, Any]]) -> AoT:
    array = tomlkit.aot()
    for entry in entries:
        table = tomlkit.table()
        for name, value in entry.items():
            table.add(name, _value(value))
        array.append(table)
    return array


def _value(value: Any) -> Any:
    """Return a value that fits behind an equals sign; a table in one line."""
    if isinstance(value, dict):
        return _inline(value)
    if isinstance(value, list):
        # as text: appending takes time that grows with the square of the length
        return tomlkit.array(f"[{', '.join(tomlkit.item(_value(e)).as_string() for e in value)}]")
    return value


def _inline(options: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for name, value in options.items():
        table.add(name, _value(value))
    return table
