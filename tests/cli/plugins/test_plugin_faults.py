"""Whatever a third party's component does wrong is told as that plugin's, never as gantool's."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import pytest

from tests.cli.conftest import Gantool, Install

HEAD = """
import sys
from pathlib import Path
from typing import ClassVar

import gantool
from gantool import (
    Architecture, Dataset, Extractor, ImageShape, Logger, Loss, Metric, PlayerOption, Regularizer,
    hookimpl,
)
"""
TAIL = """

@hookimpl
def gantool_components():
    return [Faulty]
"""


class Fault(NamedTuple):
    """What a component of some kind does wrong.

    Attributes:
        kind: Of the component.
        body: Of its class.
        told: What the message must say, besides component, plugin and way out.
        before: What stands before the class.
    """

    kind: str
    body: str
    told: tuple[str, ...]
    before: str = ""


def regularizer(hook: str, arguments: str, does: str, *told: str) -> Fault:
    return Fault("regularizer", f"def {hook}(self, {arguments}):\n    {does}", (hook, *told))


NETWORKS = """
latent_dim: int = 8

def check(self, image, classes):
    {check}

def generator(self, image, classes):
    import torch
    class G(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(8, 3 * 16 * 16)
        def forward(self, latents, labels=None):
            images = self.linear(latents).view(-1, 3, 16, 16).tanh()
            {generator}
    return {built}

def discriminator(self, image, classes):
    import torch
    class D(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3 * 16 * 16, 1)
        def forward(self, images, labels=None):
            logits = self.linear(images.flatten(1)).squeeze(1)
            {discriminator}
    return D()
"""


def networks(*told: str, **does: str) -> Fault:
    usual = {
        "check": "pass",
        "generator": "return images",
        "discriminator": "return logits",
        "built": "G()",
    }
    return Fault("architecture", NETWORKS.format(**(usual | does)), told)


SOURCE = """
from PIL import Image

class Source:
    classes = ("dawn", "dusk")
    def __len__(self):
        {length}
    def image(self, index):
        {image}
    def label(self, index):
        {label}
    def name(self, index):
        {name}
    def stamp(self, index):
        {stamp}
"""
OPENING = """
def open(self, cache):
    return {opened}
"""


def source(*told: str, **does: str) -> Fault:
    usual = {
        "length": "return 12",
        "image": 'return Image.new("RGB", (16, 16), (20 * index, 90, 20))',
        "label": "return index % 2",
        "name": 'return f"{index}.png"',
        "stamp": "return index, 7",
        "opened": "Source()",
    }
    usual |= does
    return Fault("dataset", OPENING.format(**usual), told, SOURCE.format(**usual))


def metric(compute: str, *told: str, more: str = "") -> Fault:
    body = f'direction = "lower"\ndef compute(self, evidence):\n    {compute}\n{more}'
    return Fault("metric", body, told)


LOSS = """
def discriminator(self, real, fake):
    {discriminator}
def generator(self, fake, real):
    {generator}
"""


def loss(*told: str, **does: str) -> Fault:
    usual = {"discriminator": "return fake - real", "generator": "return -fake"}
    return Fault("loss", LOSS.format(**(usual | does)), told)


CASES = {
    "hook-raises": regularizer(
        "discriminator_penalty", "step", "return 1 / 0", "ZeroDivisionError: division by zero"
    ),
    "hook-exits": regularizer("discriminator_penalty", "step", "sys.exit(0)", "SystemExit: 0"),
    "generator-hook-raises": regularizer(
        "generator_penalty", "step", "return step.nothing", "has no attribute 'nothing'"
    ),
    "make-state-raises": regularizer("make_state", "setup", 'raise KeyError("x")', "KeyError: 'x'"),
    "make-state-returns": regularizer("make_state", "setup", "return {}", "returned a dict"),
    "prepare-raises": regularizer(
        "prepare", "network, player, setup", "network.nothing", "AttributeError"
    ),
    "prepare-returns": regularizer(
        "prepare", "network, player, setup", "return network.parameters()", "torch.nn.Module"
    ),
    "options-are-no-table": regularizer("optimizer_options", "player", "return 3", "an int (3)"),
    "penalty-none": regularizer("discriminator_penalty", "step", "pass", "returned None"),
    "penalty-float": regularizer("generator_penalty", "step", "return 0.5", "a float (0.5)"),
    "penalty-of-each": regularizer(
        "discriminator_penalty", "step", "return step.fake_logits ** 2", "[6]", "[]"
    ),
    "penalty-elsewhere": regularizer(
        "discriminator_penalty", "step", 'return step.fake.sum().to("meta")', "meta", "cpu"
    ),
    "batch-of-one": regularizer("batch", "real, fake, step", "return real", "two tensors"),
    "batch-of-halves": regularizer(
        "batch", "real, fake, step", "return real[:3], fake", "[3, 3, 16, 16]", "[6, 3, 16, 16]"
    ),
    "latents-wrong": regularizer(
        "latents", "latents, step", "return latents[:, :4]", "[6, 4]", "[6, 8]"
    ),
    "transform-wrong": regularizer(
        "transform", "images, step", "return images[..., :8]", "[6, 3, 16, 8]", "[6, 3, 16, 16]"
    ),
    "transform-type": regularizer(
        "transform", "images, step", "return images.double()", "float64", "float32"
    ),
    "weights-column": regularizer(
        "sample_weights", "step", "return step.fake_logits.detach()[:, None] * 0 + 1", "[6, 1]"
    ),
    "after-raises": regularizer("after_update", "step", "step.state(int)", "after_update"),
    "figures-floats": regularizer("figures", "step", 'return {"p": 0.5}', "a float (0.5) as 'p'"),
    "figures-list": regularizer("figures", "step", "return [1]", "a list of 1"),
    "around-raises": regularizer("around_update", "update, step", "update(3, 4)", "TypeError"),
    "coupling-raises": Fault(
        "regularizer",
        "uses_image_gradient: ClassVar[bool] = True\n"
        "def batch_coupling(self):\n    return self.nothing",
        ("batch_coupling", "AttributeError"),
    ),
    "calls-networks-wrongly": regularizer(
        "discriminator_penalty", "step", "return step.discriminate(step.real[:, :1]).sum()", "size"
    ),
    "loss-raises": loss("discriminator", "NameError", discriminator="return reel - fake"),
    "loss-column": loss("generator", "[6, 1]", "[6]", generator="return -fake[:, None]"),
    "loss-float": loss("discriminator", "a float (1.5)", discriminator="return 1.5"),
    "loss-detached": loss("generator", "without a graph", generator="return -fake.detach()"),
    "generator-shape": networks(
        "the generator's forward",
        "[6, 3, 16, 8]",
        "[6, 3, 16, 16]",
        generator="return images[..., :8]",
    ),
    "generator-tuple": networks("a tuple of 2", generator="return images, latents"),
    "generator-raises": networks("the generator's forward", "TypeError", generator="latents()"),
    "generator-in-evaluation": networks(
        "in evaluation", "a list of", generator="return images if self.training else [images]"
    ),
    "generator-is-none": networks("generator", "returned None", built="None"),
    "generator-untrainable": networks("trainable", built="G().requires_grad_(False)"),
    "discriminator-cube": networks(
        "the discriminator's forward", "[6, 1, 1]", discriminator="return logits[:, None, None]"
    ),
    "discriminator-raises": networks("RuntimeError", discriminator="return images @ logits"),
    "check-raises": networks("check", "TypeError", check="image()"),
    "open-raises": source("open", "ZeroDivisionError", opened="1 / 0"),
    "open-returns": source("open", "an int (3)", opened="3"),
    "length-float": source("its length", "TypeError", length="return 12.0"),
    "length-wrong": source(
        "image(10)",
        "IndexError",
        length="return 14",
        image="return [Image.new('L', (4, 4))][index // 10]",
    ),
    "image-none": source("image(0)", "returned None", image="return None"),
    "image-path": source("image(0)", "a str", image="return 'a.png'"),
    "image-mistake": source("image(0)", "AttributeError", image="return self.files[index]"),
    "label-seven": source("label(0)", "an int (7)", "from 0 to 1", label="return 7"),
    "label-half": source("label(0)", "a float (0.5)", label="return 0.5"),
    "label-text": source("label(0)", "a str ('dawn')", label="return 'dawn'"),
    "label-tuple": source("label(0)", "a tuple of 1", label="return (0,)"),
    "label-raises": source("label(0)", "KeyError", label="return {}[index]"),
    "name-path": source("name(0)", "expected text", name="return Path('a')"),
    "stamp-number": source("stamp(0)", "two whole numbers", stamp="return 3"),
    "metric-float": metric("return 0.5", "compute", "a float (0.5)", "numbers by name"),
    "metric-text": metric("return {'a': 'b'}", "compute", "a str ('b') as 'a'"),
    "metric-raises": metric("return evidence.nothing", "compute", "AttributeError"),
    "metric-name": metric(
        "return {'a': 1}", "score_name", "None", more="def score_name(self, extractor):\n    pass"
    ),
    "metric-check": metric(
        "return {'a': 1}", "check", "TypeError", more="def check(self, shape):\n    shape()"
    ),
    "extractor-shape": Fault(
        "extractor",
        "def load(self):\n    import torch\n    return torch.nn.Identity()",
        ("the network's forward", "features [N, F]"),
    ),
    "extractor-raises": Fault("extractor", "def load(self):\n    return self.net", ("load", "net")),
    "extractor-none": Fault("extractor", "def load(self):\n    pass", ("load", "returned None")),
    "extractor-forward": Fault(
        "extractor",
        "def load(self):\n    import torch\n    return torch.nn.Linear(5, 5)",
        ("the network's forward", "RuntimeError"),
    ),
    "extractor-digest": Fault(
        "extractor",
        "def load(self):\n    import torch\n    return torch.nn.Flatten()\n"
        "def weights_digest(self):\n    return 3",
        ("weights_digest", "an int (3)"),
    ),
}  # fmt: skip

WITHOUT_A_LINE = {
    "generator-in-evaluation",
    "generator-untrainable",
    "open-returns",
    "length-float",
    "extractor-shape",
    "extractor-forward",
    "after-raises",
}
"""Faults that show in torch's code, or in gantool's: there is no line of the plugin to name."""


def installed_component(install: Install, name: str, fault: Fault) -> None:
    title = f'class Faulty({fault.kind.title()}):\n    """Wrong."""\n    name = "faulty"\n'
    text = f"{HEAD}\n{fault.before}\n\n{title}{indent(fault.body, '    ')}{TAIL}"
    install(name, text)


def tables(kind: str) -> list[str]:
    """Return `--set` arguments that put the faulty component into a recipe."""
    if kind in ("regularizer", "metric"):
        return [f"{kind}s=[{{use='faulty'}}]"]
    if kind == "extractor":
        return ["metrics=[{use='kid'}]", "evaluation.extractor='faulty'", "evaluation.count=6"]
    return [f"{kind}={{use='faulty'}}"]


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_as_the_plugins(
    gantool: Gantool, install: Install, recipe: Path, case: str
) -> None:
    kind, _, told, _ = CASES[case]
    installed_component(install, f"third-{case}", CASES[case])
    arguments = [part for table in tables(kind) for part in ("--set", table)]
    outcome = gantool("run", recipe, *arguments, "--out", recipe.parent / "run")
    assert outcome.code == 2, outcome.stderr
    message = " ".join(outcome.stderr.split("error:")[-1].split())
    assert f"{kind} 'faulty' of plugin 'third-{case}'" in message
    assert f"gantool check-plugin third-{case}" in message
    assert f"tell the authors of gantool-third-{case} 1.2" in message
    if case not in WITHOUT_A_LINE:
        assert f"gantool_third_{case.replace('-', '_')}.py:" in message
    for part in told:
        assert part in message
    assert "Traceback" not in outcome.stderr
    assert "bug in gantool" not in outcome.stderr


def test_an_objective_without_a_gradient_names_what_it_is_made_of(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    """By the time that gradients are computed, no line of a plugin is running."""
    body = (
        "def discriminator_penalty(self, step):\n"
        "    weight = step.network('discriminator').state_dict(keep_vars=True)\n"
        "    weight = next(w for w in weight.values() if w.requires_grad)\n"
        "    penalty = (weight ** 2).sum()\n"
        "    weight.data = weight.data.clone()\n"
        "    weight.detach().add_(1)\n"
        "    return penalty * step.fake_logits.mean()"
    )
    installed_component(install, "third-inplace", Fault("regularizer", body, ()))
    set_it = ("--set", "regularizers=[{use='faulty'}]")
    outcome = gantool("run", recipe, *set_it, "--out", recipe.parent / "run")
    assert outcome.code == 2, outcome.stderr
    message = " ".join(outcome.stderr.split("error:")[-1].split())
    assert "the discriminator's objective cannot be differentiated: RuntimeError: " in message
    assert "regularizer 'faulty' of plugin 'third-inplace'" in message
    assert "architecture 'dcgan' of plugin 'dcgan'" in message
    assert "loss 'bce' of plugin 'losses'" in message
    assert "Traceback" not in outcome.stderr


def test_a_source_that_fails_in_another_process_is_told_the_same(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    installed_component(install, "third-away", source(image="return self.files[index]"))
    outcome = gantool("data", "prepare", recipe, "--set", "dataset={use='faulty'}", "--workers", 2)
    assert outcome.code == 2, outcome.stderr
    assert "dataset 'faulty' of plugin 'third-away' failed in image(" in outcome.stderr
    assert "gantool_third_away.py:" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_debug_shows_the_plugins_traceback(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    body = "def discriminator_penalty(self, step):\n    return 1 / 0"
    installed_component(install, "third-debugged", Fault("regularizer", body, ()))
    set_it = ("--set", "regularizers=[{use='faulty'}]")
    outcome = gantool("run", recipe, *set_it, "--out", recipe.parent / "run", "--debug")
    assert outcome.code == 2
    assert "return 1 / 0" in outcome.stderr


def test_what_nobody_expected_in_a_plugins_code_is_its_own(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    body = "@classmethod\ndef summary(cls):\n    return cls.nothing"
    installed_component(install, "third-astray", Fault("regularizer", body, ()))
    outcome = gantool("list-components")
    assert outcome.code == 2, outcome.stderr
    assert "plugin 'third-astray' failed in summary" in outcome.stderr
    assert "gantool_third_astray.py:" in outcome.stderr


def test_a_plugin_that_changes_the_working_folder_scatters_nothing(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    here = Path.cwd()
    moving = source(opened="Source() if os.chdir('/') is None else 0")
    installed_component(
        install, "third-source", moving._replace(before=f"import os\n{moving.before}")
    )
    state = Fault("regularizer", "def make_state(self, setup):\n    os.chdir('/')", (), "import os")
    installed_component(install, "third-state", state)
    moved = ("--set", "dataset={use='faulty'}", "--set", "regularizers=[{use='faulty'}]")
    outcome = gantool("run", recipe, *moved, "--out", "inside")
    assert outcome.code == 0, outcome.stderr
    assert Path.cwd() == here
    assert (here / "inside" / "run.json").is_file()


def test_options_that_nobody_can_read_are_the_plugins_fault(
    gantool: Gantool, install: Install, recipe: Path
) -> None:
    option = 'source: sys.__class__ = None\n"""A module."""'
    installed_component(install, "third-odd", Fault("regularizer", option, ()))
    set_it = ("--set", "regularizers=[{use='faulty'}]")
    for words in (("describe", "regularizer/faulty"), ("validate", recipe, *set_it)):
        outcome = gantool(*words)
        assert outcome.code == 2, outcome.stderr
        assert "regularizer 'faulty' of plugin 'third-odd' failed in " in outcome.stderr
        assert "its options" in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert gantool("schema").code == 0
