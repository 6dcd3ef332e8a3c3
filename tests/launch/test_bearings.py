"""Resuming, comparing, the grouping of seeds and ablations go by what an option says of itself."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest

from gantool import Bears, Regularizer, UsageError
from gantool.evaluation.comparison.comparison import recipe_differences
from gantool.evaluation.comparison.groups import Group, group_runs
from gantool.evaluation.comparison.recorded import RecordedRun
from gantool.interfaces.component import bearings_of
from gantool.launch import ablation, resuming
from gantool.launch.ablation import Planned, toggles_of
from gantool.recipe.reading import read_recipe
from gantool.recipe.schema import CORE_TABLES
from gantool.registry.catalog import Catalog
from gantool.registry.plugin import Plugin
from gantool.runs.folder import RunFolder
from gantool.runs.history import RunHistory

pytestmark = pytest.mark.quick

OPTIONS: list[tuple[str, str | None, str]] = [
    (table, option, bearing)
    for table, model in CORE_TABLES.items()
    for option, bearing in bearings_of(model).items()
    if option != "channels"  # runs that differ in it are not compared at all
]
OTHERS: list[tuple[str, str | None, str]] = [
    ("dataset", "folder", "start"),
    ("architecture", "width", "training"),
    ("loss", "use", "training"),
    ("optimizer", "learning_rate", "training"),
    ("metrics", "use", "nothing"),
    ("loggers", "use", "nothing"),
    ("requires", None, "nothing"),
]
ONE_AND_OTHER = {"metrics": ("kid", "fid"), "loggers": ("tensorboard", "wandb")}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return cast("dict[str, Any]", read_recipe("base").document)


def with_another(document: dict[str, Any], table: str, option: str | None) -> dict[str, Any]:
    other = copy.deepcopy(document)
    if option is None:
        other[table] = ["gantool-x"]
    elif table in ONE_AND_OTHER:
        other[table] = [{"use": use} for use in ONE_AND_OTHER[table]]
    else:
        other[table][option] = "another"
    return other


def recorded(path: Path, document: dict[str, Any]) -> RecordedRun:
    unknown = cast("Any", SimpleNamespace(recipe="base"))
    history: dict[str, Any] = {each.name: unknown for each in fields(RunHistory)}
    history |= {"folder": RunFolder(path), "document": document}
    return RecordedRun(**history, loss=None, stability=unknown, series=())


def resume_tells(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    told = {"recipe": now, "plugins": {}, "computing": {}}
    tables = SimpleNamespace(ema=CORE_TABLES["ema"]())
    recipe = cast("Any", SimpleNamespace(tables=tables, optimizer={}, regularizers=(), origins={}))
    saved = cast("Any", {"about": {"recipe": before}, "followers": ["instance-noise"]})
    return [name for name, *_ in resuming._altering(saved, told, recipe)]


def ablation_refuses(
    path: Path, before: dict[str, Any], now: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> bool:
    monkeypatch.setattr(ablation, "read_recipe", lambda _: SimpleNamespace(document=before))
    monkeypatch.setattr(RunFolder, "exists", lambda _: True)
    try:
        ablation._refuse_other(Planned("full", 0, now, RunFolder(path)))
    except UsageError:
        return True
    return False


@pytest.mark.parametrize(("table", "option", "bearing"), OPTIONS + OTHERS)
def test_all_readers_go_by_what_an_option_bears_upon(
    document: dict[str, Any],
    table: str,
    option: str | None,
    bearing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(OPTIONS) > 40
    other = with_another(document, table, option)
    one, two = recorded(tmp_path / "one", document), recorded(tmp_path / "two", other)
    trains_differently = bearing in ("training", "start")
    is_seed = option == "seed" and table == "training"
    assert (len(group_runs([one, two])) == 2) == (trains_differently and not is_seed)
    groups = [Group("one", (one,)), Group("two", (two,))]
    assert bool(recipe_differences(groups)) == (trains_differently and not is_seed)
    assert ablation_refuses(tmp_path, document, other, monkeypatch) == trains_differently
    assert bool(resume_tells(document, other)) == (bearing == "training")


def test_what_an_ablation_turns_off_trains_differently(document: dict[str, Any]) -> None:
    switches = {f"{table}.{name}": bearing for table, name, bearing in OPTIONS}
    on = copy.deepcopy(document)
    for table, model in CORE_TABLES.items():
        switched = (name for name, field in model.model_fields.items() if field.default is False)
        on[table] |= dict.fromkeys(switched, True)
    found = [each for each in toggles_of(on) if each in switches]
    assert "training.conditional" in found
    assert {switches[each] for each in found} == {"training"}


class Watched(Regularizer):
    """A regularizer that says of its options what they bear upon."""

    name = "watched"
    gamma: float = 1.0
    log_every: Annotated[int, Bears("nothing")] = 10
    fast_kernel: Annotated[bool, Bears("bits")] = False


def test_plugins_say_it_of_their_own_options(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog([Plugin("odd", "odd", "gantool-odd", "1", components=(Watched,))])
    monkeypatch.setattr("gantool.registry.catalog.installed", lambda: catalog)
    before = {**document, "regularizers": [{"use": "odd:watched", "gamma": 1.0, "log_every": 10}]}
    for option, told in (("gamma", 1), ("log_every", 0), ("fast_kernel", 0)):
        now = copy.deepcopy(before)
        now["regularizers"][0][option] = 2
        assert len(resume_tells(before, now)) == told, option


def test_a_bearing_of_no_known_form_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of 'training', 'start'"):
        Bears(cast("Any", "pixels"))
