from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gantool.recipe.composing import parse_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.schema import Recipe

pytestmark = pytest.mark.quick

REGULARIZED = """
[[regularizers]]
use = "l2"
weight_decay = 0.1
[[regularizers]]
use = "r1"
every_steps = 4
[[regularizers]]
use = "l2"
player = "generator"
"""


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("5", 5),
        ("5.0", 5.0),
        ("1e-3", 1e-3),
        ("true", True),
        ("True", "True"),
        ('"5"', "5"),
        ("'a b'", "a b"),
        ("[1, 2]", [1, 2]),
        ("{a = 1}", {"a": 1}),
        ("hinge", "hinge"),
        ("own:hinge", "own:hinge"),
        ("../data/a=b", "../data/a=b"),
        ("", ""),
        ("[1,", "[1,"),
        ("1979-05-27", "1979-05-27"),  # a folder may be called so
        ("1\nother = 2", "1\nother = 2"),
        ("1 # no comment", 1),
        ("[" * 500, "[" * 500),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_value_is_toml_or_else_text(raw: str, value: Any) -> None:
    assert repr(parse_value(raw)) == repr(value)


def test_last_word_is_the_arguments(read: Callable[..., Recipe], minimal: str) -> None:
    recipe = read(minimal, "training.steps=20", "image.size=32", "training.steps=30")
    assert recipe.tables.training.steps == 30
    assert recipe.tables.image.size == 32
    assert recipe.origins["training", "steps"] == "--set training.steps=30"
    assert recipe.origins["dataset", "use"] == "bad.toml:2:1"


def test_only_the_first_equals_sign_divides(read: Callable[..., Recipe], minimal: str) -> None:
    recipe = read(minimal, "dataset.folder=/a=b/c=d")
    assert recipe.document["dataset"]["folder"] == "/a=b/c=d"


def test_steps_and_epochs_replace_each_other(read: Callable[..., Recipe], minimal: str) -> None:
    training = read(minimal, "training.epochs=3").tables.training
    assert (training.steps, training.epochs) == (None, 3)


def test_both_lengths_among_the_arguments_are_refused(
    complain: Callable[..., str], minimal: str
) -> None:
    assert complain(minimal, "training.epochs=3", "training.steps=5") == (
        "error: `epochs` and `steps` both say how long to train\n"
        "  --> --set training.steps=5\n"
        "  = leave one of them out\n"
        "\n"
        "1 problem; nothing was run"
    )


@pytest.mark.parametrize("turn", [1, -1])
def test_another_use_drops_the_options_of_the_recipe_but_not_those_of_arguments(
    read: Callable[..., Recipe], minimal: str, turn: int
) -> None:
    arguments = ["optimizer.use=sgd", "optimizer.learning_rate=0.5", "loss.use=own:hinge"]
    text = minimal.replace('"bce"', '"bce"\nreal_target = 0.9')
    recipe = read(f"{text}[optimizer]\nbetas = [0.1, 0.2]\n", *arguments[::turn])
    assert recipe.document["loss"] == {"use": "own:hinge"}
    assert recipe.document["optimizer"]["use"] == "optimizers:sgd"
    assert recipe.optimizer["generator"].rate.start == 0.5
    assert "betas" not in recipe.document["optimizer"]


def test_entry_is_addressed_by_its_use_or_its_index(
    read: Callable[..., Recipe], minimal: str
) -> None:
    text = minimal + REGULARIZED
    arguments = ["regularizers.r1.gamma=5", "regularizers.2.weight_decay=0.3"]
    first, second, third = read(text, *arguments).document["regularizers"]
    assert first == {"use": "own:l2", "player": "discriminator", "weight_decay": 0.1}
    assert second == {"use": "own:r1", "every_steps": 4, "gamma": 5.0}
    assert third == {"use": "own:l2", "player": "generator", "weight_decay": 0.3}


def test_entry_may_be_replaced_and_then_addressed(
    read: Callable[..., Recipe], minimal: str
) -> None:
    text = minimal + REGULARIZED
    recipe = read(text, "regularizers.0.use=r1", "regularizers.0.gamma=5")
    assert recipe.document["regularizers"][0] == {"use": "own:r1", "every_steps": 1, "gamma": 5.0}
    recipe = read(text, "regularizers=[{use='r1', gamma=1}]", "regularizers.r1.every_steps=2")
    assert recipe.document["regularizers"] == [{"use": "own:r1", "every_steps": 2, "gamma": 1.0}]


def test_element_of_a_plain_array_is_addressed_by_its_index(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(f"{minimal}[sampling]\nat_epochs = [1, 2, 3]\n", "sampling.at_epochs.1=9")
    assert recipe.tables.sampling.at_epochs == (1, 9, 3)


MISTAKES = {
    "foo": ("expected KEY=VALUE, as in training.steps=600", None),
    "=5": ("expected KEY=VALUE, as in training.steps=600", None),
    "training..steps=5": ("expected KEY=VALUE, as in training.steps=600", None),
    "a.b.c.d.e.f.g.h.i=5": ("expected a key of at most 8 parts", None),
    "extends=base.toml": ("`extends` can be said in a file only", None),
    "training.steps=abc": ("expected a whole number, got 'abc'", None),
    "training.steps=": ("expected a whole number, got ''", None),
    "training.stepz=5": ("unknown option 'stepz' in [training]", "did you mean 'steps'?"),
    "optimizer.lr=1": (
        "unknown option 'lr' in optimizer 'adam'",
        "did you mean 'learning_rate'?",
    ),
    "training.lr=1": (
        "unknown option 'lr' in [training]",
        "did you mean 'learning_rate'? it belongs to [optimizer]",
    ),
    "lr=1": (
        "unknown option 'lr' before the first table",
        "did you mean 'learning_rate'? it belongs to [optimizer]",
    ),
    "training.iters=9": ("unknown option 'iters' in [training]", "did you mean 'steps'?"),
    "training.steps.x=5": ("expected a whole number, got a table", None),
    "training=5": ("expected a table [training], got 5", None),
    "optimizer.eps=nan": ("expected a finite number, got nan", None),
    "regularizers.r11.gamma=5": (
        "no 'r11' among the regularizers of this recipe",
        "did you mean 'r1'?",
    ),
    "regularizers.3.gamma=5": (
        "no '3' among the regularizers of this recipe",
        "there are: 'l2', 'r1', 'l2'",
    ),
    "regularizers.-1.gamma=5": (
        "no '-1' among the regularizers of this recipe",
        "there are: 'l2', 'r1', 'l2'",
    ),
    "regularizers.l2.player=generator": (
        "several of the regularizers are 'l2'",
        "write 'regularizers.0' or 'regularizers.2'",
    ),
    "regularizers.r1.gama=5": (
        "unknown option 'gama' in regularizer 'r1'",
        "did you mean 'gamma'?",
    ),
    "metrics.distance.use=5": (
        "no 'distance' among the metrics of this recipe",
        "there are: none",
    ),
    "loss=hinge": ("expected a table [loss], got 'hinge'", "name the loss with `use`"),
}


@pytest.mark.parametrize("argument", MISTAKES)
def test_mistake_points_at_the_argument(
    complain: Callable[..., str], minimal: str, argument: str
) -> None:
    message, way_out = MISTAKES[argument]
    hint = f"  = {way_out}\n" if way_out else ""
    assert complain(minimal + REGULARIZED, argument) == (
        f"error: {message}\n  --> --set {argument}\n{hint}\n1 problem; nothing was run"
    )


def test_missing_option_of_a_table_replaced_by_an_argument_points_at_it(
    complain: Callable[..., str], minimal: str
) -> None:
    told = complain(minimal, "dataset.use=shelf")
    assert told.startswith(
        "error: missing option 'folder' in dataset 'shelf'\n  --> --set dataset.use=shelf\n"
    )


def test_missing_option_of_a_table_changed_by_an_argument_points_at_the_file(
    complain: Callable[..., str], minimal: str
) -> None:
    told = complain(minimal.replace("steps = 10", ""), "training.seed=1")
    assert "'epochs' or 'steps' in [training]\n  --> bad.toml:7:1\n" in told
