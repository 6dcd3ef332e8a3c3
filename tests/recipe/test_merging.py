from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantool.recipe.composing import merge
from gantool.recipe.source.entries import annotate, plain
from gantool.recipe.source.problems import Source

pytestmark = pytest.mark.quick

FILE = Source("a.toml", Path("/"), text="")

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "key by key": (
        {"training": {"steps": 5, "seed": 1}, "image": {"size": 64}},
        {"training": {"seed": 2}},
        {"training": {"steps": 5, "seed": 2}, "image": {"size": 64}},
    ),
    "same use": (
        {"loss": {"use": "bce", "real_target": 0.9}},
        {"loss": {"use": "bce"}},
        {"loss": {"use": "bce", "real_target": 0.9}},
    ),
    "no use": (
        {"loss": {"use": "bce", "real_target": 0.9}},
        {"loss": {"real_target": 0.8}},
        {"loss": {"use": "bce", "real_target": 0.8}},
    ),
    "another use": (
        {"loss": {"use": "bce", "real_target": 0.9}},
        {"loss": {"use": "hinge"}},
        {"loss": {"use": "hinge"}},
    ),
    "use for the first time": (
        {"dataset": {"folder": "x"}},
        {"dataset": {"use": "pictures"}},
        {"dataset": {"folder": "x", "use": "pictures"}},
    ),
    "steps replace epochs": (
        {"training": {"epochs": 220, "seed": 1}},
        {"training": {"steps": 5}},
        {"training": {"steps": 5, "seed": 1}},
    ),
    "epochs replace steps": (
        {"training": {"steps": 5}},
        {"training": {"epochs": 220}},
        {"training": {"epochs": 220}},
    ),
    "steps of another table": (
        {"ema": {"epochs": 1}},
        {"ema": {"steps": 1}},
        {"ema": {"epochs": 1, "steps": 1}},
    ),
    "arrays": (
        {"regularizers": [{"use": "a"}, {"use": "b"}], "sampling": {"at_epochs": [1, 2]}},
        {"regularizers": [{"use": "c"}], "sampling": {"at_epochs": [3]}},
        {"regularizers": [{"use": "c"}], "sampling": {"at_epochs": [3]}},
    ),
    "no array": ({"regularizers": [{"use": "a"}]}, {"regularizers": []}, {"regularizers": []}),
    "optimizer of another use": (
        {"optimizer": {"use": "adam", "eps": 1.0, "discriminator": {"eps": 2.0}}},
        {"optimizer": {"use": "sgd"}},
        {"optimizer": {"use": "sgd"}},
    ),
    "optimizer of the default use": (
        {"optimizer": {"eps": 1.0}},
        {"optimizer": {"use": "adam"}},
        {"optimizer": {"eps": 1.0, "use": "adam"}},
    ),
    "optimizer of another than the default use": (
        {"optimizer": {"eps": 1.0}},
        {"optimizer": {"use": "sgd"}},
        {"optimizer": {"use": "sgd"}},
    ),
    "player": (
        {"optimizer": {"discriminator": {"learning_rate": 1.0, "eps": 1.0}}},
        {"optimizer": {"discriminator": {"eps": 2.0}}},
        {"optimizer": {"discriminator": {"learning_rate": 1.0, "eps": 2.0}}},
    ),
    "player of another use": (
        {"optimizer": {"learning_rate": 3.0, "discriminator": {"eps": 1.0}}},
        {"optimizer": {"discriminator": {"use": "sgd"}}},
        {"optimizer": {"learning_rate": 3.0, "discriminator": {"use": "sgd"}}},
    ),
    "player of the shared use": (
        {"optimizer": {"use": "sgd", "discriminator": {"momentum": 0.5}}},
        {"optimizer": {"discriminator": {"use": "sgd", "learning_rate": 1.0}}},
        {
            "optimizer": {
                "use": "sgd",
                "discriminator": {"momentum": 0.5, "use": "sgd", "learning_rate": 1.0},
            }
        },
    ),
    "table over value": ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    "value over table": ({"a": {"b": 2}}, {"a": 1}, {"a": 1}),
}


@pytest.mark.parametrize(("below", "above", "expected"), CASES.values(), ids=CASES.keys())
def test_child_over_parent(
    below: dict[str, Any], above: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = plain(parent := annotate(below, FILE))
    assert plain(merge(parent, annotate(above, FILE))) == expected
    assert plain(parent) == before
