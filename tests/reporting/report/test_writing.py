"""The page as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool.evaluation.neighbors import find_neighbors
from gantool.reporting.pictures.grids import save_grid
from gantool.reporting.report.writing import MOST_ROWS, show_neighbors, write_report
from gantool.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]
RANDOM = np.random.default_rng(0)


def text_of(path: Path) -> str:
    """Return what a reader sees, about."""
    text = path.read_text(encoding="utf-8").partition("</style>")[2].partition("<script>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_every_part_is_there(make_run: MakeRun) -> None:
    folder = make_run(scores=[{"step": 50, "a/b": 1.0}])
    for step in (50, 100):
        save_grid(RANDOM.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8), folder.sample_grid(step))
    assert write_report(folder) == folder.report
    page = folder.report.read_text(encoding="utf-8")
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    assert titles == [
        "Too short to judge",
        "The same latents, over training",
        "Curves",
        "Scores",
        "Nearest training images",
        "Recipe",
        "Cost and environment",
    ]
    assert page.count('class="frame"') == 2
    assert page.count("<svg") == 4
    assert "They are looked for when a run ends" in text_of(folder.report)


def test_what_is_missing_is_left_out(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(metrics=[{"step": 10, "epoch": 1.0}], timing=[])
    folder.sample_grid(100).write_bytes(b"no picture")
    out = tmp_path / "elsewhere" / "page.html"
    assert write_report(folder, out) == out
    assert not folder.report.exists()
    page = out.read_text(encoding="utf-8")
    assert "The same latents" not in page
    assert "<h2>Scores" not in page


def test_an_unreadable_grid_costs_only_itself(make_run: MakeRun) -> None:
    folder = make_run()
    for step in (50, 100):
        save_grid(RANDOM.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8), folder.sample_grid(step))
    folder.sample_grid(70).write_bytes(b"no picture")
    write_report(folder)
    labels = re.findall(r'class="frame" data-label="([^"]*)"', folder.report.read_text())
    assert labels == ["epoch 5", "epoch 10"]


def test_penalties_have_a_chart(make_run: MakeRun) -> None:
    metrics = [{"step": s, "epoch": s / 10, "penalty/r1": 0.1 * s} for s in (10, 20)]
    write_report(folder := make_run(metrics=metrics))
    assert "r1 penalty" in text_of(folder.report)


@pytest.mark.parametrize("replays", [False, True])
def test_neighbors_are_shown_and_a_replay_is_called_out(make_run: MakeRun, replays: bool) -> None:
    training = torch.from_numpy(RANDOM.integers(0, 256, (200, 8, 8, 3), dtype=np.uint8))
    others = torch.from_numpy(RANDOM.integers(0, 256, (64, 8, 8, 3), dtype=np.uint8))
    found = find_neighbors(training[:64] if replays else others, training)
    folder = make_run(scores=[{"step": 100, "fid/distance": 0.0}])
    write_report(folder, neighbors=show_neighbors(found, training))
    page = folder.report.read_text(encoding="utf-8")
    said = text_of(folder.report)
    assert page.count('alt="generated"') == MOST_ROWS
    assert page.count('alt="training image"') == 3 * MOST_ROWS
    assert ("It repeats its training images" in said) == replays
    assert ("64 of 64 generated images (100 %) are copies" in said) == replays
    assert ("0 of 64 generated pictures are copies" in said) != replays


def test_the_nearest_come_first() -> None:
    training = torch.from_numpy(RANDOM.integers(0, 256, (200, 8, 8, 3), dtype=np.uint8))
    others = torch.from_numpy(RANDOM.integers(0, 256, (30, 8, 8, 3), dtype=np.uint8))
    images = torch.cat([others, training[5:6]])
    rows = show_neighbors(find_neighbors(images, training), training).rows
    assert rows[0].ratio == pytest.approx(0, abs=0.01)
    assert rows[0].generated.uri == rows[0].nearest[0].uri
    assert [row.ratio for row in rows] == sorted(row.ratio for row in rows)
