"""The recipe on the page, and how it differs from its parent."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gantool.recipe.reading import read_recipe
from gantool.reporting.report.recipe_lines import Parent, dropped, read_parent, recipe_lines
from gantool.reporting.report.writing import read_logged
from gantool.runs.folder import RunFolder
from gantool.runs.status import new_status, write_status

MakeRun = Callable[..., RunFolder]
OURS = {
    "image": {"size": 32, "fit": "crop"},
    "optimizer": {"use": "adam", "discriminator": {"learning_rate": 0.1}},
    "regularizers": [
        {"use": "r1", "gamma": 5.0},
        {"use": "lecam", "weight": 1.0},
        {"use": "r1", "gamma": 7.0},
    ],
}
THEIRS = {
    "image": {"size": 64, "fit": "crop"},
    "optimizer": {"use": "adam", "learning_rate": 0.2},
    "regularizers": [{"use": "r1", "gamma": 5.0}, {"use": "clip", "limit": 1.0}],
}


def test_lines_tell_what_the_parent_says() -> None:
    lines = recipe_lines(OURS, Parent("base", True, THEIRS))
    marked = [(line.text, line.was) for line in lines if line.was is not None]
    assert marked == [
        ("size = 32", "64"),
        ("learning_rate = 0.1", ""),
        ('use = "lecam"', ""),
        ("weight = 1.0", ""),
        ('use = "r1"', ""),
        ("gamma = 7.0", ""),
    ]
    assert [line.text for line in lines][:3] == ["[image]", "size = 32", 'fit = "crop"']


def test_what_only_the_parent_says_is_named() -> None:
    parent = Parent("base", True, THEIRS)
    assert dropped(OURS, parent) == ["optimizer.learning_rate", "regularizers.clip"]
    assert dropped(THEIRS, parent) == []
    assert dropped(OURS, None) == []


def test_a_schedule_is_one_value() -> None:
    falling = {"start": 1.0, "end": 0.5}
    ours = {"optimizer": {"betas": [falling, falling]}, "regularizers": [{"use": "r1", "gamma": 5}]}
    theirs = {"optimizer": {"betas": [0, 1]}, "regularizers": [{"use": "r1", "gamma": falling}]}
    for one, other, gamma in ((ours, theirs, '{"start": 1.0, "end": 0.5}'), (theirs, ours, "5")):
        parent = Parent("base", True, other)
        was = {line.text.split(" ")[0]: line.was for line in recipe_lines(one, parent) if line.was}
        assert was.keys() == {"betas", "gamma"}
        assert was["gamma"] == gamma
        assert dropped(one, parent) == []


def test_without_a_parent_nothing_is_marked() -> None:
    assert all(line.was is None for line in recipe_lines(OURS, None))


def test_the_parent_is_read_from_the_folder(make_run: MakeRun) -> None:
    folder = make_run()
    found = {"name": "base", "extended": True, "document": THEIRS}
    folder.parent_recipe.write_text(json.dumps(found), encoding="utf-8")
    assert read_parent(read_logged(folder)) == Parent("base", True, THEIRS)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": 1, "extended": 2, "document": 3}'])
def test_a_damaged_parent_is_none(make_run: MakeRun, content: str) -> None:
    folder = make_run()
    folder.parent_recipe.write_text(content, encoding="utf-8")
    assert read_parent(read_logged(folder)) is None


def test_an_older_run_of_a_shipped_recipe_has_its_parent(make_run: MakeRun) -> None:
    folder = make_run()
    write_status(folder, new_status("spectral", 100))
    parent = read_parent(read_logged(folder))
    assert parent is not None
    assert (parent.name, parent.extended) == ("base", True)
    document = read_recipe("spectral").document
    assert any(line.was == "" for line in recipe_lines(document, parent))


def test_toml_that_names_nothing_twice_keeps_its_places() -> None:
    """Equal lines in other tables are not marked."""
    ours = {"a": {"size": 1}, "b": {"size": 1}}
    lines = recipe_lines(ours, Parent("base", True, {"a": {"size": 1}, "b": {"size": 2}}))
    assert [line.was for line in lines if line.text == "size = 1"] == [None, "2"]
