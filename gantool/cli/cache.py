"""`gantool cache`: list and clear what was generated, fetched or prepared."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import JsonOption, argument, examples, starting
from gantool.cli.output import print_json, print_lines, print_listing, tell
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.data.cache import CacheEntry


def complete_cache(incomplete: str) -> list[str]:
    """Offer the entries of the cache."""
    from gantool.data.cache import entries

    return starting(incomplete, map(_reference, entries()))


@examples("gantool cache show", "GANTOOL_CACHE=/scratch/gantool gantool cache show --json")
def show(as_json: JsonOption = False) -> None:
    """List what is in the cache, the most recently used first."""
    from gantool.data import cache

    entries = cache.entries()
    if as_json:
        print_json({"folder": cache.root(), "entries": list(map(_as_data, entries))})
        return
    print_listing(
        ("entry", "size", "last used", "state"),
        [_row(each, each.size_bytes, _used(each).isoformat()) for each in entries],
        [_row(each, size(each.size_bytes), f"{_used(each):%Y-%m-%d %H:%M}") for each in entries],
    )
    tell(f"{_total(entries)} in {cache.root()}")


@examples(
    "gantool cache clear",
    "gantool cache clear datasets/artworks",
    "gantool cache clear 'prepared/artworks-128x128*' --yes",
)
def clear(
    chosen: Annotated[
        list[str] | None,
        argument(
            "ENTRY",
            "Entries, as cache show names them, or patterns; by default all.",
            complete_cache,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete entries of the cache, and print them.

    Everything in there can be made, or fetched, again. What is being made now is left alone.
    """
    from gantool.data import cache

    entries = _chosen(cache.entries(), chosen or ())
    if not entries:
        cache.clear([])  # what a killed one has left
        tell("nothing to delete")
        return
    if not yes:
        _ask(entries)
    gone = cache.clear(entries)
    print_lines(map(_reference, gone))
    tell(f"{_total(gone)} deleted")
    if left := [_reference(entry) for entry in entries if entry not in gone]:
        tell(f"in use and left alone: {', '.join(left)}")


def _chosen(entries: Sequence[CacheEntry], patterns: Sequence[str]) -> list[CacheEntry]:
    """Return the entries that fit one of the patterns; without patterns, all of them."""
    from fnmatch import fnmatchcase

    for pattern in patterns:
        if not any(fnmatchcase(_reference(entry), pattern) for entry in entries):
            raise UsageError(f"nothing in the cache is called '{pattern}'", "gantool cache show")
    fits = [any(fnmatchcase(_reference(entry), each) for each in patterns) for entry in entries]
    return [entry for entry, fit in zip(entries, fits, strict=True) if fit or not patterns]


def _ask(entries: Sequence[CacheEntry]) -> None:
    """Let the user confirm, and leave with exit code 1 otherwise."""
    if not sys.stdin.isatty():
        raise UsageError(f"this would delete {_total(entries)}", "add --yes")
    tell(f"delete {_total(entries)}? [y/N] ", ends_line=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(1)


def _as_data(entry: CacheEntry) -> dict[str, Any]:
    return {
        "entry": _reference(entry),
        "path": entry.path,
        "size_bytes": entry.size_bytes,
        "last_used": _used(entry).isoformat(),
        "unfinished": entry.unfinished,
    }


def _reference(entry: CacheEntry) -> str:
    return f"{entry.section}/{entry.name}"


def _row(entry: CacheEntry, bytes_: object, used: str) -> tuple[Any, ...]:
    return _reference(entry), bytes_, used, "unfinished" if entry.unfinished else ""


def _used(entry: CacheEntry) -> datetime:
    """Return when the entry was last used, in the user's time zone."""
    return datetime.fromtimestamp(entry.last_used, UTC).astimezone().replace(microsecond=0)


def _total(entries: Sequence[CacheEntry]) -> str:
    count = "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"
    return f"{count}, {size(sum(entry.size_bytes for entry in entries))}"


def size(bytes_: float) -> str:
    """Return a size in the decimal unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.0f} {unit}" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.1f} GB"
