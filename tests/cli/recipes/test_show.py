from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gantool.recipe.reading import read_recipe

ORIGIN = re.compile(r"^(\w+) = (.*?) +# (.*)$", re.MULTILINE)


def test_what_is_shown_is_a_recipe_again(gantool: Callable[..., Any], tmp_path: Path) -> None:
    resolved = tmp_path / "resolved.toml"
    outcome = gantool("show", "spectral", "--set", "training.steps=20")
    resolved.write_text(outcome.stdout, encoding="utf-8")
    expected = read_recipe("spectral", ["training.steps=20"])
    assert read_recipe(resolved).document == expected.document
    assert outcome.stderr == ""


def test_every_value_has_its_origin(gantool: Callable[..., Any], recipe: Path) -> None:
    mine = recipe.with_name("mine.toml")
    mine.write_text('extends = "tiny.toml"\n\n[training]\nsteps = 5\n', encoding="utf-8")
    page = gantool("show", mine, "--set", "image.size=32").stdout
    values = [line for line in page.splitlines() if line and not line.startswith("[")]
    origins = ORIGIN.findall(page)
    assert len(origins) == len(values) > 30
    said = {(key, value): origin for key, value, origin in origins}
    assert said["steps", "5"] == f"{mine}:4:1"
    assert said["batch_size", "6"] == f"{recipe}:15:1"
    assert said["size", "32"] == "--set image.size=32"
    assert said["horizontal_flip", "false"] == "default"
    assert len({line.index("# ") for line in values if len(line.split(" # ")[0]) <= 46}) == 1


def test_an_origin_never_leaves_its_line(gantool: Callable[..., Any], recipe: Path) -> None:
    page = gantool("show", recipe, "--set", "sampling.at_epochs=[1,\n2]").stdout
    assert "at_epochs = [1, 2] " in page
    assert "# --set sampling.at_epochs=[1, 2]\n" in page


def test_json(gantool: Callable[..., Any], recipe: Path) -> None:
    shown = json.loads(gantool("show", recipe, "--set", "training.steps=9", "--json").stdout)
    assert shown.keys() == {"recipe", "document", "origins", "warnings"}
    assert shown["recipe"] == "tiny"
    assert shown["document"] == read_recipe(recipe, ["training.steps=9"]).document
    assert shown["origins"]["training.steps"] == "--set training.steps=9"
    assert shown["origins"]["training.seed"] == "default"


def test_on_a_terminal_the_same_is_shown_in_color(
    gantool: Callable[..., Any], recipe: Path, on_terminal: Callable[[int], None]
) -> None:
    plain = gantool("show", recipe).stdout
    on_terminal(40)  # narrower than the lines: they are not broken
    colored = gantool("show", recipe).stdout
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_a_recipe_with_problems_is_not_shown(gantool: Callable[..., Any], recipe: Path) -> None:
    outcome = gantool("show", recipe, "--set", "training.stesp=9")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "did you mean 'steps'?" in outcome.stderr
