"""A run's generator as its architecture alone builds it, for exporters."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.evaluation.sampling.draws import draw_labels, draw_latents, gather_statistics
from gantool.exporting.folder import ArchitectureConfig, ExportConfig, ImageConfig
from gantool.interfaces.exporter import Trained
from gantool.registry.calling import call
from gantool.training.device.device import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.evaluation.sampling.trained import TrainedRun

TRIED = 8
"""Latents by which two generators are compared."""
TOLERANCE = 1e-4
HERE = Device(torch.device("cpu"), layout=torch.contiguous_format)


def trained_generator(run: TrainedRun) -> Trained:
    """Return a run's generator as its architecture alone builds it.

    Weights are what the regularizers made of them: of a spectrally normalized layer, the
    normalized ones. A wrapper that a regularizer has put around it is left out, if it does nothing
    to the images in evaluation. Standing statistics are gathered once and take the place of the
    running ones.

    Raises:
        UsageError: When the run has no intact checkpoint, or a regularizer changed the generator
            in a way that its weights alone do not say.
    """
    trained = HERE.place(copy.deepcopy(run.network))
    if run.batch_statistics == "standing":
        gather_statistics(trained, run.latent_dim, len(run.classes), HERE)
    trained.train(run.batch_statistics == "batch")
    network = call(run.architecture, "generator", run.image, len(run.classes))
    with torch.no_grad():
        _copy_weights(_inner(trained, network), network, run)
    network.train(trained.training).requires_grad_(requires_grad=False)
    config = config_of(run, fingerprint_of(network.state_dict()))
    made = as_trained(network, config, run.name, bounded=call(run.architecture, "is_bounded"))
    with torch.no_grad():
        inputs = made.inputs(TRIED, 0)
        again = copy.deepcopy(network)(*inputs)  # BatchNorm may count what it sees
        difference = float((trained(*inputs) - again).abs().max())
    if not difference <= TOLERANCE:
        raise _altered(run, f"its images would differ by {difference:.2g}")
    return made


class Clamped(nn.Module):
    """A generator without a bound, whose images are clamped as those of every sample are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images in [-1, 1]."""
        given = (latents,) if labels is None else (latents, labels)
        images: Tensor = self.network(*given)
        return images.clamp(-1, 1)


def as_trained(
    network: nn.Module, config: ExportConfig, name: str, *, bounded: bool = True
) -> Trained:
    """Return what an exporter is given of a network: float32, on the CPU, ready to draw."""

    def inputs(count: int, seed: int) -> tuple[Tensor, ...]:
        latents = draw_latents(seed, count, config.latent_dim)
        classes = len(config.classes)
        return (latents, draw_labels(seed, count, classes)) if classes else (latents,)

    return Trained(
        name=name,
        network=network if bounded else Clamped(network).train(network.training),
        weights=network.state_dict(),
        image=config.shape,
        latent_dim=config.latent_dim,
        classes=config.classes,
        averaged=config.weights == "ema",
        batch_statistics=config.batch_statistics,
        step=config.step,
        config=config.model_dump_json(),
        inputs=inputs,
    )


def config_of(run: TrainedRun, fingerprint: str = "") -> ExportConfig:
    """Return what is needed to build a run's generator again."""
    use = str(run.recipe.document["architecture"]["use"])
    options = run.recipe.architecture.model_dump(mode="json")
    return ExportConfig(
        architecture=ArchitectureConfig(use=use, options=options),
        image=ImageConfig.model_validate(run.image._asdict()),
        latent_dim=run.latent_dim,
        classes=run.classes,
        weights="ema" if run.averaged else "raw",
        batch_statistics="batch" if run.batch_statistics == "batch" else "running",
        step=run.step,
        fingerprint=fingerprint,
    )


def _inner(trained: nn.Module, network: nn.Module) -> nn.Module:
    """Return the architecture's own generator inside a trained one: itself, or what it wraps."""
    names = network.state_dict().keys()
    for part in trained.modules():
        if type(part) is type(network) and all(_has(part, name) for name in names):
            return part
    return trained


def _has(network: nn.Module, name: str) -> bool:
    """Whether a network has a weight or buffer of a dotted name, parametrized or not."""
    path, _, attribute = name.rpartition(".")
    try:
        return hasattr(network.get_submodule(path), attribute)
    except AttributeError:
        return False


def _copy_weights(trained: nn.Module, network: nn.Module, run: TrainedRun) -> None:
    """Give a fresh generator the weights of the trained one, parametrized ones as they are used."""
    for name, own in network.state_dict().items():
        path, _, attribute = name.rpartition(".")
        try:
            effective = getattr(trained.get_submodule(path), attribute)
            own.copy_(effective)
        except (AttributeError, RuntimeError) as error:
            raise _altered(run, f"it has no {name} of that shape") from error


def _altered(run: TrainedRun, reason: str) -> UsageError:
    names = ", ".join(regularizer.name for regularizer in run.recipe.regularizers) or "none"
    return UsageError(
        f"the generator of '{run.name}' is more than its architecture builds: {reason}",
        f"regularizers that may have changed it: {names}",
    )


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors with their names, types and shapes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {form_of(tensors[name])}\n".encode())
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def form_of(tensor: Tensor) -> str:
    """Return type and shape, as in "float32 [3, 4]"."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
