from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gantool.errors import RecipeError
from gantool.recipe import shipped
from gantool.recipe.reading import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

pytestmark = pytest.mark.quick


@pytest.fixture
def shipped_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, minimal: str
) -> Path:
    """A folder of shipped recipes with one recipe, `plain`."""
    path = tmp_path_factory.mktemp("shipped")
    (path / "plain.toml").write_text(f"# The plain one.\n{minimal}[image]\nsize = 16\n")
    monkeypatch.setattr(shipped, "shipped_folder", lambda: path)
    return path


def test_child_is_laid_over_its_parents(read: Callable[..., Recipe], minimal: str) -> None:
    recipe = read(
        'extends = "parent.toml"\n[training]\nbatch_size = 8\n',
        parent='extends = "grandparent.toml"\n[training]\nbatch_size = 4\nseed = 7\n',
        grandparent=f"{minimal}batch_size = 2\nseed = 1\naccumulate = 2\n",
    )
    training = recipe.tables.training
    assert (training.batch_size, training.seed, training.accumulate) == (8, 7, 2)
    assert recipe.name == "bad"
    assert "extends" not in recipe.document


def test_origins_name_the_file_that_had_the_last_word(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(
        'extends = "parent.toml"\n[training]\nbatch_size = 8\n', "training.seed=3",
        parent=f"{minimal}batch_size = 4\n[[regularizers]]\nuse = 'l2'\n",
    )  # fmt: skip
    origins = recipe.origins
    assert origins["training", "batch_size"] == "bad.toml:3:1"
    assert origins["training", "steps"] == "parent.toml:8:1"
    assert origins["training", "seed"] == "--set training.seed=3"
    assert origins["training", "accumulate"] == "default"
    assert origins["regularizers", 0, "use"] == "parent.toml:11:1"
    assert origins["regularizers", 0, "weight_decay"] == "default"


def test_name_is_looked_up_beside_the_file_before_among_the_shipped(
    read: Callable[..., Recipe], minimal: str, shipped_folder: Path
) -> None:
    assert shipped_folder.is_dir()
    text = 'extends = "plain.toml"\n'
    assert read(text).tables.image.size == 16
    assert read('extends = "plain"\n').tables.image.size == 16
    assert read(text, plain=f"{minimal}[image]\nsize = 32\n").tables.image.size == 32


def test_command_line_takes_a_file_before_a_shipped_name(
    folder: Path, catalog: Catalog, minimal: str, shipped_folder: Path
) -> None:
    assert shipped_folder.is_dir()
    (folder / "plain").mkdir()  # a folder is no recipe
    assert read_recipe("plain", catalog=catalog).tables.image.size == 16
    assert read_recipe("plain.toml", catalog=catalog).name == "plain"
    (folder / "plain.toml").write_text(minimal)
    assert read_recipe("plain.toml", catalog=catalog).tables.image.size == 64
    assert read_recipe("plain", catalog=catalog).tables.image.size == 16


def test_missing_parent_is_one_problem_and_the_rest_is_still_checked(
    complain: Callable[..., str], shipped_folder: Path
) -> None:
    assert shipped_folder.is_dir()
    assert complain('# mine\nextends = "plian.toml"\n[training]\nstepz = 5\n') == (
        "error: no recipe 'plian.toml' to extend: "
        "neither beside this file nor among the shipped ones\n"
        "  --> bad.toml:2:11\n"
        "  |\n"
        '2 | extends = "plian.toml"\n'
        "  |           ^^^^^^^^^^^^ did you mean 'plain.toml'?\n"
        "\n"
        "error: unknown option 'stepz' in [training]\n"
        "  --> bad.toml:4:1\n"
        "  |\n"
        "4 | stepz = 5\n"
        "  | ^^^^^ did you mean 'steps'?\n"
        "\n"
        "2 problems; nothing was run"
    )


def test_file_itself_is_not_offered_as_its_parent(
    complain: Callable[..., str], shipped_folder: Path
) -> None:
    assert shipped_folder.is_dir()
    assert "did you mean" not in complain('extends = "bed.toml"\n')
    assert "did you mean 'bod.toml'?" in complain('extends = "bed.toml"\n', bod="")


def test_nothing_is_missing_where_a_parent_could_not_be_read(complain: Callable[..., str]) -> None:
    text = 'extends = "parent.toml"\n[sampling]\nweights = "ema"\n[dataset]\nfolder = "x"\n'
    told = complain(text, "regularizers.r1.gamma=5", parent="[training\nsteps = 5\n")
    assert told.startswith("error: not TOML: expected ']' at the end of a table declaration\n")
    assert "--> parent.toml:1:10\n" in told
    assert told.endswith("\n\n1 problem; nothing was run")


@pytest.mark.parametrize(
    ("others", "circle", "place"),
    [
        ({}, "'bad.toml' -> 'bad.toml'", "bad.toml:1:11"),
        (
            {"a": 'extends = "b.toml"', "b": '\nextends = "a.toml"'},
            "'bad.toml' -> 'a.toml' -> 'b.toml' -> 'a.toml'",
            "b.toml:2:11",
        ),
    ],
    ids=["itself", "ancestors"],
)
def test_circle_is_named_where_it_closes(
    complain: Callable[..., str], others: dict[str, str], circle: str, place: str
) -> None:
    first = "a.toml" if others else "bad.toml"
    lines = complain(f'extends = "{first}"\n', **others).splitlines()
    assert lines[0] == f"error: recipes extend each other in a circle: {circle}"
    assert lines[1] == f"  --> {place}"
    assert lines[-1] == "1 problem; nothing was run"


def test_circle_through_a_link_is_noticed(folder: Path, catalog: Catalog) -> None:
    (folder / "bad.toml").write_text('extends = "link.toml"\n')
    (folder / "link.toml").symlink_to("bad.toml")
    with pytest.raises(RecipeError, match=r"in a circle: 'bad.toml' -> 'link.toml'"):
        read_recipe("bad.toml", catalog=catalog)


@pytest.mark.parametrize(
    ("value", "shown"), [("5", "5"), ('""', "''"), ("['a']", "['a']"), ("{a = 1}", "a table")]
)
def test_extends_must_be_a_name(complain: Callable[..., str], value: str, shown: str) -> None:
    told = complain(f"extends = {value}\n")
    assert told.startswith(f"error: expected a recipe's file or name in quotes, got {shown}\n")
    assert "--> bad.toml:1:11\n" in told
    assert told.endswith("\n1 problem; nothing was run")


def test_extending_a_folder_says_so(folder: Path, complain: Callable[..., str]) -> None:
    (folder / "parents.toml").mkdir()
    told = complain('extends = "parents.toml"\n')
    assert told.startswith(
        f"error: cannot extend 'parents.toml': {folder}/parents.toml is a folder"
    )


def test_extends_is_relative_to_the_file_that_says_it(
    folder: Path, catalog: Catalog, minimal: str
) -> None:
    (folder / "mine" / "deep").mkdir(parents=True)
    (folder / "base.toml").write_text(minimal)
    (folder / "mine" / "a.toml").write_text('extends = "../base.toml"\n[training]\nx = 1\n')
    (folder / "mine" / "deep" / "b.toml").write_text('extends = "../a.toml"\n')
    with pytest.raises(RecipeError) as caught:
        read_recipe("mine/deep/b.toml", catalog=catalog)
    (problem,) = caught.value.problems
    assert problem.place == "mine/a.toml:3:1"


def test_problem_of_a_parent_is_shown_once_and_in_the_parent(
    complain: Callable[..., str], minimal: str
) -> None:
    told = complain('extends = "parent.toml"\n[image]\nfit = "x"\n', parent=f"{minimal}x = 1\n")
    places = [line for line in told.splitlines() if "-->" in line]
    assert places == ["  --> bad.toml:3:7", "  --> parent.toml:9:1"]


def test_find_refuses_nothing_that_is_a_file(folder: Path) -> None:
    (folder / "odd name").write_text("")
    assert shipped.find("odd name").name == "odd name"


def test_a_chain_without_end_is_cut(folder: Path, catalog: Catalog, minimal: str) -> None:
    for number in range(200):
        (folder / f"{number}.toml").write_text(f'extends = "{number + 1}.toml"\n')
    (folder / "30.toml").write_text(minimal)
    read_recipe("0.toml", catalog=catalog)
    (folder / "30.toml").write_text('extends = "31.toml"\n')
    with pytest.raises(RecipeError) as caught:
        read_recipe("0.toml", catalog=catalog)
    (problem,) = caught.value.problems
    assert problem.place == "30.toml:1:11"
    assert problem.message == "recipes extend each other over more than 30 files"
