"""A checkpoint with a correct manifest may hold anything: each part is checked before use."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

Case = tuple[tuple[Any, ...], str]

TENSORS = ("networks", "optimizers", "average", "regularizers")
"""Parts of a state that are taken over as they are: nothing in them may be otherwise."""
REMOVED, ADDED, OTHER_KIND = "removed", "something added", "tensor of another kind"
INSTEAD: dict[str, Any] = {
    "nothing": None,
    "text": "nonsense",
    "a negative number": -7,
    "a fraction": 1.5,
    "a tensor of another size": torch.ones(3),
    "a list": ["x"],
    "a table": {"nested": [1.5]},
}
REGULARIZERS = [{"use": "spectral-norm"}, {"use": "ada", "initial_probability": 0.3}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each part of a state; of a list, only the first entry."""
    yield path
    inside: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inside = list(enumerate(value))[:1]
    for key, part in inside:
        if (*path, key) != ("about", "recipe"):
            yield from places(part, (*path, key))


def part_of(state: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        state = state[key]
    return state


def altered(state: dict[str, Any], path: tuple[Any, ...], fault: str) -> dict[str, Any]:
    """Return a copy of a state with a fault in one place."""
    changed = copy.deepcopy(state)
    holder, part = part_of(changed, path[:-1]), part_of(changed, path)
    if fault == REMOVED:
        del holder[path[-1]]
    elif fault == ADDED and isinstance(part, list):
        part.append(1.5)
    elif fault == ADDED:
        part["unknown"] = torch.ones(3)
    elif fault == OTHER_KIND:
        kind = torch.int32 if part.is_floating_point() else torch.float64
        holder[path[-1]] = torch.zeros(part.shape, dtype=kind)
    else:
        holder[path[-1]] = INSTEAD[fault]
    return changed


def cases(state: dict[str, Any]) -> Iterator[Case]:
    """Yield every place of a state with all that can be wrong there."""
    for path in list(places(state))[1:]:
        part = part_of(state, path)
        yield from ((path, fault) for fault in (REMOVED, *INSTEAD))
        if isinstance(part, dict | list):
            yield path, ADDED
        if isinstance(part, torch.Tensor):
            yield path, OTHER_KIND


def is_harmless(case: Case) -> bool:
    """Whether a run goes on with it: a run may have kept no average, a weight may be untrained."""
    path, _ = case
    return path[0] not in TENSORS or case == (("average",), "nothing")


def test_a_foreign_state_is_refused_with_a_message(
    recipe: Recipe,
    fork: Fork,
    sealed: Callable[[Path, object], None],
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    """Each place is emptied, filled with other things, and given tensors of other sizes."""
    whole, run = tmp_path / "whole", tmp_path / "run"
    tables = {"training": {"steps": 3}, "regularizers": REGULARIZERS}
    gantool.run(recipe(**tables), out=whole, level="quiet")
    path = Path("checkpoints") / "step-00000003"
    state = torch.load(whole / path / "state.pt")
    every = list(cases(state))
    assert len(every) > 500
    whole_parts = [case for case in every if len(case[0]) == 1 and case[1] == "text"]
    chosen = every if full else [*whole_parts, *random.Random(0).sample(every, 8)]
    codes: dict[int, int] = {}
    for case in chosen:
        shutil.copytree(whole, run)
        sealed(run / path, altered(state, *case))
        victim = fork(lambda: gantool.resume(run, steps=5, level="quiet"))
        code = victim.wait()
        assert code in ((0, 2, 3, 4) if is_harmless(case) else (2,)), (
            case,
            victim.output.read_text(),
        )
        codes[code] = codes.get(code, 0) + 1
        shutil.rmtree(run)
    assert codes[2] > len(chosen) / 2
    publish(
        "7d",
        f"{len(chosen)} states with a part removed, added, or of another kind, size or type",
        f"{codes[2] + codes.get(3, 0)} refused with a message (exit 2, 3 for other images), "
        f"{codes.get(0, 0) + codes.get(4, 0)} are states that a run can have; 0 crashes",
    )
