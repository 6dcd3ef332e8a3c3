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

from gantool.errors import GantoolError, MissingExtraError, UsageError
from gantool.evaluation.trained import TrainedRun
from gantool.exporting.onnx_graph import write_graph
from gantool.exporting.plain import PlainGenerator, plain_generator

Wrap = Callable[..., PlainGenerator]
Train = Callable[..., TrainedRun]


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
    assert write_graph(plain_generator(run), path) <= 1e-5
    latents, labels = run.latents(count, seed=4), run.labels(count, seed=4)
    images = computed(path, latents=latents, labels=labels)
    assert images.dtype == np.float32
    assert np.abs(images - run.sample(count, seed=4).numpy()).max() <= 1e-5


def test_without_classes_there_are_no_labels(trained: Train, tmp_path: Path) -> None:
    run = trained(ema={"half_life_images": 10.0}, sampling={"batch_statistics": "standing"})
    write_graph(plain_generator(run), tmp_path / "generator.onnx")
    images = computed(tmp_path / "generator.onnx", latents=run.latents(7))
    assert np.abs(images - run.sample(7).numpy()).max() <= 1e-5


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


def test_a_graph_that_differs_is_thrown_away(wrap: Wrap, tmp_path: Path) -> None:
    with pytest.raises(GantoolError, match=r"differs from torch by 0\.001"):
        write_graph(wrap(Shifting(), 4, (1, 4, 4)), tmp_path / "generator.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_onnx_cannot_say_is_refused(wrap: Wrap, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be said in ONNX"):
        write_graph(wrap(Sorting(), 4, (1, 2, 2)), tmp_path / "generator.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_message_names_it(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="onnxruntime") as refused:
        write_graph(plain_generator(run), tmp_path / "generator.onnx")
    assert "gantool[onnx]" in str(refused.value.hint)
