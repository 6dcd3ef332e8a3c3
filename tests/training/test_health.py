"""A run that leads nowhere is named in plain words, and a healthy one is left in peace."""

from __future__ import annotations

import csv
import json
import math
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from gantool.runs.records import JsonLines
from gantool.training.health.signs import WINDOW_STEPS, Stakes
from gantool.training.health.watcher import (
    HealthObserver,
    mean_distance,
    relative_distance,
    some_of_each,
    stakes_of,
)
from gantool.training.observers import Record
from gantool_losses.plugin import BCE, Hinge, LeastSquares, Wasserstein

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gantool import Loss

CURVE = Path(__file__).parents[3] / "shared" / "reference" / "seed_curve.csv"
STEPS_AN_EPOCH = 68
UNDECIDED = 2 * math.log(2)


def watch(records: Iterable[Record], watcher: HealthObserver | None = None) -> dict[str, int]:
    """Return the step at which each sign was first found."""
    watcher = watcher or HealthObserver(stakes_of(BCE()))
    found: dict[str, int] = {}
    for record in records:
        watcher.at_log(record)
        for sign in watcher.memory()["health"]["found"]:
            found.setdefault(sign, record.step)
    return found


def epochs(losses: Iterable[tuple[float, float]]) -> Iterator[Record]:
    """Yield one record an epoch, as the report printed them."""
    for epoch, (discriminator, generator) in enumerate(losses, 1):
        values = {"discriminator_loss": discriminator, "generator_loss": generator}
        yield Record(epoch * STEPS_AN_EPOCH, epoch, values)


def records(
    values: Callable[[int], dict[str, float]], steps: int, every: int = 10
) -> Iterator[Record]:
    for step in range(every, steps + 1, every):
        yield Record(step, step / STEPS_AN_EPOCH, values(step))


def healthy(step: int) -> dict[str, float]:
    """Return figures that swing around a balance, as those of a run that goes well."""
    swing = math.sin(step)
    return {
        "discriminator_loss": 1.0 + 0.3 * swing,
        "generator_loss": 1.5 - 0.5 * swing,
        "real_score": 0.7,
        "fake_score": 0.3,
        "generator_gradient_norm": 2.0 + swing,
    }


def planted_curve() -> Iterator[tuple[float, float]]:
    """Yield the report's landmarks joined by exponentials, with its one-epoch collapses."""
    landmarks = {0: (1.24, 2.1), 10: (1.01, 3.13), 50: (0.82, 3.08), 100: (0.23, 4.19)}
    landmarks |= {150: (0.14, 6.33), 170: (0.09, 6.5)}
    for (start, before), (end, after) in zip(
        landmarks.items(), list(landmarks.items())[1:], strict=False
    ):
        for epoch in range(start, end):
            share = (epoch - start) / (end - start)
            losses = [a ** (1 - share) * b**share for a, b in zip(before, after, strict=True)]
            if epoch in (96, 115, 144, 163):
                losses = [1.5, 3.1]
            yield losses[0], losses[1]


def printed_curve() -> list[tuple[float, float]]:
    if not CURVE.exists():
        pytest.skip(f"{CURVE} is not here")
    with CURVE.open(encoding="utf-8") as file:
        return [(float(row["d_loss"]), float(row["g_loss"])) for row in csv.DictReader(file)]


@pytest.mark.parametrize("curve", [planted_curve, printed_curve])
def test_the_reports_discriminator_is_named_long_before_the_end(
    curve: Callable[[], Iterable[tuple[float, float]]],
) -> None:
    found = watch(epochs(curve()))
    assert found.keys() == {"discriminator"}
    epoch = found["discriminator"] / STEPS_AN_EPOCH
    print(f"the discriminator's win is named in epoch {epoch:.0f} of 170")
    assert 20 < epoch < 125


def test_the_message_says_what_was_seen_and_what_the_report_tried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def won(step: int) -> dict[str, float]:
        losses = {"discriminator_loss": 0.08, "generator_loss": 6.0 + step / 1000}
        return losses | {"real_score": 0.97, "fake_score": 0.02}

    watch(records(won, 2 * WINDOW_STEPS))
    (message,) = {record.getMessage() for record in caplog.records}
    for part in (
        "the discriminator has won",
        "its loss was 0.08, where 1.39 means that it cannot tell",
        "gives real images 0.97 and generated ones 0.02",
        "weight decay (L2)",
        "spectral normalization",
        "learning rate of its own",
    ):
        assert part in message


def test_a_healthy_run_and_a_bad_epoch_are_left_in_peace() -> None:
    def one_bad_epoch(step: int) -> dict[str, float]:
        bad = 2000 < step <= 2000 + STEPS_AN_EPOCH
        return {**healthy(step), **({"discriminator_loss": 0.01} if bad else {})}

    distance = iter(0.5 + 0.1 * math.sin(look) for look in range(100))
    watcher = HealthObserver(stakes_of(BCE()), lambda: next(distance))
    assert watch(records(one_bad_epoch, 10_000), watcher) == {}


def test_a_generator_that_catches_up_is_given_time() -> None:
    def recovering(step: int) -> dict[str, float]:
        return {"discriminator_loss": 0.2, "generator_loss": 8.0 - step / 1000}

    assert watch(records(recovering, 3000)) == {}


@pytest.mark.parametrize(
    ("loss", "undecided", "floor"),
    [(BCE(), UNDECIDED, 0.0), (Hinge(), 2.0, 0.0), (LeastSquares(), 0.25, 0.0)],
)
def test_stakes_are_those_of_the_formulas(loss: Loss, undecided: float, floor: float) -> None:
    stakes = stakes_of(loss)
    assert stakes is not None
    assert stakes.undecided == pytest.approx(undecided, abs=1e-6)
    assert stakes.floor == pytest.approx(floor, abs=1e-6)


def test_a_smoothed_loss_has_the_entropy_of_its_target_as_floor() -> None:
    stakes = stakes_of(BCE(real_target=0.9))
    assert stakes is not None
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert stakes.floor == pytest.approx(entropy, abs=0.01)


def test_a_critic_without_a_floor_cannot_win() -> None:
    assert stakes_of(Wasserstein()) is None
    figures = {"discriminator_loss": -90.0, "generator_loss": 40.0}
    watched = records(lambda step: {**figures, "generator_gradient_norm": 1 + step % 3}, 3000)
    assert "discriminator" not in watch(watched, HealthObserver(None))


def test_images_that_become_alike_are_a_collapse(caplog: pytest.LogCaptureFixture) -> None:
    def distance() -> Iterator[float]:
        yield from [0.2, 0.5, 0.7, 0.6]
        while True:
            yield 0.04

    looks = distance()
    found = watch(records(healthy, 5000), HealthObserver(stakes_of(BCE()), lambda: next(looks)))
    assert found == {"generator": 6 * WINDOW_STEPS}  # the second look at which they are alike
    assert "only 4% as far apart as real ones, after 70% at their best" in caplog.text


def test_images_that_never_differed_are_given_ten_looks() -> None:
    watcher = HealthObserver(stakes_of(BCE()), lambda: 0.05)
    found = watch(records(healthy, 12 * WINDOW_STEPS), watcher)
    assert found == {"generator": 10 * WINDOW_STEPS}


@pytest.mark.parametrize("kind", ["vanished", "dead", "flat"])
def test_a_standstill_is_named(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    def figures(step: int) -> dict[str, float]:
        values = healthy(step)
        if kind == "dead":
            values["generator_gradient_norm"] = 0.0
        elif step > 2000 and kind == "vanished":
            values["generator_gradient_norm"] = 1e-4
        elif step > 2000:
            values |= {"discriminator_loss": UNDECIDED, "generator_loss": UNDECIDED / 2}
        return values

    found = watch(records(figures, 4000))
    assert found.keys() == {"standstill"}
    assert found["standstill"] <= (500 if kind == "dead" else 2510)
    assert "nothing moves any more" in caplog.text


def test_what_is_over_is_named_again_when_it_comes_back(tmp_path: Path) -> None:
    def figures(step: int) -> dict[str, float]:
        won = step <= 1000 or step > 3000
        lost = {"discriminator_loss": 0.1, "generator_loss": 6 + step % 7}
        return healthy(step) | (lost if won else {})

    lines = JsonLines(tmp_path / "health.jsonl")
    watch(records(figures, 5000), HealthObserver(stakes_of(BCE()), lines=lines))
    steps = [json.loads(line)["step"] for line in lines.path.read_text("utf-8").splitlines()]
    assert len(steps) == 2
    assert steps[0] == WINDOW_STEPS
    assert 3000 < steps[1] < 3500


@pytest.mark.parametrize("stop", [100, 500, 990, 2000])
def test_a_resumed_watcher_says_what_one_that_never_stopped_says(tmp_path: Path, stop: int) -> None:
    def figures(step: int) -> dict[str, float]:
        fading = healthy(step) | {"generator_gradient_norm": 2.0 * 0.99 ** (step / 2)}
        return fading | {"discriminator_loss": max(0.05, 1.2 - step / 1500)}

    def watcher(name: str) -> HealthObserver:
        looks = JsonLines(tmp_path / name)
        return HealthObserver(stakes_of(BCE()), lambda: 0.01, lines=looks)

    straight, before, after = watcher("straight"), watcher("resumed"), watcher("resumed")
    everything = list(records(figures, 6000))
    watch(everything, straight)
    watch([record for record in everything if record.step <= stop], before)
    kept = json.loads(json.dumps(before.memory()))
    watch(everything[stop // 10 : stop // 10 + 60], before)  # is killed, and its findings with it
    after.restored(stop, kept)
    watch([record for record in everything if record.step > stop], after)
    told = (tmp_path / "straight").read_bytes()
    assert told.count(b"\n") == 3
    assert (tmp_path / "resumed").read_bytes() == told
    assert after.memory() == straight.memory()


def test_it_stops_only_if_asked_to() -> None:
    for stops in (False, True):
        watcher = HealthObserver(Stakes(1.0, 0.0), stops=stops)
        watch(records(lambda _: {"discriminator_loss": 0.1, "generator_loss": 5}, 600), watcher)
        reason = watcher.wants_stop()
        assert (reason is not None) == stops


def test_figures_that_are_not_finite_are_passed_over() -> None:
    def figures(step: int) -> dict[str, float]:
        return healthy(step) | ({"discriminator_loss": math.nan} if step % 50 == 0 else {})

    assert watch(records(figures, 3000)) == {}


def test_the_distance_is_the_mean_over_all_pairs() -> None:
    images = torch.randint(0, 256, (5, 4, 3, 3), dtype=torch.uint8)
    values = images.double().numpy()
    pairs = [((a - b) ** 2).mean() ** 0.5 for a, b in combinations(values, 2)]
    assert mean_distance(images) == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)
    same = relative_distance(images.numpy, images)
    assert same is not None
    assert same() == pytest.approx(1.0)
    assert relative_distance(images.numpy, images[:1].expand(4, -1, -1, -1)) is None


def test_images_that_are_alike_within_classes_are_a_collapse() -> None:
    labels = torch.arange(12) % 3
    chance = torch.Generator().manual_seed(0)
    real = torch.randint(0, 256, (12, 4, 4, 3), dtype=torch.uint8, generator=chance)
    one_of_each = real[labels]  # the images of a class are one, those of all classes differ
    pairs = [(a, b) for a, b in combinations(range(12), 2) if labels[a] == labels[b]]
    flat = real.flatten(1).double()
    expected = sum(float((flat[a] - flat[b]).square().mean().sqrt()) for a, b in pairs) / len(pairs)
    assert mean_distance(real, labels) == pytest.approx(expected)
    among_all = relative_distance(one_of_each.numpy, real)
    within = relative_distance(one_of_each.numpy, real, labels, labels)
    assert among_all is not None
    assert within is not None
    assert among_all() > 0.5
    assert within() == 0


def test_some_images_of_some_classes_are_compared() -> None:
    labels = torch.tensor([0] * 9 + [1] + [2] * 2 + [3] * 40)
    assert some_of_each(labels, 2, 3) == [0, 3, 6, 12, 26, 40]  # classes 0 and 3
    assert some_of_each(labels, 9, 2) == [0, 5, 10, 11, 12, 32]  # no class of a single image
    assert some_of_each(torch.tensor([0, 1, 2]), 8, 8) == []


@pytest.mark.parametrize(("steps", "share", "is_told"), [(700, 0.05, 1), (700, 0.5, 0), (40, 0, 0)])
def test_the_end_of_a_run_is_judged_by_its_last_images(
    tmp_path: Path, steps: int, share: float, is_told: int
) -> None:
    lines = JsonLines(tmp_path / "health.jsonl")
    watcher = HealthObserver(None, lambda: share, lines=lines, steps=steps, within=True)
    for step in range(1, steps + 1):
        watcher.after_step(step)
    text = lines.path.read_text("utf-8") if lines.path.exists() else ""
    told = [json.loads(line) for line in text.splitlines()]
    assert len(told) == is_told
    for line in told:
        assert (line["step"], line["sign"]) == (700, "generator")
        assert "images of the same class are only 5% as far apart" in str(line["message"])
