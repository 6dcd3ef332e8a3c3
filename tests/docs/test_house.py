"""The house is as small as its page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import house

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"


@pytest.fixture(scope="module")
def trip() -> dict[str, list[str]]:
    return house.trip()


def bounds() -> dict[str, int]:
    """Return the counts of the page's table, by what is counted."""
    table = PAGE.read_text().partition("## The house, counted")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", table, re.MULTILINE)
    return {what: int(count.replace(",", "")) for what, count in rows}


def test_it_has_no_more_files_lines_long_functions_and_circles_than_told(
    trip: dict[str, list[str]],
) -> None:
    counted = {
        "files in `gantool/`": len(house.files()),
        "lines in them": house.lines(),
        "functions of more than 40 lines": len(house.long_functions()),
        "import circles, imports for typing included": len(house.import_circles()),
        "of them entered up to the first optimizer step": len(trip["first"]),
        "of them entered in one warm step": len(trip["warm"]),
    }
    told = bounds()
    assert counted.keys() == told.keys()
    assert {what: count for what, count in counted.items() if count > told[what]} == {}


def test_what_is_counted_is_there(trip: dict[str, list[str]]) -> None:
    assert {"gantool/training/trainer.py", "gantool/cli/app.py"} <= set(trip["first"])
    assert "gantool/training/step/update.py" in trip["warm"]
    modules = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert {"a", "b", "c"} in house._strongly_connected(modules)
