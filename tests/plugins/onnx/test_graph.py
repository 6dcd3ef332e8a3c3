"""ONNX equals torch, or is not handed out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantool import GantoolError, MissingExtraError, Trained, UsageError
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.exporting.exporting import trained_generator, without_remarks
from gantool_onnx import graph
from gantool_onnx.plugin import Onnx

Wrap = Callable[..., Trained]
Train = Callable[..., TrainedRun]
HERE = r"\(.*test_graph\.py:\d+\)"


def write_graph(trained: Trained, path: Path) -> float:
    """Write ONNX as an export does."""
    with without_remarks():
        return graph.write_graph(trained, path)


def computed(path: Path, **inputs: Any) -> NDArray[np.float32]:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (images,) = session.run(None, {name: np.asarray(each) for name, each in inputs.items()})
    found: NDArray[np.float32] = images
    return found


@pytest.fixture(autouse=True)
def extra() -> None:
    """Skip without the extra."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)


@pytest.mark.parametrize("count", [1, 7])
def test_images_are_those_of_the_run(run: TrainedRun, tmp_path: Path, count: int) -> None:
    path = tmp_path / "generator.onnx"
    assert write_graph(trained_generator(run), path) <= 1e-5
    latents, labels = run.latents(count, seed=4), run.labels(count, seed=4)
    images = computed(path, latents=latents, labels=labels)
    assert images.dtype == np.float32
    assert np.abs(images - run.sample(count, seed=4).numpy()).max() <= 1e-5


def test_without_classes_there_are_no_labels(trained: Train, tmp_path: Path) -> None:
    run = trained(ema={"half_life_images": 10.0}, sampling={"batch_statistics": "standing"})
    write_graph(trained_generator(run), tmp_path / "generator.onnx")
    images = computed(tmp_path / "generator.onnx", latents=run.latents(7))
    assert np.abs(images - run.sample(7).numpy()).max() <= 1e-5


def test_a_generator_without_a_bound_is_clamped(trained: Train, tmp_path: Path) -> None:
    run = trained(architecture={"output": "none"}, optimizer={"learning_rate": 0.5})
    made = trained_generator(run)
    write_graph(made, tmp_path / "generator.onnx")
    images = computed(tmp_path / "generator.onnx", latents=run.latents(7))
    with torch.no_grad():
        assert made.network.get_submodule("network")(run.latents(7)).abs().max() > 1.01
    assert np.abs(images).max() == 1
    assert np.abs(images - run.sample(7).numpy()).max() <= 1e-5
    assert made.weights.keys() == run.network.state_dict().keys()


class Shifting(nn.Module):
    """Computes something else as soon as it is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 16)

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        images: Tensor = self.linear(latents).tanh().view(-1, 1, 4, 4)
        return images + 1e-3 if torch.compiler.is_exporting() else images


class Sorting(nn.Module):
    """Looks at the numbers before it decides what to do."""

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        return latents.view(-1, 1, 2, 2) if latents.sum() > 0 else latents.view(-1, 1, 1, 4)


def test_a_graph_that_differs_is_refused(wrap: Wrap, tmp_path: Path) -> None:
    with pytest.raises(GantoolError, match=r"differs from torch by 0\.001"):
        write_graph(wrap(Shifting(), 4, (1, 4, 4)), tmp_path / "generator.onnx")


def test_what_onnx_cannot_say_is_refused(wrap: Wrap, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be said in ONNX"):
        write_graph(wrap(Sorting(), 4, (1, 2, 2)), tmp_path / "generator.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="onnxruntime") as refused:
        Onnx().check()
    assert "gantool[onnx]" in str(refused.value.hint)


class Linear(nn.Module):
    """What the next ones have in common."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 16)


class Counting(Linear):
    """Counts its latents in Python."""

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        images: Tensor = self.linear(latents).view(len(latents), 1, 4, 4)
        return images.tanh()


class Filling(Linear):
    """Makes a tensor of a size that Python has counted."""

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        grey = torch.full((int(latents.shape[0]), 16), 0.1)
        images: Tensor = (self.linear(latents) + grey).view(-1, 1, 4, 4)
        return images.tanh()


class OneByOne(Linear):
    """Loops over its latents."""

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        images: list[Tensor] = [self.linear(each).view(1, 4, 4) for each in latents]
        return torch.stack(images).tanh()


class Exotic(Linear):
    """Uses what ONNX does not know."""

    def forward(self, latents: Tensor) -> Tensor:
        """Return images."""
        images: Tensor = self.linear(latents).view(-1, 1, 4, 4)
        found: Tensor = torch.special.bessel_j0(images)
        return found


@pytest.mark.parametrize("network", [Counting, Filling])
def test_a_batch_counted_in_python_is_a_batch_of_any_size(
    wrap: Wrap, tmp_path: Path, network: type[nn.Module]
) -> None:
    plain, path = wrap(network(), 4, (1, 4, 4)), tmp_path / "generator.onnx"
    assert write_graph(plain, path) <= 1e-5
    for count in (1, 2, 5):
        (latents,) = plain.inputs(count, 0)
        with torch.no_grad():
            expected = plain.network(latents).numpy()
        assert np.abs(computed(path, latents=latents) - expected).max() <= 1e-5


@pytest.mark.parametrize(
    ("network", "reason", "way_out"),
    [
        (
            OneByOne,
            "one by one, so that it would hold for batches of 2 only",
            "whole batch at once",
        ),
        (
            Exotic,
            r"it has no operator for torch's prims.bessel_j0 \(.*test_graph.py:",
            "others",
        ),
        (
            Sorting,
            r"depends on the numbers that it computes \(.*test_graph.py:",
            "torch.where",
        ),
    ],
)
def test_a_refusal_says_what_to_change(
    wrap: Wrap,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    network: type[nn.Module],
    reason: str,
    way_out: str,
) -> None:
    with pytest.raises(UsageError, match=f"cannot be said in ONNX: .*{reason}") as refused:
        write_graph(wrap(network(), 4, (1, 4, 4)), tmp_path / "generator.onnx")
    assert way_out in (refused.value.hint or "")
    assert "--to safetensors" in (refused.value.hint or "")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
