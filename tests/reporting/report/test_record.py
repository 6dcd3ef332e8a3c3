"""What a run's folder tells, whole or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gantool.errors import UsageError
from gantool.reporting.report.writing import cost, environment, facts, read_logged, started
from gantool.runs.folder import RunFolder
from gantool.runs.history import grid_images, tile
from gantool.runs.status import hold, read_status, write_status

pytestmark = pytest.mark.quick

MakeRun = Callable[..., RunFolder]


def test_figures_of_a_run(make_run: MakeRun) -> None:
    record = read_logged(make_run())
    assert record.timing.seconds == 20
    assert record.timing.seconds_per_step == 0.2
    assert record.timing.images_per_second == 105
    assert record.epoch(50) == pytest.approx(5)
    assert record.timing.peak_memory_bytes is None
    assert (tile(record.document), grid_images(record.document)) == ((8, 8), 4)
    shown = dict(facts(record))
    assert shown["Steps"] == "100"
    assert shown["Epochs"] == "10"
    assert shown["Training time"] == "20 s"
    assert dict(cost(record))["Time for a step"] == "200.00 ms (median)"


def test_memory_is_shown_where_it_was_noted(make_run: MakeRun) -> None:
    timing = [{"step": 10, "seconds": 1.0, "peak_memory_bytes": size} for size in (3e8, 5e8)]
    assert dict(cost(read_logged(make_run(timing=timing))))["Peak memory"] == "500 MB"


def test_how_far_it_came(make_run: MakeRun) -> None:
    folder = make_run("stopped", metrics=[{"step": 40, "epoch": 4.0}])
    write_status(folder, read_status(folder).at(30, "stopped"))
    shown = dict(facts(read_logged(folder)))  # a kill may leave a status behind the figures
    assert shown["Steps"] == "40 of 100"
    assert shown["Epochs"] == "4 of 10"
    assert shown["Run"] == "stopped"


def test_a_run_that_was_killed_is_no_longer_running(make_run: MakeRun) -> None:
    folder = make_run("running")
    assert read_logged(folder).state == "interrupted"
    with hold(folder):
        assert read_logged(folder).state == "running"
    status = read_status(folder).at(100, "completed")
    assert read_logged(folder, status).state == "completed"


def test_a_run_without_figures_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(UsageError, match=r"nothing of run .* was logged yet") as caught:
        read_logged(make_run(metrics=[]))
    assert "gantool resume" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("recipe", b"\xff"), ("recipe", b"x ="), ("description", b""), ("description", b"[]")],
)
def test_without_recipe_or_status_there_is_no_report(
    make_run: MakeRun, name: str, content: bytes
) -> None:
    folder = make_run()
    getattr(folder, name).write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read_logged(folder)


@pytest.mark.parametrize("name", ["timing", "scores", "evaluations", "health", "environment"])
@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"[[[", b'{"step": "ten"}\n', b"[1, 2]\n"])
def test_other_damage_costs_its_part(make_run: MakeRun, name: str, content: bytes) -> None:
    folder = make_run()
    getattr(folder, name).write_bytes(content)
    record = read_logged(folder)
    assert record.timing.seconds == (None if name == "timing" else 20)
    assert list(facts(record))
    assert list(cost(record))
    assert list(environment(record)) == []


def test_the_newest_machine_is_shown(make_run: MakeRun) -> None:
    folder = make_run()
    machines = [{"python": "3.11"}, {"python": "3.13", "devices": ["cpu"], "packages": {"a": "1"}}]
    folder.environment.write_text(json.dumps(machines), encoding="utf-8")
    shown = dict(environment(read_logged(folder)))
    assert shown["Python"] == "3.13"
    assert shown["Packages"] == "a 1"
    assert shown["Processes"].startswith("2 ")


def test_grids_are_those_that_the_run_drew(make_run: MakeRun) -> None:
    folder = make_run()
    for name in ("step-00000100.png", "step-00000020.png", "step-1.png", "drawn-step-00000100.png"):
        (folder.samples / name).touch()
    (folder.samples / "step-00000030.png").mkdir()
    assert [step for step, _ in read_logged(folder).folder.sample_grids()] == [20, 100]


@pytest.mark.parametrize("size", ["[8, 4]", "8"])
def test_tiles(make_run: MakeRun, size: str) -> None:
    folder = make_run()
    folder.recipe.write_text(f"[image]\nsize = {size}\n", encoding="utf-8")
    assert tile(read_logged(folder).document) == ((8, 4) if "," in size else (8, 8))


def test_a_damaged_date_is_no_failure(make_run: MakeRun) -> None:
    folder = make_run()
    values = json.loads(folder.description.read_text())
    folder.description.write_text(json.dumps({**values, "created": 7}), encoding="utf-8")
    assert started(read_logged(folder)) == "at an unknown time"


def test_a_status_that_makes_no_sense_is_told(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_run()
    values = json.loads(folder.description.read_text())
    odd = {**values, "outcome": ["?"], "step": None, "holder": 10**25}
    folder.description.write_text(json.dumps(odd), encoding="utf-8")
    shown = dict(facts(read_logged(folder)))
    assert (shown["Recipe"], shown["Run"], shown["Steps"]) == ("tiny", "interrupted", "100")
    assert [text.partition("/run/")[2] for text in caplog.messages] == [
        "run.json: step: expected a whole number, got None; it is left out",
        "run.json: outcome: expected 'running', 'completed', 'stopped' or 'failed', got ['?']; "
        "it is left out",
        f"run.json: holder: expected at most {2**63 - 1}, got {10**25}; it is left out",
    ]
    folder.description.write_text(json.dumps({**values, "steps": "many"}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"run\.json cannot be read: steps: expected a whole"):
        read_logged(folder)


def test_a_recipe_that_asks_for_endless_grids_is_not_believed(make_run: MakeRun) -> None:
    folder = make_run()
    folder.recipe.write_text("[sampling]\ncount = 10000000000000\n", encoding="utf-8")
    assert grid_images(read_logged(folder).document) == 1
