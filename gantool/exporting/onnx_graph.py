"""ONNX: the generator for every runtime that speaks it, checked against torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import GantoolError, MissingExtraError, UsageError
from gantool.exporting.remarks import without_remarks
from gantool.files.durable import written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.exporting.plain import PlainGenerator

TOLERANCE = 1e-5
"""Largest difference between ONNX and torch, of images in [-1, 1]."""
CHECKED = (1, 7)
"""Batch sizes of the check."""


def write_graph(plain: PlainGenerator, path: Path) -> float:
    """Write a generator as ONNX, any number of images at a time.

    Its inputs are `latents` and, where it is conditional, `labels`; its output is `images`.

    Returns:
        The largest difference from torch that was found, over batches of 1 and 7.

    Raises:
        MissingExtraError: When the extra `onnx` is not installed.
        UsageError: When the generator cannot be said in ONNX.
        GantoolError: When the file does not compute what torch computes; it is not handed out.
    """
    check_extra()
    plain.check_single("onnx")
    program = _translate(plain)
    with written_aside(path) as aside:
        program.model.metadata_props["gantool"] = plain.config.model_dump_json()
        program.save(aside, external_data=False)
        difference = _difference(plain, aside)
        if not difference <= TOLERANCE:
            raise GantoolError(
                f"the ONNX file differs from torch by {difference:.2g}, not by {TOLERANCE:.0e} at "
                "most, and was thrown away",
                "please report it with the run's recipe",
            )
    return difference


def check_extra() -> None:
    """Refuse to begin without the packages that ONNX needs.

    Raises:
        MissingExtraError: When one is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"ONNX needs a package that is not installed: {error.name}",
            'pip install "gantool[onnx]"',
        ) from error


def _translate(plain: PlainGenerator) -> Any:
    """Return torch's ONNX program of a generator."""
    inputs = plain.inputs(2)
    batch = torch.export.Dim("batch")
    try:
        with without_remarks():
            return torch.onnx.export(
                plain.network,
                inputs,
                dynamo=True,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                input_names=["latents", "labels"][: len(inputs)],
                output_names=["images"],
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # whatever a plugin's generator does that ONNX cannot say
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"the generator cannot be said in ONNX: {reason}") from error


def _difference(plain: PlainGenerator, path: Path) -> float:
    """Return the largest difference between onnxruntime's images and torch's."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    largest = 0.0
    for count in CHECKED:
        inputs = plain.inputs(count, seed=count)
        with torch.no_grad():
            expected = plain.network(*inputs)
        fed = {name: each.numpy() for name, each in zip(names, inputs, strict=True)}
        (images,) = session.run(None, fed)
        difference = (torch.from_numpy(images) - expected).abs().max()
        largest = max(largest, float(difference))
    return largest
