"""The logger that `gantool new-plugin` writes loses no row to a kill and writes none twice."""

from __future__ import annotations

import csv
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gantool import RunDescription
from gantool.reporting.loggers import LoggersObserver, SentSteps
from gantool.scaffold.package import Names, package_files
from gantool.training.observers import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIGURES = {"generator_loss": 0.5, "penalty/r1": 2.0}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Return what makes the logger, as another process would."""
    content = package_files(Names("sparkle", "logger"))["gantool_sparkle/plugin.py"]
    path = tmp_path / "plugin.py"
    path.write_text(content, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("gantool_sparkle_tried", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    (component,) = module.gantool_components()
    yield component
    del sys.modules[spec.name]


def process(logger: Any, folder: Path, resumed_from: int, until: int) -> LoggersObserver:
    """Record every second step in a new process, which then dies."""
    run = RunDescription("0123456789abcdef", "run", folder, {}, resumed_from)
    observer = LoggersObserver([logger], run, SentSteps(folder / "loggers.json"))
    observer.start()
    observer.restored(resumed_from, {})
    for step in range(resumed_from + 2, until + 1, 2):
        observer.at_log(Record(step, step / 4, FIGURES))
    return observer


def rows(folder: Path) -> list[list[str]]:
    with (folder / "figures.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_kills_and_rollbacks_leave_every_step_once(
    make: Callable[[], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process(make(), tmp_path, 0, 10)
    with (tmp_path / "figures.csv").open("a", encoding="utf-8") as file:
        file.write("1")  # of "12,generator_loss,0.5"
    process(make(), tmp_path, 4, 6)
    observer = process(make(), tmp_path, 4, 12)
    observer.restored(8, {})
    observer.at_log(Record(10, 2.5, {"generator_loss": 0.25}))
    observer.finish("completed")
    process(make(), tmp_path, 12, 14).finish("completed")  # resumed to train longer
    assert not caplog.records
    heading, *kept = rows(tmp_path)
    assert heading == ["step", "name", "value"]
    again = [["10", "generator_loss", "0.25"]]
    before, after = (
        [[str(step), name, str(value)] for step in steps for name, value in FIGURES.items()]
        for steps in ((2, 4, 6, 8), (14,))
    )
    assert kept == before + again + after
