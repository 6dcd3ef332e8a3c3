"""A third party's networks with frozen parts are trained, resumed, sampled and exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from gantool.launch import load

if TYPE_CHECKING:
    from tests.cli.conftest import Gantool, Install

SOURCE = '''
from __future__ import annotations

from pathlib import Path

from gantool import Component, Frozen, hookimpl
from gantool.testing.harness.networks import SmallDiscriminator, SmallGenerator, SmallNetworks
import torch
from torch import nn


class Finishing(SmallGenerator):
    def __init__(self, file, *arguments):
        super().__init__(*arguments)
        self.finish = Frozen(pretrained(file))
        self.project = Frozen(nn.Conv2d(3, 3, 1), saved=True)

    def forward(self, latents, labels=None):
        return self.finish(self.project(super().forward(latents, labels)))


def pretrained(file):
    layers = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh())
    layers.load_state_dict(torch.load(file, weights_only=True))
    return layers


class Pretrained(SmallNetworks):
    """Networks with parts that were trained elsewhere."""

    name = "pretrained"

    file: Path
    """Weights of those parts."""

    def generator(self, image, classes):
        return Finishing(self.file, image, self.latent_dim, classes, self.norm)


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Pretrained]
'''


def write_weights(seed: int) -> None:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh())
    torch.save(layers.state_dict(), "weights.pt")


@pytest.fixture
def trained(gantool: Gantool, install: Install, recipe: Path) -> Path:
    """Train two steps of a generator whose last layers are frozen."""
    install("third-frozen", SOURCE)
    write_weights(0)
    file = str(Path("weights.pt").absolute())
    text = recipe.read_text().replace("width = 4", f'file = "{file}"')
    recipe.write_text(text.replace('"dcgan"', '"pretrained"'))
    outcome = gantool("run", recipe, "--out", "runs/a", "--quiet")
    assert outcome.code == 0, outcome.stderr
    return Path("runs/a")


def test_a_run_goes_on_with_the_weights_it_began_with_alone(
    gantool: Gantool, trained: Path
) -> None:
    state = torch.load(trained / "checkpoints/step-00000002/state.pt", weights_only=True)
    names = {name for name in state["networks"]["generator"] if name.startswith(("finish", "proj"))}
    assert names == {"finish.sha256", "project.weight", "project.bias"}
    assert gantool("resume", trained, "--steps", 3, "--quiet").code == 0
    write_weights(1)
    for command in (("resume", trained, "--steps", 4), ("sample", trained)):
        outcome = gantool(*command)
        assert outcome.code == 2
        assert "weights of 'finish' are others than those trained with: SHA-256" in outcome.stderr
    write_weights(0)
    assert gantool("sample", trained, "--count", 2).code == 0


def test_an_export_holds_drawn_weights_and_the_hash_of_those_that_are_read(
    gantool: Gantool, trained: Path
) -> None:
    outcome = gantool("export", trained, "--to", "safetensors", "--out", "out", "--quiet")
    assert outcome.code == 0, outcome.stderr
    tensors = load_file("out/generator.safetensors")
    names = {name for name in tensors if name.startswith(("finish", "proj"))}
    assert names == {"finish.sha256", "project.weight", "project.bias"}
    images, expected = load("out").sample(4, seed=2), load(trained).sample(4, seed=2)
    assert torch.allclose(images, expected, atol=1e-5)
    write_weights(1)
    outcome = gantool("sample", "out")
    assert outcome.code == 2
    assert "weights of 'finish' are others than those trained with" in outcome.stderr


def test_onnx_and_a_page_hold_all_weights(gantool: Gantool, trained: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    outcome = gantool("export", trained, "--to", "onnx,html", "--out", "out")
    assert outcome.code == 0, outcome.stderr
    Path("weights.pt").rename("gone.pt")
    run = load(trained)
    session = onnxruntime.InferenceSession("out/generator.onnx")
    labels = run.labels(4)
    assert labels is not None
    inputs = {"latents": run.latents(4).numpy(), "labels": labels.numpy()}
    (images,) = session.run(None, inputs)
    Path("gone.pt").rename("weights.pt")
    assert torch.allclose(torch.from_numpy(images), run.sample(4), atol=1e-5)
    trained_weights = sum(each.numel() for each in run.network.parameters())
    frozen_weights = (3 * 3 * 9 + 3) + (3 * 3 + 3)
    assert f"page with {trained_weights + frozen_weights:,} weights" in outcome.stderr
