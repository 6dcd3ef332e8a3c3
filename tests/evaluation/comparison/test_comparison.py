"""Groups, columns, refusals, and who wins by how much."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gantool import UsageError
from gantool.evaluation.comparison.comparison import Comparison, compare
from gantool.evaluation.comparison.recorded import RunReader
from gantool.evaluation.comparison.verdicts import (
    best_was_earlier,
    collapsed,
    discriminator_wins,
    diverged,
    generator_ahead,
    unfinished,
)
from gantool.runs.folder import RunFolder
from gantool.runs.status import hold

pytestmark = pytest.mark.quick

Plant = Callable[..., Path]
KID = {"metrics": [{"use": "kid"}], "evaluation": {"extractor": "random-conv"}}
NAME = "kd-random-conv/distance"


def protocol(**changes: Any) -> dict[str, Any]:
    return {
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
    } | changes


def scores(*values: float, name: str = NAME, sd: float = 0.01, **changes: Any) -> list[Any]:
    """Return scores of a training, after 100 steps each."""
    spread = {f"{name.partition('/')[0]}/sd": sd}
    return [
        {"step": 100 * n, name: value, **spread, "protocol": protocol(**changes)}
        for n, value in enumerate(values, 1)
    ]


def evaluation(
    mean: float,
    *,
    step: int = 400,
    direction: str = "lower",
    sd: float | None = None,
    floor: float | None = None,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    score = {"name": "quality/value", "direction": direction, "mean": mean, "sd": sd}
    seeds = [mean] if sd is None else [mean - sd, mean, mean + sd]
    score |= {"floor": floor, "values": seeds, "options": options or {}}
    return {"step": step, "protocol": protocol(**changes), "scores": [score]}


def compared(folders: Iterable[Path], *, apart: bool = False) -> Comparison:
    return compare([RunFolder(folder) for folder in folders], apart=apart)


class TestRulesOfOneRun:
    def test_the_discriminator_wins_below_a_fifth_of_what_it_can_lose(self, plant: Plant) -> None:
        limit = 0.2 * 2 * math.log(2)
        for name, loss in (("below", limit - 0.01), ("above", limit + 0.01)):
            run = RunReader().read(RunFolder(plant(name, discriminator_loss=[loss] * 40)))
            assert discriminator_wins(run) is (name == "below")

    def test_of_a_loss_without_a_floor_nobody_can_say(self, plant: Plant) -> None:
        folder = plant(discriminator_loss=[-50.0] * 40, loss={"use": "wasserstein"})
        assert not discriminator_wins(RunReader().read(RunFolder(folder)))

    def test_only_the_end_of_the_run_counts(self, plant: Plant) -> None:
        folder = plant(discriminator_loss=[0.01] * 36 + [1.2] * 4, generator_loss=[9.0] * 40)
        run = RunReader().read(RunFolder(folder))
        assert not discriminator_wins(run)
        assert not generator_ahead(run)
        ahead = RunReader().read(RunFolder(plant("l2", generator_loss=[0.9] * 40)))
        assert generator_ahead(ahead)

    def test_ends_of_runs(self, plant: Plant) -> None:
        finding = {"step": 200, "sign": "generator", "message": "collapsed"}
        run = RunReader().read(RunFolder(plant("a", findings=[finding])))
        assert collapsed(run)
        assert not diverged(run)
        assert not unfinished(run)
        killed = plant("b", status={"step": 0, "outcome": "running", "steps": 900})
        assert unfinished(RunReader().read(RunFolder(killed)))
        assert RunReader().read(RunFolder(killed)).step == 400
        failed = plant("c", status={"step": 300, "outcome": "failed", "steps": 900})
        assert diverged(RunReader().read(RunFolder(failed)))
        assert not unfinished(RunReader().read(RunFolder(failed)))


class TestGroups:
    def test_runs_that_differ_in_their_seed_alone_are_one(self, plant: Plant) -> None:
        values = {0: 3.0, 1: 4.0, 7: 8.0}
        folders = [
            plant(f"base-{seed}", training={"seed": seed}, scores=scores(value), **KID)
            for seed, value in values.items()
        ]
        other = plant("l2", regularizers=[{"use": "l2"}], scores=scores(1.0), **KID)
        comparison = compared([*folders, other])
        base, l2 = comparison.groups
        assert [run.seed for run in base.runs] == [0, 1, 7]
        final = comparison.columns[0].final(base)
        assert final is not None
        assert (final.mean, final.count) == (5.0, 3)
        assert final.sd == pytest.approx(statistics.stdev(values.values()))
        assert comparison.columns[0].final(l2).sd is None  # type: ignore[union-attr]

    def test_seeds_on_another_device_are_one_group(self, plant: Plant) -> None:
        folders = [
            plant(f"seed-{seed}", training={"seed": seed}, device={"name": name})
            for seed, name in enumerate(("cpu", "cuda:1"))
        ]
        comparison = compared(folders)
        assert [[run.seed for run in group.runs] for group in comparison.groups] == [[0, 1]]
        assert comparison.differences == ()

    def test_a_recipes_name_where_it_is_enough_else_the_folders(self, plant: Plant) -> None:
        first = plant("one", status={"recipe": "base"})
        second = plant("two", status={"recipe": "base"}, training={"batch_size": 8})
        third = plant("three", status={"recipe": "l2"}, training={"batch_size": 16})
        assert [group.name for group in compared([first, third]).groups] == ["base", "l2"]
        assert [group.name for group in compared([first, second]).groups] == ["one", "two"]

    def test_recipes_differ_in_as_few_lines_as_tell_it(self, plant: Plant) -> None:
        own = {"discriminator": {"learning_rate": 4e-3}, "learning_rate": 1e-3}
        folders = [
            plant("base", optimizer={"learning_rate": 1e-3, "eps": 1e-8}),
            plant("spectral", optimizer={**own, "eps": 1e-6}, regularizers=[{"use": "l2"}]),
        ]
        assert [tuple(each) for each in compared(folders).differences] == [
            ("regularizers", ("–", "l2 (player discriminator, weight_decay 0.005)")),
            ("discriminator.learning_rate", ("0.001", "0.004")),
            ("optimizer.eps", ("1e-08", "1e-06")),
        ]

    def test_schedules_are_told_as_recipes_say_them(self, plant: Plant) -> None:
        falling = {"start": 1.0, "end": 0.5}
        folders = [
            plant("base"),
            plant(
                "falling",
                optimizer={"learning_rate": falling},
                regularizers=[{"use": "r1", "gamma": falling}],
            ),
        ]
        told = "{start = 1, end = 0.5, shape = linear, until = 1}"
        differences = dict(compared(folders).differences)
        assert f"gamma {told}" in differences["regularizers"][1]
        assert differences["optimizer.learning_rate"][1] == told


class TestWinner:
    def test_the_lowest_distance_wins_if_its_lead_exceeds_the_noise(self, plant: Plant) -> None:
        close, far = math.hypot(0.01, 0.01) * 2 - 1e-3, math.hypot(0.01, 0.01) * 2 + 1e-3
        base = plant("base", scores=scores(3.0, 1.0), **KID)
        near = plant("near", scores=scores(0.5, 1 + close), training={"batch_size": 8}, **KID)
        away = plant("away", scores=scores(0.5, 1 + far), training={"batch_size": 9}, **KID)
        lead = compared([near, base]).lead
        assert lead is not None
        assert [group.name for group in lead.order] == ["base", "near"]
        assert lead.source == "subsets"
        assert not lead.is_clear
        clear = compared([away, base]).lead
        assert clear is not None
        assert clear.is_clear
        assert clear.size == pytest.approx(far)
        assert best_was_earlier(clear.column, clear.order[1])
        assert not best_was_earlier(clear.column, clear.order[0])

    def test_the_highest_wins_where_higher_is_better(self, plant: Plant) -> None:
        folders = [
            plant("low", evaluations=[evaluation(0.2, direction="higher", sd=0.01)]),
            plant(
                "high",
                evaluations=[evaluation(0.6, direction="higher", sd=0.01)],
                training={"batch_size": 8},
            ),
        ]
        lead = compared(folders).lead
        assert lead is not None
        assert lead.order[0].name == "high"
        assert lead.source == "sampling seeds"
        assert lead.is_clear

    def test_equal_scores_have_no_winner(self, plant: Plant) -> None:
        folders = [
            plant(name, scores=scores(1.0, sd=0.0), training={"batch_size": size}, **KID)
            for name, size in (("a", 8), ("b", 16))
        ]
        lead = compared(folders).lead
        assert lead is not None
        assert (lead.size, lead.is_clear) == (0.0, False)

    def test_noise_is_that_over_training_seeds_where_it_is_known(self, plant: Plant) -> None:
        folders = [
            plant(
                f"{name}-{seed}",
                scores=scores(value, sd=0.0),
                training={"batch_size": size, "seed": seed},
                **KID,
            )
            for name, size, values in (("a", 8, (1.0, 1.2)), ("b", 16, (1.5, 1.9)))
            for seed, value in enumerate(values)
        ]
        lead = compared(folders).lead
        assert lead is not None
        assert lead.source == "training seeds"
        spreads = (statistics.stdev((1.0, 1.2)), statistics.stdev((1.5, 1.9)))
        assert lead.noise == pytest.approx(2 * math.hypot(*spreads))
        assert not lead.is_clear

    def test_noise_is_else_the_floor_and_else_unknown(self, plant: Plant) -> None:
        def two(floor: float | None) -> Comparison:
            places = [
                plant(
                    f"{value}-{floor}",
                    evaluations=[evaluation(value, floor=floor)],
                    training={"batch_size": int(8 * value)},
                )
                for value in (1.0, 2.0)
            ]
            return compared(places)

        above, below, unknown = (two(floor).lead for floor in (1.5, 0.5, None))
        assert above is not None
        assert below is not None
        assert unknown is not None
        assert (above.source, above.noise, above.is_clear) == ("real against real", 1.5, False)
        assert below.is_clear
        assert (unknown.noise, unknown.is_clear) == (None, False)

    def test_the_newest_evaluation_decides_before_the_scores_of_training(
        self, plant: Plant
    ) -> None:
        folders = [
            plant(
                name,
                scores=scores(trained),
                evaluations=[evaluation(judged, sd=0.01), evaluation(judged, sd=0.01, fake=9)],
                training={"batch_size": size},
                **KID,
            )
            for name, trained, judged, size in (("a", 1.0, 3.0, 8), ("b", 2.0, 1.0, 16))
        ]
        comparison = compared(folders)
        lead = comparison.lead
        assert lead is not None
        assert (lead.column.name, lead.column.protocol.fake) == ("quality/value", 1000)
        assert lead.order[0].name == "b"
        assert [each.protocol.fake for each in comparison.columns] == [9, 1000, 1000, 1000]

    def test_a_later_evaluation_of_more_seeds_counts(self, plant: Plant) -> None:
        lines = [evaluation(1.0, sd=0.1), evaluation(9.0), evaluation(0.7, step=200)]
        run = RunReader().read(RunFolder(plant(evaluations=lines)))
        (series,) = run.series
        assert [(reading.step, reading.value) for reading in series.readings] == [
            (200, 0.7),
            (400, 1.0),
        ]
        assert series.best == series.readings[0]


class TestColumns:
    def test_unlike_protocols_are_refused_and_the_message_says_why(self, plant: Plant) -> None:
        base = plant("base", scores=scores(1.0), **KID)
        l2 = plant("l2", scores=scores(2.0, fake=2000, real=90), training={"batch_size": 8}, **KID)
        with pytest.raises(UsageError) as caught:
            compared([base, l2])
        assert caught.value.message == (
            f"score '{NAME}' was obtained by unlike protocols, which do not belong in one column:\n"
            "  real: 100 (base) against 90 (l2)\n"
            "  fake: 1,000 (base) against 2,000 (l2)"
        )
        assert f"gantool evaluate {l2} --protocol {base}" in (caught.value.hint or "")
        apart = compared([base, l2], apart=True)
        assert [each.protocol.fake for each in apart.columns if each.name == NAME] == [1000, 2000]
        assert apart.lead is None

    def test_other_options_of_a_metric_are_unlike_too(self, plant: Plant) -> None:
        folders = [
            plant(
                f"k{k}",
                evaluations=[evaluation(0.5, options={"k": k})],
                training={"batch_size": 8 + k},
            )
            for k in (3, 5)
        ]
        with pytest.raises(UsageError, match=r'options: {"k": 3} \(k3\) against {"k": 5} \(k5\)'):
            compared(folders)

    def test_seeds_and_version_are_no_obstacle(self, plant: Plant) -> None:
        base = plant("base", scores=scores(1.0), **KID)
        later = scores(2.0, seeds=[4, 5], gantool="9.9")
        assert compared([base, plant("l2", scores=later, training={"batch_size": 8}, **KID)]).lead

    def test_a_shared_protocol_is_enough(self, plant: Plant) -> None:
        lines = [evaluation(1.0), evaluation(0.4, fake=50)]
        base = plant("base", evaluations=lines)
        l2 = plant("l2", evaluations=[evaluation(2.0)], training={"batch_size": 8})
        (column,) = compared([base, l2]).columns
        assert column.protocol.fake == 1000

    def test_a_run_that_keeps_no_average_may_stand_beside_one_that_does(self, plant: Plant) -> None:
        ema = {"ema": {"half_life_images": 100.0}}
        full = plant("full", scores=scores(1.0, generator="ema"), **KID, **ema)
        without = plant("without-ema", scores=scores(2.0), **KID)
        lead = compared([full, without]).lead
        assert lead is not None
        assert lead.order[0].name == "full"
        raw = plant("raw", scores=scores(2.0), training={"batch_size": 8}, **KID, **ema)
        with pytest.raises(UsageError, match=r"generator: ema .* against raw"):
            compared([full, raw])
        few = plant("few", scores=scores(2.0, fake=20), training={"batch_size": 9}, **KID)
        with pytest.raises(UsageError, match="fake: 1,000"):
            compared([full, few])

    def test_scores_without_a_protocol_are_left_out(self, plant: Plant) -> None:
        base = plant("base", scores=[{"step": 100, NAME: 1.0}], **KID)
        run = RunReader().read(RunFolder(base))
        assert (run.series, run.without_protocol) == ((), 1)


class TestRefusals:
    def test_a_run_still_going(self, plant: Plant) -> None:
        folders = [plant("a"), plant("b", training={"batch_size": 8})]
        with hold(RunFolder(folders[1])), pytest.raises(UsageError, match="is still going"):
            compared(folders)
        assert len(compared(folders).groups) == 2

    def test_one_run_or_the_same_twice(self, plant: Plant) -> None:
        folder = plant()
        with pytest.raises(UsageError, match="at least 2 runs"):
            compared([folder])
        with pytest.raises(UsageError, match="named twice"):
            compared([folder, folder.parent / "." / folder.name])

    def test_other_channels(self, plant: Plant) -> None:
        folders = [plant("color"), plant("gray", image={"channels": 1})]
        with pytest.raises(UsageError, match=r"different channels \(color: 3, gray: 1\)"):
            compared(folders)

    def test_a_recipe_that_cannot_be_read(self, plant: Plant) -> None:
        folders = [plant("a"), plant("b")]
        (folders[1] / "recipe.toml").write_text("[[[")
        with pytest.raises(UsageError, match=r"b/recipe\.toml cannot be read"):
            compared(folders)

    def test_what_is_no_longer_installed_is_compared_without_knowing_its_scores(
        self, plant: Plant
    ) -> None:
        gone = plant("gone", loss={"use": "nobodys"}, scores=scores(1.0), **KID)
        comparison = compared([plant("base", scores=scores(2.0), **KID), gone], apart=True)
        assert comparison.lead is None
        assert ("loss.use", ("bce", "nobodys")) in [tuple(d) for d in comparison.differences]

    @pytest.mark.parametrize(
        "line",
        [
            '{"step": 1, "protocol": {"extractor": 5}, "a/b": 1.0}',
            '{"step": 1, "protocol": [], "a/b": 1.0}',
            '{"step": 1, "scores": [5, {"name": []}], "protocol": null}',
            '{"step": 1, "scores": 3}',
        ],
    )
    def test_hostile_lines_are_passed_over(self, plant: Plant, line: str) -> None:
        folder = plant()
        for file in ("scores.jsonl", "evaluations.jsonl"):
            (folder / file).write_text(json.dumps(scores(1.0)[0]) + "\n" + line + "\n")
        assert isinstance(RunReader().read(RunFolder(folder)).series, tuple)
