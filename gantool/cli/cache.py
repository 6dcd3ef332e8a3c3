"""`gantool cache`: what was generated, fetched or prepared, and how to be rid of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.completion import complete_cache
from gantool.cli.output import print_json, print_lines, print_listing, tell
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.data.cache import CacheEntry

SHOW_EXAMPLES = """
gantool cache show
GANTOOL_CACHE=/scratch/gantool gantool cache show --json
"""
CLEAR_EXAMPLES = """
gantool cache clear
gantool cache clear datasets/artworks
gantool cache clear 'prepared/artworks-128x128*' --yes
"""


def show(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List what is in the cache, the most recently used first."""
    from gantool.data import cache

    entries = cache.entries()
    if as_json:
        print_json({"folder": cache.root(), "entries": list(map(describe, entries))})
        return
    columns = ("entry", "size", "last used", "state")
    records = [
        (reference(entry), entry.size_bytes, used(entry).isoformat(), state(entry))
        for entry in entries
    ]
    shown = [
        (reference(entry), size(entry.size_bytes), f"{used(entry):%Y-%m-%d %H:%M}", state(entry))
        for entry in entries
    ]
    print_listing(columns, records, shown)
    tell(f"{total(entries)} in {cache.root()}")


def clear(
    chosen: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENTRY",
            help="Entries, as cache show names them, or patterns; by default all.",
            autocompletion=complete_cache,
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    debug: DebugOption = False,
) -> None:
    """Delete entries of the cache, and print them.

    Everything in there can be made, or fetched, again. What is being made now is left alone.
    """
    from gantool.data import cache

    entries = choose(cache.entries(), chosen or ())
    if not entries:
        cache.clear([])  # what a killed one has left
        tell("nothing to delete")
        return
    if not yes:
        ask(entries)
    gone = cache.clear(entries)
    print_lines(map(reference, gone))
    tell(f"{total(gone)} deleted")
    if left := [reference(entry) for entry in entries if entry not in gone]:
        tell(f"in use and left alone: {', '.join(left)}")


def choose(entries: Sequence[CacheEntry], patterns: Sequence[str]) -> list[CacheEntry]:
    """Return the entries that fit one of the patterns; without patterns, all of them.

    Raises:
        UsageError: When nothing fits a pattern.
    """
    from fnmatch import fnmatchcase

    for pattern in patterns:
        if not any(fnmatchcase(reference(entry), pattern) for entry in entries):
            raise UsageError(f"nothing in the cache is called '{pattern}'", "gantool cache show")
    fits = [any(fnmatchcase(reference(entry), each) for each in patterns) for entry in entries]
    return [entry for entry, fit in zip(entries, fits, strict=True) if fit or not patterns]


def ask(entries: Sequence[CacheEntry]) -> None:
    """Let the user confirm, and leave with exit code 1 otherwise.

    Raises:
        UsageError: When there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"this would delete {total(entries)}", "add --yes")
    tell(f"delete {total(entries)}? [y/N] ", ends_line=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(1)


def describe(entry: CacheEntry) -> dict[str, Any]:
    """Return an entry as plain data."""
    return {
        "entry": reference(entry),
        "path": entry.path,
        "size_bytes": entry.size_bytes,
        "last_used": used(entry).isoformat(),
        "unfinished": entry.unfinished,
    }


def reference(entry: CacheEntry) -> str:
    """Return what a user calls the entry: section/name."""
    return f"{entry.section}/{entry.name}"


def state(entry: CacheEntry) -> str:
    """Return "unfinished", or nothing."""
    return "unfinished" if entry.unfinished else ""


def used(entry: CacheEntry) -> datetime:
    """Return when the entry was last used, in the user's time zone."""
    return datetime.fromtimestamp(entry.last_used, UTC).astimezone().replace(microsecond=0)


def total(entries: Sequence[CacheEntry]) -> str:
    """Return number and size in words."""
    count = "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"
    return f"{count}, {size(sum(entry.size_bytes for entry in entries))}"


def size(bytes_: float) -> str:
    """Return a size in the decimal unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.0f} {unit}" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.1f} GB"
