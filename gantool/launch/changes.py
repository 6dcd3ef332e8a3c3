"""Changes since a checkpoint was saved, and what they mean for going on from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gantool.errors import UsageError
from gantool.interfaces.schedule import schedules_in
from gantool.recipe.documents import DEFAULT, components_of, part_bearing_upon, plainly
from gantool.recipe.schema import SINGLES
from gantool.text import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder
    from gantool.training.device.device import Device
    from gantool.training.state.form import State

log = logging.getLogger("gantool")

Meaning = Literal["training", "bits"]

TRAINED_BY = (*SINGLES, "regularizer", "optimizer")
"""Kinds of components that have a part in the training."""
LENGTH = ("training.epochs", "training.steps")
"""Options that only extend a run, unless something follows its progress."""
MISSING = "-"


class Change(NamedTuple):
    """One thing that is not as it was.

    Attributes:
        name: An option's key, a plugin, or a part of the machine.
        before: Its value at the checkpoint.
        now: Its value now.
        meaning: Whether it alters the training, or only its last bits.
    """

    name: str
    before: str
    now: str
    meaning: Meaning


def circumstances(plan: Recipe, device: Device, processes: int) -> dict[str, Any]:
    """Return what a checkpoint tells of how it was made, plain data."""
    import torch

    return {
        "recipe": plan.document,
        "plugins": dict(_plugins(plan.document)),
        "computing": {
            "device": str(device),
            "layout": str(device.layout).removeprefix("torch."),
            "precision": str(device.autocast or device.dtype).removeprefix("torch."),
            "compile": plan.tables.device.compile,
            "deterministic": plan.tables.device.deterministic,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "processor": device.processor,
            "processes": processes,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        },
    }


def refuse_other_training(
    saved: State, now: Mapping[str, Any], plan: Recipe, folder: RunFolder, *, override: bool
) -> None:
    """Compare the circumstances of a saved state with those of now, and show what has changed.

    Args:
        saved: The state.
        now: The circumstances in which training would go on from it.
        plan: The recipe that it would go on with.
        folder: The run's.
        override: Whether to go on although the training is altered.

    Raises:
        UsageError: When something alters the training, unless that is overridden.
    """
    changes = list(_compare(saved, now, plan))
    altering = [change for change in changes if change.meaning == "training"]
    if altering and not override:
        raise UsageError(
            f"the training of {folder.path} would not be the one that was begun; "
            f"since step {saved['step']}:\n{_table(altering)}",
            "undo this, or go on all the same with --override",
        )
    if altering:
        log.warning(
            "the training goes on altered, from step %d:\n%s", saved["step"], _table(altering)
        )
    if bits := [change for change in changes if change.meaning == "bits"]:
        log.warning(
            "the last bits will differ from those of a run on one machine:\n%s", _table(bits)
        )


def _compare(saved: State, now: Mapping[str, Any], plan: Recipe) -> Iterator[Change]:
    """Yield all that differs from a state's circumstances; a state may tell less than we ask."""
    before = saved["about"]
    tables = (plan.tables.ema, *plan.optimizer.values(), *plan.regularizers)
    follows = (
        bool(saved.get("followers"))
        or any(optimizer.rate.changes for optimizer in plan.optimizer.values())
        or any(number for table in tables for number in schedules_in(table))
    )
    unsaid = {".".join(map(str, k)) for k, o in plan.origins.items() if o == DEFAULT}
    then, new_one = (_trained(each) for each in (before.get("recipe", {}), now["recipe"]))
    for key, old, new in _differences(then, new_one):
        only_extends = key in LENGTH and not follows
        is_new = old == MISSING and key in unsaid  # an option that came up since changes nothing
        if not only_extends and not is_new:
            yield Change(key, old, new, "training")
    known = before.get("plugins", {})  # what is of a new one, the recipe itself tells
    present = {name: fit for name, fit in now["plugins"].items() if name in known}
    for name, old, new in _differences(known, present):
        yield Change(f"plugin {name}", old, new, "training")
    computed = before.get("computing", {})
    told = {name: value for name, value in now["computing"].items() if name in computed}
    for name, old, new in _differences(computed, told):
        yield Change(name, old, new, "bits")


def _trained(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what bears upon the training of a run that has begun, by dotted key."""
    return _flat(part_bearing_upon(plainly(document), "training"))


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield what differs, with both values as text; nothing where the past is not known."""
    if not before:
        return
    for key in sorted({*before, *now}):
        if before.get(key, MISSING) != now.get(key, MISSING):
            yield key, str(before.get(key, MISSING)), str(now.get(key, MISSING))


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return a recipe's values by dotted key; components of an array go by their `use`."""
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        uses = [str(entry.get("use")) for entry in value]
        named = zip(numbered(uses), value, strict=True)
        inner = {"use": ", ".join(uses), **dict(named)}.items()
    else:
        return {path: value} if path else {}
    return {
        key: leaf
        for name, part in inner
        for key, leaf in _flat(part, f"{path}.{name}".removeprefix(".")).items()
    }


def _plugins(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the plugins that have a part in the training, and their versions."""
    from gantool.registry.catalog import installed

    for kind, use in components_of(document):
        if kind not in TRAINED_BY:
            continue
        plugin = installed().find(kind, use).plugin
        yield plugin.name, f"{plugin.distribution} {plugin.version}"


def _table(changes: Iterable[Change]) -> str:
    """Return one aligned line for each change."""
    rows = list(changes)
    width = max(len(row.name) for row in rows)
    return "\n".join(f"  {row.name:<{width}}  {row.before} -> {row.now}" for row in rows)
