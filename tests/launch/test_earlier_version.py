"""A run that gantool 0.1.0 left half done can be used as one of today.

The fixture was written by 0.1.0 in float64: `stopped` was killed after step 11 of 20, with a
checkpoint of step 10; `whole` is the same run without the kill; `exported` was made of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gantool.cli.app import main

FIXTURE = Path(__file__).parents[1] / "fixtures" / "run-0.1.0"
PRECISION = 1e-9


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the fixture, in which the present folder is."""
    folder = tmp_path / "earlier"
    shutil.copytree(FIXTURE, folder)
    monkeypatch.chdir(folder)
    return folder


def done(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    assert end.value.code == 0


def last_line(path: Path) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(path.read_text().splitlines()[-1])
    return line


def test_resuming_ends_where_the_earlier_version_ended(earlier: Path) -> None:
    import torch

    done("resume", "stopped", "--set", "dataset.folder=pictures")
    for file in ("metrics.jsonl", "scores.jsonl"):
        expected = last_line(FIXTURE / "whole" / file)
        expected.pop("protocol", None)
        found = last_line(earlier / "stopped" / file)
        assert {key: found[key] for key in expected} == pytest.approx(expected, abs=PRECISION)
    path = Path("checkpoints/step-00000020/state.pt")
    new, old = (
        torch.load(folder / path, weights_only=True)
        for folder in (earlier / "stopped", FIXTURE / "whole")
    )
    assert new["networks"]["generator"].keys() == old["networks"]["generator"].keys()
    for part in ("networks", "average", "regularizers"):
        torch.testing.assert_close(new[part], old[part], rtol=0, atol=PRECISION)


def test_what_was_finished_can_be_drawn_from_and_told_of(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done("sample", "whole", "--seed", "3", "--count", "2", "--out", "drawn")
    drawn = sorted((earlier / "drawn").glob("*.png"))
    assert len(drawn) == 2
    with Image.open(drawn[0]) as image:
        assert image.size == (16, 16)
    done("report", "whole")
    assert "0.0043" in (earlier / "whole" / "report.html").read_text()
    capsys.readouterr()
    done("compare", "whole", "stopped")
    said = capsys.readouterr().out
    assert "run\tkd-pixels/distance ↓\t0.00428" in said
    done("list-runs", ".")
    assert "whole" in capsys.readouterr().out
    done("validate", "whole/recipe.toml", "--set", "dataset.folder=pictures")


def test_an_exported_folder_draws_what_its_run_draws(earlier: Path) -> None:
    for subject in ("whole", "exported"):
        done("sample", subject, "--seed", "5", "--count", "4", "--out", f"of-{subject}")
    of_run = sorted((earlier / "of-whole").glob("*.png"))
    of_export = sorted((earlier / "of-exported").glob("*.png"))
    assert len(of_run) == 4
    assert [path.read_bytes() for path in of_run] == [path.read_bytes() for path in of_export]


def test_a_run_that_went_on_can_be_exported(earlier: Path) -> None:
    done("export", "whole", "--to", "safetensors", "--out", "again")
    now = (earlier / "again" / "generator.safetensors").read_bytes()
    assert now == (FIXTURE / "exported" / "generator.safetensors").read_bytes()
