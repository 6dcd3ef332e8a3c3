"""A generator leaves its run, through the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from gantool.cli.runs.export import complete_exporter
from gantool.exporting import hub
from gantool.launch import load
from tests.cli.conftest import Install


@pytest.fixture
def trained(gantool: Callable[..., Any], recipe: Path) -> Path:
    """Train the tiny recipe."""
    assert gantool("run", recipe, "--out", "runs/a", "--quiet").code == 0
    return Path("runs/a")


def test_files_are_printed_and_the_folder_loads(gantool: Callable[..., Any], trained: Path) -> None:
    outcome = gantool("export", trained, "--to", "html, safetensors")
    assert outcome.code == 0
    folder = trained / "exported"
    assert set(map(Path, outcome.stdout.splitlines())) == set(folder.iterdir())
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.md",
        "config.json",
        "files.json",
        "generator.html",
        "generator.safetensors",
        "samples.png",
    }
    assert "page with " in outcome.stderr
    images, expected = load(folder).sample(4, seed=2), load(trained).sample(4, seed=2)
    assert torch.allclose(images, expected, atol=1e-5)


def test_an_exported_folder_can_be_sampled(gantool: Callable[..., Any], trained: Path) -> None:
    assert gantool("export", trained, "--to", "safetensors", "--out", "out", "--quiet").code == 0
    outcome = gantool("sample", "out", "--classes", "--count", 3)
    assert outcome.code == 0
    assert outcome.stdout == "out/samples/drawn-step-00000002-seed-0-classes-3.png\n"
    assert gantool("sample", "out", "--checkpoint", "best").code == 2


def test_a_checkpoint_can_be_chosen(gantool: Callable[..., Any], trained: Path) -> None:
    words = ("--to", "safetensors", "--out", "out", "--quiet")
    outcome = gantool("export", trained, *words, "--checkpoint", 0)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert load("out").step == 0
    assert gantool("export", trained, *words, "--checkpoint", "best").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "pickle"), "unknown exporter 'pickle'\nhint: installed: html, onnx, safetensors"),
        (("--to", "safetensor"), "did you mean 'safetensors'?"),
        (("--to", ","), "--to takes 'html', 'onnx' or 'safetensors', got none"),
        (("--to", "html", "--set", "sliders=3"), "--set takes EXPORTER.OPTION=VALUE"),
        (("--to", "html", "--set", "html.slider=3"), "did you mean 'sliders'?"),
        (("--to", "html", "--set", "html.sliders=many"), "exporter 'html': sliders: "),
        (("--to", "html", "--set", "onnx.x=1"), "--to does not say 'onnx'\nhint: say 'html'"),
        ((), "--to"),
        (("--to", "html", "--push", "nobody"), "--push takes OWNER/NAME"),
    ],
)
def test_wrong_words_are_refused(
    gantool: Callable[..., Any], trained: Path, words: tuple[str, ...], message: str
) -> None:
    outcome = gantool("export", trained, *words)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert not (trained / "exported").exists()


def test_without_the_extra_nothing_is_written(
    gantool: Callable[..., Any], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    outcome = gantool("export", trained, "--to", "onnx,safetensors")
    assert outcome.code == 2
    assert "gantool[onnx]" in outcome.stderr
    assert not (trained / "exported").exists()


def test_publishing_prints_the_address(
    gantool: Callable[..., Any], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "push", lambda folder, name: f"https://huggingface.co/{name}")
    outcome = gantool("export", trained, "--to", "safetensors", "--push", "me/it", "--quiet")
    assert outcome.code == 0
    assert outcome.stdout.splitlines()[-1] == "https://huggingface.co/me/it"
    assert "me/it" in (trained / "exported" / "README.md").read_text()


def test_exporters_are_completed() -> None:
    assert complete_exporter("o") == ["onnx"]
    assert complete_exporter("onnx,h") == ["onnx,html"]


WRAPPING = '''
import torch

from gantool import Regularizer, hookimpl


class Coded(torch.nn.Module):
    """A generator that is given codes while it is trained."""

    def __init__(self, inner, shift):
        super().__init__()
        self.inner = inner
        self.codes = torch.nn.Linear(8, 8)
        self.shift = shift

    def forward(self, latents, labels=None):
        if self.training:
            latents = latents + self.codes(latents)
        return self.inner(latents, labels) + self.shift


class Codes(Regularizer):
    """Codes for the generator."""

    name = "codes"
    shift: float = 0.0
    """What is added to its images."""

    def prepare(self, network, player, setup):
        return Coded(network, self.shift) if player == "generator" else None


@hookimpl
def gantool_components():
    return [Codes]
'''


def test_a_wrapper_that_does_nothing_in_evaluation_is_left_out(
    gantool: Callable[..., Any], install: Install, recipe: Path
) -> None:
    install("third-codes", WRAPPING)
    run, out = recipe.parent / "run", recipe.parent / "out"
    coded = ("--set", "regularizers=[{use='codes'}]")
    assert gantool("run", recipe, *coded, "--out", run).code == 0
    forms = "safetensors,html" if find_spec("onnxruntime") is None else "safetensors,html,onnx"
    outcome = gantool("export", run, "--to", forms, "--out", out)
    assert outcome.code == 0, outcome.stderr
    images, expected = load(out).sample(4, seed=2), load(run).sample(4, seed=2)
    assert torch.allclose(images, expected, atol=1e-5)


def test_a_wrapper_that_changes_images_is_named(
    gantool: Callable[..., Any], install: Install, recipe: Path
) -> None:
    install("third-codes", WRAPPING)
    run, out = recipe.parent / "run", recipe.parent / "out"
    coded = ("--set", "regularizers=[{use='codes', shift=0.25}]")
    assert gantool("run", recipe, *coded, "--out", run).code == 0
    outcome = gantool("export", run, "--to", "safetensors", "--out", out)
    assert outcome.code == 2
    assert "is more than its architecture builds: its images would differ by 0.25" in outcome.stderr
    assert "codes" in outcome.stderr
    assert not out.exists()


def test_options_of_an_exporter_are_set(gantool: Callable[..., Any], trained: Path) -> None:
    words = ("--to", "browser:html", "--set", "html.sliders=3", "--out", "out", "--quiet")
    assert gantool("export", trained, *words).code == 0
    page = Path("out/generator.html").read_text(encoding="utf-8")
    chosen = re.search(r'"sliders":(\[[\d,]+\])', page)
    assert chosen is not None
    assert len(json.loads(chosen[1])) == 3


THIRD = '''
from gantool import Exporter, hookimpl


class Html(Exporter):
    """Another page."""

    name = "html"

    def export(self, trained, folder):
        (folder / "page.txt").write_text(trained.name)
        return "another page"


@hookimpl
def gantool_components():
    return [Html]
'''


def test_two_exporters_of_one_name_are_told_apart(
    gantool: Callable[..., Any], install: Install, recipe: Path
) -> None:
    install("third-page", THIRD)
    run, out = recipe.parent / "run", recipe.parent / "out"
    assert gantool("run", recipe, "--out", run, "--quiet").code == 0
    outcome = gantool("export", run, "--to", "html", "--out", out)
    assert outcome.code == 2
    assert "write 'browser:html' or 'third-page:html'" in outcome.stderr
    outcome = gantool("export", run, "--to", "third-page:html,safetensors", "--out", out)
    assert (outcome.code, "another page" in outcome.stderr) == (0, True)
    assert str(out / "page.txt") in outcome.stdout.splitlines()
    assert load(out).step == 2
