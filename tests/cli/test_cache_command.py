from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gantool.cli.cache import size
from gantool.data.cache import dataset_cache, entry_lock, prepared_cache

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill a cache of its own with three entries."""
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    for folder, length in (
        (dataset_cache("paintings"), 1500),
        (prepared_cache() / "paintings-64", 20),
        (prepared_cache() / ".unfinished-paintings-32", 3),
    ):
        folder.mkdir()
        (folder / "file").write_bytes(bytes(length))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def names(outcome: Any) -> set[str]:
    return {record[0] for record in outcome.records}


EVERYTHING = {"datasets/paintings", "prepared/paintings-64", "prepared/paintings-32"}


def test_show_gives_bytes_and_times(gantool: Callable[..., Any]) -> None:
    outcome = gantool("cache", "show")
    assert names(outcome) == EVERYTHING
    (record,) = (record for record in outcome.records if record[0] == "datasets/paintings")
    assert record[1] == "1500"
    assert datetime.fromisoformat(record[2]).tzinfo is not None
    states = {record[0]: record[3] for record in outcome.records}
    assert states["prepared/paintings-32"] == "unfinished"
    assert states["prepared/paintings-64"] == ""
    assert "3 entries, 1.5 kB in" in outcome.stderr


def test_show_as_json(gantool: Callable[..., Any], tmp_path: Path) -> None:
    shown = json.loads(gantool("cache", "show", "--json").stdout)
    assert shown["folder"] == str(tmp_path / "cache")
    assert {entry["entry"]: entry["size_bytes"] for entry in shown["entries"]} == {
        "datasets/paintings": 1500,
        "prepared/paintings-64": 20,
        "prepared/paintings-32": 3,
    }
    assert {entry["entry"] for entry in shown["entries"] if entry["unfinished"]} == {
        "prepared/paintings-32"
    }


def test_nothing_is_deleted_unasked(gantool: Callable[..., Any]) -> None:
    outcome = gantool("cache", "clear")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "this would delete 3 entries, 1.5 kB\nhint: add --yes" in outcome.stderr
    assert names(gantool("cache", "show")) == EVERYTHING


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("", 1, 3)])
def test_on_a_terminal_the_user_is_asked(
    answer: str,
    code: int,
    left: int,
    gantool: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    outcome = gantool("cache", "clear")
    assert outcome.code == code
    assert outcome.stderr.startswith("delete 3 entries, 1.5 kB? [y/N] ")
    assert len(outcome.records) == 3 - left
    assert len(gantool("cache", "show").records) == left


def test_clear_deletes_what_is_named(gantool: Callable[..., Any]) -> None:
    outcome = gantool("cache", "clear", "prepared/*", "--yes")
    assert outcome.code == 0
    assert set(outcome.stdout.split()) == EVERYTHING - {"datasets/paintings"}
    assert names(gantool("cache", "show")) == {"datasets/paintings"}
    assert gantool("cache", "clear", "--yes").stdout == "datasets/paintings\n"
    assert "nothing to delete" in gantool("cache", "clear", "--yes").stderr


def test_clear_refuses_names_of_nothing(gantool: Callable[..., Any]) -> None:
    outcome = gantool("cache", "clear", "datasets/*", "datasets/painting", "--yes")
    assert outcome.code == 2
    assert "nothing in the cache is called 'datasets/painting'" in outcome.stderr
    assert names(gantool("cache", "show")) == EVERYTHING


def test_clear_leaves_what_is_in_use(gantool: Callable[..., Any]) -> None:
    with entry_lock("prepared", "paintings-32"):
        outcome = gantool("cache", "clear", "--yes")
    assert "in use and left alone: prepared/paintings-32" in outcome.stderr
    assert names(gantool("cache", "show")) == {"prepared/paintings-32"}


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (12_345_678, "12.3 MB"), (5e12, "5000.0 GB")],
)
def test_sizes(count: float, words: str) -> None:
    assert size(count) == words


def test_clear_finishes_what_a_killed_one_began(gantool: Callable[..., Any]) -> None:
    gantool("cache", "clear", "--yes")
    left = prepared_cache() / ".trash-0123"
    left.mkdir()
    outcome = gantool("cache", "clear")
    assert (outcome.code, outcome.stderr) == (0, "nothing to delete\n")
    assert not left.exists()
