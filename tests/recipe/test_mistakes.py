from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gantool.errors import MissingExtraError, PluginError, RecipeError
from gantool.recipe.reading import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

pytestmark = pytest.mark.quick

MANY = """\
# everything at once
[dataset]
use = "pictures"
folder = 3
[architecture]
use = "dcgn"
[loss]
use = "bce"
real_target = 2.0
[optimizer]
learning_rate = nan
[[regularizers]]
use = "l2"
weight_dcay = 1           # typo
[training]
batch_size = "abc"
[trainig]
steps = 5
"""

SHOWN = """\
error: expected text in quotes, got 3
  --> bad.toml:4:10
  |
4 | folder = 3
  |          ^

error: unknown architecture 'dcgn'
  --> bad.toml:6:7
  |
6 | use = "dcgn"
  |       ^^^^^^ did you mean 'dcgan'?

error: expected at most 1, got 2.0
  --> bad.toml:9:15
  |
9 | real_target = 2.0
  |               ^^^

error: expected a finite number, got nan
   --> bad.toml:11:17
   |
11 | learning_rate = nan
   |                 ^^^

error: unknown option 'weight_dcay' in regularizer 'l2'
   --> bad.toml:14:1
   |
14 | weight_dcay = 1           # typo
   | ^^^^^^^^^^^ did you mean 'weight_decay'?

error: expected a whole number, got 'abc'
   --> bad.toml:16:14
   |
16 | batch_size = "abc"
   |              ^^^^^

error: unknown table [trainig]
   --> bad.toml:17:2
   |
17 | [trainig]
   |  ^^^^^^^ did you mean 'training'?

error: expected at least 1, got 0
  --> --set training.steps=0

error: unknown option 'stepz' in [training]
  --> --set training.stepz=5
  = did you mean 'steps'?

9 problems; nothing was run"""


def test_all_problems_are_named_at_once_in_the_order_of_the_text(
    complain: Callable[..., str],
) -> None:
    assert complain(MANY, "training.steps=0", "training.stepz=5") == SHOWN


def test_problems_are_also_data(read: Callable[..., Recipe]) -> None:
    with pytest.raises(RecipeError) as caught:
        read(MANY, "training.steps=0")
    problems = caught.value.problems
    assert len(problems) == 8
    assert json.loads(json.dumps(asdict(problems[4]))) == {
        "message": "unknown option 'weight_dcay' in regularizer 'l2'",
        "path": ["regularizers", 0, "weight_dcay"],
        "file": "bad.toml",
        "line": 14,
        "column": 1,
        "suggestion": "did you mean 'weight_decay'?",
        "excerpt": "weight_dcay = 1           # typo",
        "width": 11,
    }
    assert str(problems[4]) == (
        "bad.toml:14:1: unknown option 'weight_dcay' in regularizer 'l2'; "
        "did you mean 'weight_decay'?"
    )
    assert (problems[7].file, problems[7].line) == ("--set training.steps=0", None)


VALUES = {
    "whole number": ("training.steps", '"abc"', "expected a whole number, got 'abc'"),
    "no number": ("training.steps", "true", "expected a whole number, got true"),
    "fraction": ("training.steps", "5.0", "expected a whole number, got 5.0"),
    "too small": ("training.steps", "0", "expected at least 1, got 0"),
    "number": ("optimizer.eps", '"1"', "expected a number, got '1'"),
    "not above": ("optimizer.eps", "0", "expected more than 0, got 0"),
    "not below": ("image.held_out", "1", "expected less than 1, got 1"),
    "infinite": ("optimizer.eps", "inf", "expected a finite number, got inf"),
    "not a number": ("optimizer.eps", "nan", "expected a finite number, got nan"),
    "true or false": ("training.conditional", "1", "expected true or false, got 1"),
    "text": ("evaluation.extractor", "3", "expected text in quotes, got 3"),
    "choice": ("image.fit", '"squash"', "expected 'stretch', 'crop' or 'pad', got 'squash'"),
    "numeric choice": ("image.channels", "2", "expected 1, 3 or 4, got 2"),
    "array": ("optimizer.betas", "0.5", "expected an array, got 0.5"),
    "short array": ("optimizer.betas", "[]", "expected an array of 2 values, got []"),
    "long array": (
        "optimizer.betas",
        "[0.1, 0.2, 0.3]",
        "expected an array of at most 2 values, got [0.1, 0.2, 0.3]",
    ),
    "either": ("image.size", "'s'", "expected a whole number or an array, got 's'"),
    "either, short": (
        "image.size",
        "[64]",
        "expected a whole number or an array of 2 values, got [64]",
    ),
    "table": ("training", "5", "expected a table [training], got 5"),
    "value": ("training.steps", "{a = 1}", "expected a whole number, got a table"),
    "date": (
        "training.steps",
        "1979-05-27",
        "a recipe holds no dates or times, got 1979-05-27",
    ),
    "huge": (
        "training.seed",
        "123456789012345678901234567890",
        "expected a number of at most 64 bits, got one of 98 bits",
    ),
    "huge, below 0": (
        "training.seed",
        "-9223372036854775809",
        "expected a number of at most 64 bits, got one of 65 bits",
    ),
    "device": (
        "device.name",
        "'gpu'",
        "expected 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps', got 'gpu'",
    ),
    "own words": ("loss", '{use = "aliased", even = 3}', "expected an even number, got 3"),
    "alias": ("loss", '{use = "aliased", lambda = -1}', "expected at least 0, got -1"),
    "optimizer": ("optimizer.use", "5", "expected the name of an optimizer in quotes, got 5"),
    "use": ("loss.use", "5", "expected the name of a loss in quotes, got 5"),
    "requires": ("requires", "'a'", "expected an array, got 'a'"),
    "entries": ("metrics", "5", "expected an array of tables, got 5"),
    "entry": ("metrics", '["distance"]', "expected a table [[metrics]], got 'distance'"),
}


@pytest.mark.parametrize(("option", "value", "message"), VALUES.values(), ids=VALUES.keys())
def test_bad_value_is_named_where_it_stands(
    complain: Callable[..., str], minimal: str, option: str, value: str, message: str
) -> None:
    text = f"{option} = {value}\n"  # a dotted key at the top, before the parent's tables
    told = complain(f"extends = 'minimal.toml'\n{text}", minimal=minimal)
    lines = told.splitlines()
    assert lines[0] == f"error: {message}"
    culprit = lines[4][4:]
    caret = lines[4].index("^")
    assert lines[1] == f"  --> bad.toml:2:{caret - 3}", told
    pointed = lines[3][caret : caret + culprit.count("^")]
    assert pointed in text
    assert lines[-1] == "1 problem; nothing was run"


def test_element_of_an_array_is_pointed_at(complain: Callable[..., str], minimal: str) -> None:
    text = 'extends = "minimal.toml"\n[image]\nsize = [\n  64,\n  0,  # zero\n]\n'
    assert complain(text, minimal=minimal) == (
        "error: expected at least 1, got 0\n"
        "  --> bad.toml:5:3\n"
        "  |\n"
        "5 |   0,  # zero\n"
        "  |   ^\n"
        "\n"
        "1 problem; nothing was run"
    )


UNKNOWN = {
    "near an alias": (
        "loss = {use = 'aliased', lamda = 1}",
        "unknown option 'lamda' in loss 'aliased'",
        "did you mean 'lambda'?",
    ),
    "near": ("training.batchsize = 5", "unknown option 'batchsize' in [training]",
             "did you mean 'batch_size'?"),
    "elsewhere": ("image.batch_size = 5", "unknown option 'batch_size' in [image]",
                  "it belongs to [training]"),
    "of another optimizer": (
        "optimizer = {use = 'sgd', betas = [0.5, 0.9]}",
        "unknown option 'betas' in optimizer 'sgd'",
        "it belongs to optimizer 'adam' or optimizer 'adamw'",
    ),
    "at the top": ("batch_size = 5", "unknown option 'batch_size' before the first table",
                   "it belongs to [training]"),
    "in a table": ("training.extends = 'a'", "unknown option 'extends' in [training]",
                   "it belongs to the top of the recipe, before the first table"),
    "few": ("ema.decay = 0.9", "unknown option 'decay' in [ema]",
            "known: half_life_images, start_step, ramp_up"),
    "none": ("loss = {use = 'own:hinge', margin = 1}", "unknown option 'margin' in loss 'hinge'",
             "there are no options"),
    "table": ("optimiser.eps = 1", "unknown table [optimiser]", "did you mean 'optimizer'?"),
    "array": ("regularizer = [{use = 'l2'}]", "unknown table [regularizer]",
              "did you mean 'regularizers'?"),
    "component": ("loss.use = 'bcee'", "unknown loss 'bcee'", "did you mean 'bce'?"),
    "far component": ("loss.use = 'lpips'", "unknown loss 'lpips'",
                      "installed: aliased, bce, crashing, hinge, mean"),
    "ambiguous": ("loss.use = 'hinge'", "loss 'hinge' is offered by several plugins",
                  "write 'own:hinge' or 'second:hinge'"),
    "near optimizer": ("optimizer.use = 'adm'", "unknown optimizer 'adm'", "did you mean 'adam'?"),
    "far optimizer": ("optimizer.use = 'lion'", "unknown optimizer 'lion'",
                      "installed: adam, adamw, rmsprop, sgd"),
    "extractor": ("evaluation.extractor = 'feature'", "unknown extractor 'feature'",
                  "did you mean 'features'?"),
    "no array": ("regularizers.use = 'l2'", "expected an array of tables, got a table",
                 "write [[regularizers]]"),
    "no table": ("loss = 'bce'", "expected a table [loss], got 'bce'", "name the loss with `use`"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message", "way_out"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_unknown_name_comes_with_a_way_out(
    complain: Callable[..., str], minimal: str, text: str, message: str, way_out: str
) -> None:
    told = complain(f"extends = 'minimal.toml'\n{text}\n", minimal=minimal)
    lines = told.splitlines()
    assert lines[0] == f"error: {message}"
    assert lines[1].startswith("  --> bad.toml:2:")
    assert lines[4].partition("^ ")[2] == way_out
    assert lines[-1] == "1 problem; nothing was run"


def test_rule_of_a_whole_table_points_at_what_introduces_it(
    complain: Callable[..., str], minimal: str
) -> None:
    table = "[loss]\nuse = 'aliased'\nlambda = 0\neven = 0\n"
    told = complain(minimal.replace('[loss]\nuse = "bce"\n', table))
    assert told.startswith(
        "error: lambda and even cannot both be 0\n  --> bad.toml:5:1\n  |\n5 | [loss]\n  | ^^^^^^\n"
    )
    inline = "loss = {use = 'aliased', lambda = 0, even = 0}"
    told = complain(f"extends = 'minimal.toml'\n{inline}\n", minimal=minimal)
    assert f"  --> bad.toml:2:1\n  |\n2 | {inline}\n  | ^^^^\n" in told


def test_missing_tables_are_wanted_at_the_end(complain: Callable[..., str]) -> None:
    assert complain('[architecture]\nuse = "dcgan"\n[loss]\nuse = "bce"\n') == (
        "error: missing table [dataset]\n"
        "  --> bad.toml:5:1\n"
        "  |\n"
        "5 |\n"
        "  | ^ add it here; `use` is one of: pictures, shelf\n"
        "\n"
        "error: missing option 'epochs' or 'steps' in [training]\n"
        "  --> bad.toml:5:1\n"
        "  |\n"
        "5 |\n"
        "  | ^\n"
        "\n"
        "2 problems; nothing was run"
    )


def test_missing_options_are_wanted_in_their_tables(
    complain: Callable[..., str], minimal: str
) -> None:
    text = minimal.replace("pictures", "shelf").replace('use = "bce"\n', "real_target = 1\n")
    assert complain(text.replace("steps = 10\n", "")) == (
        "error: missing option 'folder' in dataset 'shelf'\n"
        "  --> bad.toml:1:1\n"
        "  |\n"
        "1 | [dataset]\n"
        "  | ^^^^^^^^^\n"
        "\n"
        "error: missing option 'use' in [loss]\n"
        "  --> bad.toml:5:1\n"
        "  |\n"
        "5 | [loss]\n"
        "  | ^^^^^^ one of: aliased, bce, crashing, hinge, mean\n"
        "\n"
        "error: missing option 'epochs' or 'steps' in [training]\n"
        "  --> bad.toml:7:1\n"
        "  |\n"
        "7 | [training]\n"
        "  | ^^^^^^^^^^\n"
        "\n"
        "3 problems; nothing was run"
    )


def test_extractor_must_do_with_its_defaults(complain: Callable[..., str], minimal: str) -> None:
    told = complain(f"{minimal}[evaluation]\nextractor = 'particular'\n")
    assert (
        "error: missing option 'weights' in extractor 'particular'\n   --> bad.toml:10:1\n" in told
    )


def test_both_lengths_in_one_file_are_refused(complain: Callable[..., str], minimal: str) -> None:
    assert complain(f"{minimal}epochs = 5\n") == (
        "error: `epochs` and `steps` both say how long to train\n"
        "  --> bad.toml:9:1\n"
        "  |\n"
        "9 | epochs = 5\n"
        "  | ^^^^^^ leave one of them out\n"
        "\n"
        "1 problem; nothing was run"
    )


def test_long_lines_are_cut_around_the_culprit(complain: Callable[..., str], minimal: str) -> None:
    first = ", ".join(f"{size}" for size in range(1, 200))
    told = complain(f"{minimal}[sampling]\nat_epochs = [{first}, 0, 7]\n")
    line, carets = told.splitlines()[3:5]
    assert line[carets.index("^") - 2 :].startswith(", 0, 7]")
    assert len(line) < 110


def test_crash_in_a_component_names_its_plugin(read: Callable[..., Recipe], minimal: str) -> None:
    with pytest.raises(PluginError) as caught:
        read(minimal.replace("bce", "crashing"), "loss={use='crashing', width=3}")
    assert re.fullmatch(
        r"loss 'crashing' of plugin 'own' failed in reading its options \(.*conftest.py:\d+\): "
        r"TypeError: object of type 'int' has no len\(\)\n"
        r"gantool check-plugin own tries it by itself; tell the authors of gantool-own 1.0",
        str(caught.value),
    )


def test_component_may_say_that_something_is_not_installed(
    read: Callable[..., Recipe], minimal: str
) -> None:
    with pytest.raises(MissingExtraError, match="needs the package wide"):
        read(minimal, "loss={use='crashing', width=2}")


RECIPES = Path(__file__).parents[2] / "recipes"


def test_missing_recipe_is_no_traceback(folder: Path, catalog: Catalog) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "recipe.toml").write_text("")
    (folder / "r.toml").write_text("")
    shipped = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
    assert "quickstart" in shipped
    for reference, message in {
        "quikstart": (
            "no recipe 'quikstart': it is neither a file nor a shipped recipe\n"
            "did you mean 'quickstart'?"
        ),
        "a/b.toml": (
            f"no recipe 'a/b.toml': it is neither a file nor a shipped recipe\nshipped: {shipped}"
        ),
        "r": ("no recipe 'r': it is neither a file nor a shipped recipe\ndid you mean 'r.toml'?"),
        "q.toml": (
            "no recipe 'q.toml': it is neither a file nor a shipped recipe\ndid you mean 'r.toml'?"
        ),
        "runs": "'runs' is a folder, not a recipe\ndid you mean runs/recipe.toml?",
        "\0": (f"no recipe '\\x00': it is neither a file nor a shipped recipe\nshipped: {shipped}"),
    }.items():
        with pytest.raises(RecipeError) as caught:
            read_recipe(reference, catalog=catalog)
        assert str(caught.value) == message
        assert caught.value.problems == ()
