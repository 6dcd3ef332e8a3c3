"""The page of a comparison, and the pictures in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gantool.evaluation.comparison.comparison import Comparison, compare
from gantool.reporting.comparing.page import (
    _cut,
    comparison_page,
    same_latents,
    strips_of,
    write_comparison,
)
from gantool.reporting.comparing.wording import conclusion
from gantool.reporting.pictures.grids import save_grid
from gantool.runs.folder import RunFolder

Plant = Callable[..., Path]


def with_grids(folder: Path, levels: dict[int, int], count: int = 20) -> Path:
    """Draw grids after some steps; image i of one has the level `levels[step] + i`."""
    for step, level in levels.items():
        images = np.stack([np.full((16, 16, 3), level + i, dtype=np.uint8) for i in range(count)])
        save_grid(images, RunFolder(folder).sample_grid(step))
    return folder


def planted(plant: Plant) -> Comparison:
    table = {"sampling": {"count": 20}}
    folders = [
        with_grids(plant("base", **table), {20: 10, 100: 50, 400: 90}),
        with_grids(plant("<l2>", **table, regularizers=[{"use": "l2"}]), {20: 110, 400: 150}),
    ]
    return compare([RunFolder(folder) for folder in folders])


def test_strips_are_the_first_images_of_grids_at_shared_epochs(plant: Plant) -> None:
    comparison = planted(plant)
    strips = strips_of(comparison.groups)
    assert [strip.label for strip in strips] == ["epoch 1", "epoch 20"]
    assert all(len(strip.pictures) == 2 for strip in strips)
    run = comparison.groups[1].first
    picture = _cut(run, run.folder.sample_grid(400))
    assert picture is not None
    assert picture.shape == (50, 50, 3)
    levels = [int(picture[17 * row, 17 * column, 0]) for row in range(3) for column in range(3)]
    assert levels == list(range(150, 159))
    assert same_latents(comparison.groups)


def test_a_grid_that_is_none_costs_a_picture_only(plant: Plant) -> None:
    comparison = planted(plant)
    comparison.groups[0].first.folder.sample_grid(400).write_bytes(b"no picture")
    save_grid(
        np.zeros((3, 16, 16, 3), dtype=np.uint8),
        comparison.groups[1].first.folder.sample_grid(20),
    )
    strips = strips_of(comparison.groups)
    assert [[each is not None for each in strip.pictures] for strip in strips] == [
        [True, False],
        [False, True],
    ]
    assert "epoch 20" in comparison_page(comparison)


def test_other_seeds_are_said_to_draw_from_other_latents(plant: Plant) -> None:
    folders = [plant("a"), plant("b", training={"seed": 3, "batch_size": 8})]
    comparison = compare([RunFolder(folder) for folder in folders])
    assert not same_latents(comparison.groups)


def test_the_page_holds_everything_and_loads_nothing(plant: Plant, tmp_path: Path) -> None:
    comparison = planted(plant)
    write_comparison(comparison, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.escape(conclusion(comparison), quote=True).replace("&#x27;", "&#39;") in page
    assert "&lt;l2&gt;" in page
    assert "<l2>" not in page
    assert page.count("data:image/webp") == 4
    assert page.count("<svg") == 3
    assert "3 times the spread" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
