"""What a comparison says: planted curves and scores, and the words for them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.evaluation.comparison.comparison import Comparison, compare
from gantool.evaluation.comparison.groups import Spread
from gantool.reporting.comparing.forms import as_data, as_markdown
from gantool.reporting.comparing.table import protocol_in_words, rows_of, score_columns
from gantool.reporting.comparing.wording import (
    conclusion,
    game_in_words,
    listed,
    significant,
    with_spread,
)
from gantool.runs.folder import RunFolder

pytestmark = pytest.mark.quick

Plant = Callable[..., Path]
NAME = "kd-random-conv/distance"
KID = {"metrics": [{"use": "kid"}], "evaluation": {"extractor": "random-conv"}}
PROTOCOL = {
    "extractor": {"name": "random-conv", "weights": "ab" * 32, "resizer": "none"},
    "dataset": "folder",
    "fingerprint": "f1",
    "image": "16x16 with 3 channels, stretch",
    "split": "train",
    "real": 100,
    "held_out": 0,
    "fake": 1000,
    "generator": "raw",
    "batch_statistics": "running",
    "seeds": [0],
    "gantool": "0.1.0",
}


def curve(start: float, end: float, seed: int = 0) -> list[float]:
    """Return a loss that goes from one value to another in the second half, with noise."""
    line = np.interp(np.linspace(0, 1, 200), [0, 0.5, 1], [start, start, end])
    return list(line + np.random.default_rng(seed).normal(0, 0.05, 200))


def scores(*values: float, sd: float = 0.01) -> list[dict[str, Any]]:
    return [
        {"step": 1000 * n, NAME: value, "kd-random-conv/sd": sd, "protocol": PROTOCOL}
        for n, value in enumerate(values, 1)
    ]


def compared(*folders: Path) -> Comparison:
    return compare([RunFolder(folder) for folder in folders])


@pytest.fixture
def report(plant: Plant) -> Comparison:
    """Plant what the report saw: base climbs and is won, l2 is level, spectral leads."""
    return compared(
        plant(
            "base",
            generator_loss=curve(3.0, 6.0),
            discriminator_loss=curve(1.2, 0.1, 1),
            scores=scores(0.30, 0.10),
            **KID,
        ),
        plant(
            "l2",
            generator_loss=curve(2.0, 2.0, 2),
            discriminator_loss=curve(0.9, 0.9, 3),
            scores=scores(0.40, 0.20),
            regularizers=[{"use": "l2"}],
            **KID,
        ),
        plant(
            "spectral",
            generator_loss=curve(0.9, 0.8, 4),
            discriminator_loss=curve(1.3, 1.3, 5),
            scores=scores(0.25, 0.35),
            regularizers=[{"use": "spectral-norm"}],
            **KID,
        ),
    )


def test_games_in_words(report: Comparison) -> None:
    base, l2, spectral = map(game_in_words, report.groups)
    assert base.startswith("In the second half of training the generator's loss climbs from 3.0"), (
        base
    )
    assert "The discriminator wins: its loss ends at 0.2" in base
    assert "where 1.39 means that it cannot tell real from generated." in base
    assert "the generator's loss stays level around 1.99." in l2
    assert "The discriminator's and the generator's losses end at 0.9" in l2
    assert "The discriminator's loss ends above the generator's, 1.3" in spectral


def test_the_conclusion_says_who_did_best_and_what_sets_them_apart(report: Comparison) -> None:
    assert conclusion(report) == (
        f"base did best: {NAME} 0.100 at the end (lower is better), ahead of l2 with 0.200. "
        "The lead of 0.100 exceeds the noise (0.0283, twice the spread of a difference over the "
        "metric's subsets). spectral (0.350) follows. "
        "Better before the end than at the end: spectral (0.250). "
        "Late in training the generator's loss climbs in base; it falls in spectral; "
        "it stays level in l2. The discriminator wins in base. "
        "The discriminator's loss ends above the generator's in spectral. "
        "Each was trained with one seed: another seed may turn the order."
    )
    assert as_data(report)["winner"] == "base"


def test_no_winner_is_named_where_there_is_none(plant: Plant) -> None:
    equal = [
        plant(name, scores=scores(0.2, sd=0.0), training={"batch_size": size}, **KID)
        for name, size in (("a", 8), ("b", 16))
    ]
    said = conclusion(compared(*equal))
    assert said.startswith(f"No winner: a and b have the same {NAME}, 0.200.")
    near = plant("c", scores=scores(0.21), training={"batch_size": 32}, **KID)
    comparison = compared(equal[0], near)
    assert conclusion(comparison).startswith(f"No clear winner: a has the best {NAME} at the end")
    assert "The lead of 0.0100 does not exceed the noise" in conclusion(comparison)
    assert as_data(comparison)["winner"] is None
    silent = [plant(name, training={"batch_size": size}) for name, size in (("d", 8), ("e", 16))]
    assert conclusion(compared(*silent)).startswith("No score is known of all of them")


def test_seeds_are_counted(plant: Plant) -> None:
    folders = [
        plant(
            f"base-{seed}",
            status={"recipe": "base"},
            generator_loss=curve(3.0, end, seed),
            discriminator_loss=[1.0] * 200,
            scores=scores(0.2 + seed / 100),
            training={"seed": seed},
            **KID,
        )
        for seed, end in enumerate((6.0, 6.0, 3.0))
    ]
    comparison = compared(*folders, plant("other", loss={"use": "hinge"}))
    said = game_in_words(comparison.groups[0])
    assert "climbs from 3.0" in said
    assert "in 2 of 3 seeds and stays level around 2.99 in 1 of 3 seeds." in said
    rows = {row.label: row.cells for row in rows_of(comparison)}
    assert rows["seeds"] == ("0, 1, 2", "0")
    assert rows["G loss late"][0] == "2 × climbs, 1 × stays level"
    assert rows[f"{NAME} ↓"] == ("0.210 ± 0.01", "–")


def test_what_went_wrong_comes_first(plant: Plant) -> None:
    finding = {"step": 120, "sign": "generator", "message": "it has collapsed"}
    failed = {"outcome": "failed", "step": 250, "steps": 900}
    stopped = {"outcome": "stopped", "steps": 900}
    comparison = compared(
        plant("a", findings=[finding]),
        plant("b", status=failed, training={"batch_size": 8}),
        plant("c", status=stopped, training={"batch_size": 16}),
    )
    first, second, third = map(game_in_words, comparison.groups)
    assert first.startswith("The generator collapsed, seen at step 120.")
    assert second.startswith("The run failed or diverged, after 400 of 900 steps.")
    assert third.startswith("It is not finished, after 400 of 900 steps.")


def test_lengths_that_differ_are_said(plant: Plant) -> None:
    short = {"generator_loss": [1.0] * 20, "discriminator_loss": [1.0] * 20}
    comparison = compared(plant("long"), plant("short", **short))
    assert "unlike numbers of steps: long 400 and short 200." in conclusion(comparison)


def test_lengths_that_differ_within_a_group_are_said(plant: Plant) -> None:
    short = {"generator_loss": [1.0] * 20, "discriminator_loss": [1.0] * 20}
    seeds = [plant("one", status={"recipe": "base"})]
    seeds.append(
        plant("two", status={"recipe": "base"}, training={"seed": 1, "steps": 400}, **short)
    )
    assert "unlike numbers of steps: base 200 to 400." in conclusion(compared(*seeds))
    other = plant("other", training={"batch_size": 8})
    said = conclusion(compared(*seeds, other))
    assert "unlike numbers of steps: base 200 to 400 and other 400." in said


def test_the_best_of_each_row_is_marked(report: Comparison) -> None:
    rows = {row.label: row for row in rows_of(report)}
    assert rows[f"{NAME} ↓"].best == 0
    best = rows[f"{NAME} ↓ at its best"]
    assert best.best == 0
    assert best.cells[2] == "0.250 (step 1,000)"
    assert rows["regularizers"].cells[0] == "–"
    assert not any("real against real" in label for label in rows)
    assert rows["time of a run"].cells == ("20 s",) * 3


def test_markdown_holds_table_and_words_and_no_cell_breaks_it(report: Comparison) -> None:
    text = as_markdown(report)
    assert text.startswith(conclusion(report))
    assert f"| {NAME} ↓ | **0.100** | 0.200 | 0.350 |" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}
    assert "- kd-random-conv/distance: 1,000 generated images (raw weights" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(6.0, "6.00"), (0.12345, "0.123"), (-0.00261, "-0.00261"), (123.4, "123"), (0.0, "0.00")],
)
def test_figures_have_three_digits_that_matter(value: float, text: str) -> None:
    assert significant(value) == text


def test_lists_and_spreads_read_well() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]
    assert with_spread(Spread(0.1614, 0.0434, 2)) == "0.161 ± 0.043"


def test_runs_without_a_score_are_named_and_the_way_to_one(plant: Plant) -> None:
    scored = plant("scored", scores=scores(1.0), **KID)
    without = plant("it's new", training={"batch_size": 8}, **KID)
    said = conclusion(compared(scored, without))
    assert "Without a score: it's new. " in said
    told = said.partition("To evaluate them alike: ")[2].partition(". Late")[0]
    assert shlex.split(told)[:5] == ["gantool", "evaluate", str(without), "--protocol", str(scored)]
    others = [plant(f"r{n}", training={"batch_size": 10 + n}, **KID) for n in range(5)]
    said = conclusion(compared(*others))
    assert "Without a score: r0, r1, r2 and 2 more. " in said
    assert (
        f"To evaluate them alike: gantool evaluate {others[0]}; gantool evaluate {others[1]} "
        f"--protocol {others[0]}; gantool evaluate {others[2]} --protocol {others[0]}; and so on."
    ) in said


def test_raw_weights_are_not_called_averaged(plant: Plant) -> None:
    averaged = [
        {**line, "protocol": {**line["protocol"], "generator": "ema"}} for line in scores(1)
    ]
    full = plant("full", scores=averaged, ema={"half_life_images": 100.0}, **KID)
    report = compared(full, plant("without-ema", scores=scores(2.0), **KID))
    (column,) = score_columns(report)
    assert "(averaged weights, raw ones of runs that keep no average, " in protocol_in_words(column)
    alone = compared(
        *(plant(f"r{n}", scores=scores(n), training={"batch_size": n}, **KID) for n in (8, 9))
    )
    assert "(raw weights, " in protocol_in_words(*score_columns(alone))


def test_a_score_by_another_name_says_which_metric_it_is_of(report: Comparison) -> None:
    (column,) = score_columns(report)
    assert "kd-random-conv: metric 'kid' with the features of random-conv" in protocol_in_words(
        column
    )


def test_names_are_no_markup_in_markdown(plant: Plant) -> None:
    image = plant("<img src=x onerror=alert(1)>", scores=scores(1.0), **KID)
    link = plant("[a](b)|`c`*d*", scores=scores(2.0), training={"batch_size": 8}, **KID)
    text = as_markdown(compared(image, link))
    assert "<img" not in text.replace(r"\<img", "")
    assert r"\[a\](b)\|\`c\`\*d\*" in text
    table = [line.replace(r"\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {4}
