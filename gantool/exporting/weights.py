"""Weights as safetensors: data, never code."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.files.durable import written_aside
from gantool.files.plain import open_linked
from gantool.training.state.tensors import StructureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape


def write_weights(network: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a network's weights and buffers.

    Raises:
        OSError: When the file cannot be written.
    """
    from safetensors.torch import save

    tensors = {name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}
    with written_aside(path) as aside:
        aside.write_bytes(save(tensors, metadata=dict(metadata)))


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors with their names, types and shapes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {_kind(tensors[name])}\n".encode())
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_generator(
    architecture: Architecture,
    image: ImageShape,
    classes: int,
    path: Path,
    fingerprint: str = "",
) -> nn.Module:
    """Build a generator and give it the weights of a file of unknown origin.

    Nothing of the size that the options claim is allocated before the file has shown to be as
    large: the generator is built without memory first.

    Args:
        architecture: What builds it.
        image: Shape of its images.
        classes: Number of classes; 0 where it is not conditional.
        path: The file.
        fingerprint: Of its tensors, where it is known.

    Raises:
        UsageError: When the file is damaged or of another generator.
    """
    tensors = _read(path)
    try:
        with torch.device("meta"):
            outline = architecture.generator(image, classes).state_dict()
    except Exception as error:  # options made to do harm fail in any way they like
        reason = str(error).partition("\n")[0]
        raise UsageError(f"architecture '{architecture.name}' cannot be built: {reason}") from error
    if difference := _difference(outline, tensors):
        raise StructureError(f"{path} is of another generator: {difference}")
    if fingerprint and fingerprint_of(tensors) != fingerprint:
        raise UsageError(f"{path} is of another generator: its weights were changed")
    network = architecture.generator(image, classes)
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(requires_grad=False)


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with open_linked(path):  # safetensors would wait at a pipe, for ever
            return load_file(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}",
            "export the run again with --to safetensors",
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is damaged, or no safetensors: {error}") from error


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """Return the first way in which a file is not of a generator, if there is one."""
    if missing := sorted(expected.keys() - found.keys()):
        return f"{missing[0]} is missing"
    if unknown := sorted(found.keys() - expected.keys()):
        return f"{unknown[0]} is unknown"
    for name, tensor in expected.items():
        ours, theirs = _kind(tensor), _kind(found[name])
        if ours != theirs:
            return f"expected {name} to be {ours}, got {theirs}"
    return None


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
