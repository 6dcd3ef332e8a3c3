"""Another plugin that offers names of gantool's own is no obstacle to runs and shipped recipes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from gantool.data.cache import dataset_cache
from gantool.recipe.documents import plainly
from tests.cli.conftest import Gantool, Install

CLASHING = '''
from gantool import Extractor, Loss, Regularizer, hookimpl


class R1(Regularizer):
    """Another R1."""

    name = "r1"
    strength = "weight"
    weight: float = 3.0
    """Weight."""

    def discriminator_penalty(self, step):
        return self.weight * step.real_logits.square().mean()


class BCE(Loss):
    """Another BCE."""

    name = "bce"

    def discriminator(self, real, fake):
        return fake - real

    def generator(self, fake, real):
        return -fake


class RandomConv(Extractor):
    """Other features."""

    name = "random-conv"

    def load(self):
        import torch

        return torch.nn.Flatten()


@hookimpl
def gantool_components():
    return [R1, BCE, RandomConv]
'''
SCORED = """
[[regularizers]]
use = "r1"
gamma = 0.5
[[metrics]]
use = "kid"
subset_size = 4
[evaluation]
extractor = "random-conv"
count = 6
"""


@pytest.fixture
def scored(recipe: Path) -> Path:
    recipe.write_text(recipe.read_text(encoding="utf-8") + SCORED, encoding="utf-8")
    return recipe


def without_plugins(run: Path) -> None:
    """Give a run the recipe that an older gantool would have written."""
    file = run / "recipe.toml"
    text = file.read_text(encoding="utf-8")
    for plugin in ("folders", "dcgan", "losses", "gradient-penalties", "optimizers", "metrics"):
        text = text.replace(f'"{plugin}:', '"')
    assert ":" not in "".join(line for line in text.splitlines() if line.startswith("use"))
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("age", ["new", "old"])
def test_finished_runs_are_used_and_gone_on_with(
    gantool: Gantool, install: Install, scored: Path, age: str
) -> None:
    run = scored.parent / "run"
    assert gantool("run", scored, "--out", run).code == 0
    document = tomllib.loads((run / "recipe.toml").read_text(encoding="utf-8"))
    assert document["regularizers"][0]["use"] == "gradient-penalties:r1"
    assert document["evaluation"]["extractor"] == "metrics:random-conv"
    if age == "old":
        without_plugins(run)
    install("third-clash", CLASHING)
    for command in (
        ["sample", run, "--count", 1, "--out", scored.parent / "one.png"],
        ["evaluate", run],
        ["report", run],
        ["export", run, "--to", "safetensors", "--out", scored.parent / "exported"],
        ["sample", scored.parent / "exported", "--count", 1, "--out", scored.parent / "two.png"],
        ["resume", run, "--set", "training.steps=4"],
        ["resume", run, "--set", "training.steps=6", "--set", "regularizers.r1.gamma=0.5"],
    ):
        outcome = gantool(*command)
        assert outcome.code == 0, (command, outcome.stderr)
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["step"] == 6


def test_runs_of_before_and_after_are_of_one_recipe(
    gantool: Gantool, install: Install, scored: Path
) -> None:
    first, second = scored.parent / "first", scored.parent / "second"
    for seed, run in enumerate((first, second)):
        assert gantool("run", scored, "--out", run, "--set", f"training.seed={seed}").code == 0
    without_plugins(first)
    install("third-clash", CLASHING)
    compared = gantool("compare", first, second, "--json")
    assert compared.code == 0, compared.stderr
    assert [len(group["runs"]) for group in json.loads(compared.stdout)["groups"]] == [2]


def test_shipped_recipes_mean_gantools_own_and_say_so(gantool: Gantool, install: Install) -> None:
    install("third-clash", CLASHING)
    shown = gantool("show", "r3", "--json")
    assert shown.code == 0, shown.stderr
    document = json.loads(shown.stdout)["document"]
    assert [each["use"] for each in document["regularizers"]] == [
        "gradient-penalties:r1",
        "gradient-penalties:r2",
    ]
    told = gantool("validate", "r3")
    assert told.code == 0
    (line,) = [line for line in told.stderr.splitlines() if "means" in line]
    assert "recipe 'r3' means regularizer 'gradient-penalties:r1'" in line
    assert "for another, say 'third-clash:r1'" in line


def test_what_the_user_says_otherwise_holds(gantool: Gantool, install: Install) -> None:
    install("third-clash", CLASHING)
    changed = gantool("show", "r3", "--json", "--set", "regularizers.r1.use=third-clash:r1")
    assert changed.code == 0, changed.stderr
    found = json.loads(changed.stdout)
    assert found["document"]["regularizers"][0] == {"use": "third-clash:r1", "weight": 3.0}
    assert not [warning for warning in found["warnings"] if "means" in warning]


def test_a_users_own_recipe_must_say_which(
    gantool: Gantool, install: Install, scored: Path
) -> None:
    install("third-clash", CLASHING)
    outcome = gantool("validate", scored)
    assert outcome.code == 2
    assert "regularizer 'r1' is offered by several plugins" in outcome.stderr
    assert "write 'gradient-penalties:r1' or 'third-clash:r1'" in outcome.stderr
    assert "extractor 'random-conv' is offered by several plugins" in outcome.stderr


def test_names_are_short_where_that_is_clear(gantool: Gantool, install: Install) -> None:
    full = {
        "loss": {"use": "losses:bce"},
        "regularizers": [{"use": "third-clash:r1"}, {"use": "gradient-penalties:r1"}, {"use": "x"}],
        "evaluation": {"extractor": "metrics:random-conv"},
        "metrics": "no table",
    }
    install("third-clash", CLASHING)
    assert plainly(full) == {
        "loss": {"use": "bce"},
        "regularizers": [{"use": "third-clash:r1"}, {"use": "r1"}, {"use": "x"}],
        "evaluation": {"extractor": "random-conv"},
        "metrics": "no table",
    }


def test_an_export_from_before_is_of_the_same_generator(gantool: Gantool, scored: Path) -> None:
    run, folder = scored.parent / "run", scored.parent / "exported"
    assert gantool("run", scored, "--out", run).code == 0
    assert gantool("export", run, "--to", "safetensors", "--out", folder).code == 0
    config = folder / "config.json"
    text = config.read_text(encoding="utf-8")
    assert '"dcgan:dcgan"' in text
    config.write_text(text.replace('"dcgan:dcgan"', '"dcgan"'), encoding="utf-8")
    assert gantool("export", run, "--to", "html", "--out", folder).code == 0
    assert list(folder.glob("*.safetensors"))


DATASET = '''
from gantool import Dataset, hookimpl


class Artworks(Dataset):
    """Other artworks."""

    name = "artworks"

    def open(self, cache):
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "mark").touch()
        return Source()


@hookimpl
def gantool_components():
    return [Artworks]
'''


def test_datasets_of_one_name_do_not_share_a_folder(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    source = """
class Source:
    classes = ()
    def __len__(self): return 6
    def image(self, index):
        from PIL import Image
        return Image.new("RGB", (16, 16), (20 * index, 90, 20))
    def label(self, index): return None
    def name(self, index): return str(index)
    def stamp(self, index): return 1, 1
"""
    install("third-pictures", f"{source}\n{DATASET}")
    chosen = ("--set", "dataset={use='third-pictures:artworks'}")
    assert gantool("data", "prepare", recipe, *chosen).code == 0
    assert (dataset_cache("third-pictures-artworks") / "mark").is_file()
    assert not (dataset_cache("artworks") / "mark").exists()
