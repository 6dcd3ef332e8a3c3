"""Numbers that follow the run, each against its formula."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import NonNegativeFloat, ValidationError

from gantool import Component, Scheduled
from gantool.interfaces.optimizer import schedules_in

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.quick


class Weighted(Component):
    """A component with numbers that may follow the run."""

    kind = "loss"
    name = "weighted"

    weight: Scheduled[NonNegativeFloat] = Scheduled(10.0)
    betas: tuple[Scheduled[float], Scheduled[float]] = (Scheduled(0.5), Scheduled(0.9))


def read(table: str) -> Weighted:
    return Weighted.model_validate_json(table)


def seen(progress: float, dtype: torch.dtype = torch.float64) -> Any:
    """Return a step at a share of the run."""

    def constant(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype)

    return SimpleNamespace(progress=torch.tensor(progress, dtype=dtype), constant=constant)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Scheduled(2.0, 0.5), [2.0, 1.625, 1.25, 0.5]),
        (Scheduled(2.0, 0.5, until=0.5), [2.0, 1.25, 0.5, 0.5]),
        (Scheduled(0.0, 1.0, "cosine"), [0.0, (1 - math.sqrt(0.5)) / 2, 0.5, 1.0]),
        (Scheduled(150.0, 15.0, "cosine", 0.5), [150.0, 82.5, 15.0, 15.0]),
        (Scheduled(3.0), [3.0, 3.0, 3.0, 3.0]),
    ],
    ids=repr,
)
def test_it_moves_from_start_to_end_on_the_host_and_on_the_device(
    schedule: Scheduled[float], values: list[float]
) -> None:
    for progress, value in zip((0, 0.25, 0.5, 1), values, strict=True):
        assert schedule.value(progress) == pytest.approx(value, rel=1e-12)
        found = schedule.at(seen(progress))
        assert found.shape == ()
        assert float(found) == pytest.approx(value, rel=1e-12)


def test_a_constant_has_the_bits_of_the_number_and_does_not_ask_how_far_the_run_is() -> None:
    step = seen(0.5, torch.float32)
    del step.progress
    values = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    for number in (10.0, 0.05, 0.3, 1e-4):
        weight = Scheduled(number).at(step)
        assert torch.equal(weight / 2 * values.mean(), number / 2 * values.mean())
        assert torch.equal(weight * values, number * values)
        assert torch.equal(values < weight, values < number)


def test_recipes_say_a_number_or_a_table() -> None:
    plain = read('{"weight": 3}')
    assert plain.weight == Scheduled(3.0)
    assert list(schedules_in(plain)) == []
    moving = read('{"weight": {"start": 3, "end": 0, "shape": "cosine"}, "betas": [0, 0.99]}')
    assert moving.weight == Scheduled(3.0, 0.0, "cosine")
    assert list(schedules_in(moving)) == [Scheduled(3.0, 0.0, "cosine")]
    within = read('{"betas": [0.0, {"start": 0.9, "end": 0.99, "until": 0.1}]}')
    assert list(schedules_in(within)) == [Scheduled(0.9, 0.99, "linear", 0.1)]
    for one in (plain, moving, within):
        assert read(one.model_dump_json()) == one


@pytest.mark.parametrize(
    ("table", "place", "kind"),
    [
        ('{"weight": -1}', "weight", "greater_than_equal"),
        ('{"weight": "3"}', "weight", "float_type"),
        ('{"weight": true}', "weight", "float_type"),
        ('{"weight": {"start": 1, "end": -1}}', "end", "greater_than_equal"),
        ('{"weight": {"start": "1", "end": 2}}', "start", "float_type"),
        ('{"weight": {"start": 1, "end": true}}', "end", "float_type"),
        ('{"weight": {"start": 1, "end": Infinity}}', "end", "finite_number"),
        ('{"betas": [{"start": NaN, "end": 1}, 0.9]}', "start", "finite_number"),
        ('{"weight": {"start": 1, "end": 2, "until": "1"}}', "until", "float_type"),
        ('{"weight": {"start": 1}}', "end", "missing"),
        ('{"weight": {"start": 1, "end": 2, "speed": 3}}', "speed", "extra_forbidden"),
        ('{"weight": {"start": 1, "end": 2, "until": 0}}', "until", "greater_than"),
        ('{"weight": {"start": 1, "end": 2, "until": 1.1}}', "until", "less_than_equal"),
        ('{"weight": {"start": 1, "end": 2, "shape": "step"}}', "shape", "literal_error"),
    ],
)
def test_what_is_no_schedule_is_refused_where_it_stands(table: str, place: str, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(table)
    (error,) = caught.value.errors()
    assert error["type"] == kind
    assert place in error["loc"]


def test_it_is_off_where_it_is_always_0() -> None:
    assert not Scheduled(0.0)
    assert Scheduled(0.0, 1.0)
    assert Scheduled(1.0, 0.0)
