from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, DirectoryPath

from gantool.recipe.check.tables import with_absolute_paths
from gantool.recipe.reading import read_recipe
from gantool.recipe.source.entries import annotate
from gantool.recipe.source.problems import Problems, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

pytestmark = pytest.mark.quick


class Places(BaseModel):
    """Every way in which a type can hold paths, and some in which it does not."""

    plain: Path = Path()
    optional: Path | None = None
    many: tuple[Path, ...] = ()
    named: dict[str, list[Path]] = {}
    checked: DirectoryPath | None = None
    either: Literal["auto", "off"] | Path = "auto"
    text: str = ""
    literal: Literal["x/y"] | None = None


@pytest.mark.parametrize(
    ("option", "said", "meant"),
    [
        ("plain", "data", "/recipes/data"),
        ("plain", "./data", "/recipes/data"),
        ("plain", "/data", "/data"),
        ("plain", "~/data", "/home/painter/data"),
        ("plain", "../data", "/data"),
        ("optional", "data", "/recipes/data"),
        ("many", ["a", "/b"], ["/recipes/a", "/b"]),
        ("named", {"x": ["a"]}, {"x": ["/recipes/a"]}),
        ("checked", "data", "/recipes/data"),
        ("either", "off", "off"),
        ("either", "data", "/recipes/data"),
        ("text", "data", "data"),
        ("literal", "x/y", "x/y"),
        ("plain", 5, 5),
        ("unknown", "data", "data"),
    ],
)
def test_paths_are_recognized_by_type(
    monkeypatch: pytest.MonkeyPatch, option: str, said: Any, meant: Any
) -> None:
    monkeypatch.setenv("HOME", "/home/painter")
    table = annotate({option: said}, Source("a.toml", Path("/recipes"), text=""))
    problems = Problems()
    assert with_absolute_paths(Places, table, problems) == {option: meant}
    problems.raise_any()


def test_each_path_is_relative_to_the_file_that_says_it(
    folder: Path, catalog: Catalog, minimal: str
) -> None:
    for name in ("parents", "children"):
        (folder / name).mkdir()
    (folder / "parents" / "a.toml").write_text(
        minimal.replace('"pictures"', '"pictures"\nfolder = "x"\nlists = ["y", "../z"]')
        + 'start_from = "old"\n'
    )
    (folder / "children" / "b.toml").write_text(
        'extends = "../parents/a.toml"\n[dataset]\nfolder = "x"\n'
    )
    recipe = read_recipe("children/b.toml", ["training.start_from=old"], catalog=catalog)
    assert recipe.document["dataset"] == {
        "use": "own:pictures",
        "folder": f"{folder}/children/x",
        "lists": [f"{folder}/parents/y", f"{folder}/z"],
        "source": "auto",
    }
    assert recipe.tables.training.start_from == folder / "old"
    assert recipe.origins["dataset", "folder"] == "children/b.toml:3:1"


def test_parent_folder_is_that_of_the_file_system_where_links_are_involved(
    folder: Path, catalog: Catalog, minimal: str
) -> None:
    (folder / "real" / "inner").mkdir(parents=True)
    (folder / "link").symlink_to("real/inner")
    text = minimal.replace('"pictures"', '"pictures"\nfolder = "../images"')
    (folder / "link" / "a.toml").write_text(text)
    recipe = read_recipe("link/a.toml", catalog=catalog)
    assert recipe.document["dataset"]["folder"] == f"{folder}/real/images"
    assert os.path.realpath("link/../images") == f"{folder}/real/images"


@pytest.mark.parametrize(
    ("option", "value", "shown", "column"),
    [
        ("folder", '""', "''", 10),
        ("folder", r'"a\u0000"', r"'a\x00'", 10),
        ("lists", '["a", ""]', "''", 15),
    ],
)
def test_impossible_path_is_a_problem(
    complain: Callable[..., str], minimal: str, option: str, value: str, shown: str, column: int
) -> None:
    told = complain(minimal.replace('"pictures"', f'"pictures"\n{option} = {value}'))
    assert told.startswith(f"error: expected a path, got {shown}\n  --> bad.toml:3:{column}\n")
    assert told.endswith("\n1 problem; nothing was run")


def test_home_of_nobody_is_an_ordinary_folder(read: Callable[..., Recipe], minimal: str) -> None:
    recipe = read(minimal, "dataset.folder=~nobody-of-this-name/x")
    assert recipe.document["dataset"]["folder"].endswith("/~nobody-of-this-name/x")
