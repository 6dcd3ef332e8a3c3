"""What several processes are told, and which run they find again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from gantool import UsageError
from gantool.launch.folder import begun_before, tell_of_division
from gantool.recipe.reading import read_recipe
from gantool.recipe.schema import DeviceTable
from gantool.training.device.ranks import Ranks, join

if TYPE_CHECKING:
    from pathlib import Path

    from tests.launch.conftest import Write


@pytest.mark.parametrize(("count", "told"), [(1, []), (3, ["loss", "regularizer"])])
def test_what_compares_images_is_named_where_a_batch_is_divided(
    write_recipe: Write, caplog: pytest.LogCaptureFixture, count: int, told: list[str]
) -> None:
    recipe = read_recipe(
        write_recipe(
            loss={"use": "relativistic-average"},
            # dragan averages over processes; slices alone are another thing to it
            regularizers=[{"use": "l2"}, {"use": "minibatch-stddev"}, {"use": "dragan"}],
        )
    )
    with caplog.at_level(logging.WARNING, "gantool"):
        tell_of_division(recipe, Ranks(0, count))
    assert [record.getMessage().split()[0] for record in caplog.records] == told
    assert all("one of 3 processes" in record.getMessage() for record in caplog.records)


def test_a_recipe_is_warned_of_slices_by_all_three(write_recipe: Write) -> None:
    recipe = write_recipe(
        loss={"use": "relativistic-average"},
        regularizers=[{"use": "l2"}, {"use": "minibatch-stddev"}, {"use": "dragan"}],
        training={"accumulate": 3},
    )
    told = [each for each in read_recipe(recipe).warnings if "accumulate = 3" in each]
    assert [each.split("'")[1] for each in told] == [
        "relativistic-average",
        "minibatch-stddev",
        "dragan",
    ]


def test_restarted_processes_of_several_machines_need_the_folders_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert begun_before(None) is None
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="several machines") as caught:
        begun_before(None)
    assert "--out FOLDER" in str(caught.value.hint)
    assert begun_before(tmp_path / "none") is None
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    found = begun_before(tmp_path / "run")
    assert found is not None
    assert found.path == tmp_path / "run"


def test_processes_cannot_share_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="'cuda:1' is one GPU") as caught:
        join(DeviceTable(name="cuda:1"))
    assert str(caught.value.hint) == 'set device.name = "cuda"'
