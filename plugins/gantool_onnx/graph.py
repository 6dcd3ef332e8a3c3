"""ONNX: the generator for every runtime that speaks it, checked against torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gantool import GantoolError
from gantool_onnx.refusals import refusal

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from gantool import Trained

TOLERANCE = 1e-5
"""Largest difference between ONNX and torch, of images in [-1, 1]."""
CHECKED = (1, 7)
"""Batch sizes of the check."""


def write_graph(trained: Trained, path: Path) -> float:
    """Write a generator as ONNX, any number of images at a time.

    Its inputs are `latents` and, where it is conditional, `labels`; its output is `images`.

    Returns:
        The largest difference from torch that was found, over batches of 1 and 7.

    Raises:
        UsageError: When the generator cannot be said in ONNX.
        GantoolError: When the file does not compute what torch computes; it is not handed out.
    """
    program = _translate(trained)
    program.model.metadata_props["gantool"] = trained.config
    program.save(path, external_data=False)
    difference = _difference(trained, path)
    if not difference <= TOLERANCE:
        raise GantoolError(
            f"the ONNX file differs from torch by {difference:.2g}, not by {TOLERANCE:.0e} at "
            "most, and was thrown away",
            "please report it with the run's recipe",
        )
    return difference


def _translate(trained: Trained) -> Any:
    """Return torch's ONNX program of a generator.

    Raises:
        UsageError: When the generator cannot be said in ONNX; the message says why.
    """
    inputs = trained.inputs(2, 0)
    shapes = tuple({0: torch.export.Dim("batch")} for _ in inputs)
    program = None
    try:
        program = _captured(trained.network, inputs, shapes)
        return torch.onnx.export(
            program,
            (),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=["latents", "labels"][: len(inputs)],
            output_names=["images"],
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # whatever a plugin's generator does that ONNX cannot say
        raise refusal(error, program) from error


def _captured(
    network: nn.Module, inputs: tuple[Tensor, ...], shapes: tuple[dict[int, Any], ...]
) -> Any:
    """Return what a network computes, for batches of any size.

    By following its tensors first; where Python's own numbers come in, as `len(latents)` does, by
    following its Python code too.
    """
    export = partial(torch.export.export, network, inputs, dynamic_shapes=shapes)
    try:
        return export(strict=False)
    except Exception as error:
        try:
            return export(strict=True)
        except Exception:
            raise error from None  # which is the shorter story


def _difference(trained: Trained, path: Path) -> float:
    """Return the largest difference between onnxruntime's images and torch's."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return _largest_difference(trained, session)
    except GantoolError:
        raise
    except Exception as error:  # the runtime has no exceptions of its own
        reason = str(error).strip().partition("\n")[0]
        raise GantoolError(
            f"onnxruntime cannot run the ONNX file, which was thrown away: {reason}",
            "please report it with the run's recipe",
        ) from error


def _largest_difference(trained: Trained, session: Any) -> float:
    """Return the largest difference between images of a session and torch's, by batch size."""
    names = [each.name for each in session.get_inputs()]
    largest = 0.0
    for count in CHECKED:
        inputs = trained.inputs(count, count)
        with torch.no_grad():
            expected = trained.network(*inputs)
        fed = {name: each.numpy() for name, each in zip(names, inputs, strict=True)}
        (images,) = session.run(None, fed)
        difference = (torch.from_numpy(images) - expected).abs().max()
        largest = max(largest, float(difference))
    return largest
