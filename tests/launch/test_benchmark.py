"""What `gantool bench` measures: times by turns, operations, costs, another program's loop."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from gantool import UsageError
from gantool.cli.app import main
from gantool.launch.benchmarking import timing
from gantool.launch.benchmarking.peer import peer
from gantool.launch.benchmarking.timing import operations_of_a_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer
    from tests.launch.conftest import Write

CPU = torch.device("cpu")
IMAGES = torch.zeros(2, 3, 16, 16)


def call(command: list[str]) -> int | str | None:
    """Return a command's exit code."""
    with pytest.raises(SystemExit) as left:
        main(command)
    return left.value.code


def test_works_are_timed_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    done: list[str] = []

    def working(name: str, seconds: list[float]) -> Any:
        def work() -> None:
            nonlocal now
            done.append(name)
            now += seconds[done.count(name) - 1]

        return work

    monkeypatch.setattr("time.perf_counter", lambda: now)
    works = {"a": working("a", [0.004, 0.002, 0.009]), "b": working("b", [0.001, 0.001, 0.001])}
    found = timing.by_turns({n: partial(timing.seconds, w, CPU) for n, w in works.items()}, 3)
    assert done == ["a", "b"] * 3
    assert found["a"].minimum == pytest.approx(2)
    assert found["a"].median == pytest.approx(4)
    assert found["a"].p95 == pytest.approx(9)
    assert found["a"].count == 3


def operations_of(step: Callable[[], object]) -> int:
    class Stepping:
        one_step = staticmethod(step)

    return operations_of_a_step(cast("Trainer", Stepping()))


def test_a_multiplication_and_an_addition_are_two_operations() -> None:
    assert operations_of(lambda: torch.randn(3, 5) @ torch.randn(5, 7)) == 2 * 3 * 5 * 7


def test_a_gradient_that_is_differentiated_again_is_counted() -> None:
    weight, images = torch.randn(5, 7, requires_grad=True), torch.randn(3, 5, requires_grad=True)

    def penalize() -> None:
        (slope,) = torch.autograd.grad((images @ weight).sum(), images, create_graph=True)
        slope.square().sum().backward()  # type: ignore[no-untyped-call]

    forward = 2 * 3 * 5 * 7
    assert operations_of(penalize) == 3 * forward  # x W; 1 W^T; and that by W


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("prepare = 3", "has no prepare"),
        ("x = 1", "has no prepare"),
        ("def prepare(images): return None", "returns no step"),
        ("def prepare(images): return lambda: images @ 3", "TypeError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def", "SyntaxError"),
        ("def prepare(images): raise SystemExit", "its process has ended"),
    ],
)
def test_a_program_that_cannot_be_timed_is_refused(
    tmp_path: Path, program: str, message: str
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(program, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as caught, peer(script, IMAGES):
        pass
    assert "def prepare(images)" in str(caught.value.hint)


def test_bench_tells_speed_costs_and_ratio_and_leaves_nothing_behind(
    write_recipe: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(
        "def prepare(images):\n"
        "    assert images.shape == (6, 3, 16, 16)\n"
        "    return lambda: images.square().sum()\n",
        encoding="utf-8",
    )
    regularizers = [{"use": "l2"}, {"use": "r1", "every_steps": 1}]
    recipe = write_recipe(regularizers=regularizers)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    command = ["bench", str(recipe), "--steps", "3", "--against", str(script), "--quiet"]
    assert call([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["step"]["count"] == 3
    assert 0 < found["step"]["minimum"] <= found["step"]["median"] <= found["step"]["p95"]
    assert found["images_per_second"] == pytest.approx(6e3 / found["step"]["median"])
    assert found["achieved"] == pytest.approx(1e3 * found["operations"] / found["step"]["median"])
    assert found["operations"] > 1e6
    assert found["peak"] > found["achieved"]
    assert [cost["name"] for cost in found["regularizers"]] == ["l2", "r1"]
    assert found["against"]["ratio"] == pytest.approx(
        found["step"]["minimum"] / found["against"]["step"]["minimum"]
    )
    assert found["against"]["ratio"] > 1
    assert call(command) == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "real images a second" in printed
    assert "of its time at best" in printed
    assert not list((tmp_path / "here").iterdir())
