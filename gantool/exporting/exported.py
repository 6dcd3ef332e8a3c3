"""A generator that has left its run."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

import torch
from typing_extensions import override

from gantool.errors import UsageError
from gantool.evaluation.sampling.generator import TrainedGenerator, refuse_non_finite
from gantool.exporting.folder import read_config
from gantool.files.plain import open_linked
from gantool.recipe.schema import DeviceTable
from gantool.registry.calling import calling
from gantool.registry.catalog import installed
from gantool.text import visible
from gantool.training.device.device import open_device
from gantool.training.state.form import StructureError, younger_options_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from gantool.exporting.folder import ExportConfig, ExportedFolder
    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape
    from gantool.interfaces.exporter import Exporter
    from gantool.registry.catalog import Offer
    from gantool.training.device.device import Device


@dataclass(frozen=True)
class ExportedGenerator(TrainedGenerator):
    """An exported folder's generator, opened when it is first needed.

    Without `device_name` it computes with a GPU, if there is one.

    Raises:
        UsageError: In every property, when the folder's `config.json` is not one.
    """

    folder: ExportedFolder
    device_name: str | None = None

    @cached_property
    def config(self) -> ExportConfig:
        """The folder's `config.json`."""
        return read_config(self.folder.config)

    @property
    @override
    def name(self) -> str:
        return visible(self.folder.path.resolve().name)

    @property
    @override
    def step(self) -> int:
        return self.config.step

    @property
    @override
    def image(self) -> ImageShape:
        return self.config.shape

    @property
    @override
    def latent_dim(self) -> int:
        return self.config.latent_dim

    @property
    @override
    def classes(self) -> tuple[str, ...]:
        return self.config.classes

    @property
    @override
    def averaged(self) -> bool:
        return self.config.weights == "ema"

    @property
    @override
    def batch_statistics(self) -> str:
        return self.config.batch_statistics

    @cached_property
    def device(self) -> Device:
        """What images are drawn with, in float32."""
        return open_device(DeviceTable(name=self.device_name or "auto", precision="float32"))

    @cached_property
    def architecture(self) -> Architecture:
        """What the config names, with its options."""
        return self.config.component(self.folder.config)

    @cached_property
    def network(self) -> nn.Module:
        """The generator, on the device; a `UsageError` where config and weights make none."""
        weights, path = _read_weights(self.folder)
        said, options = self.config.architecture.options, self.architecture.model_dump(mode="json")
        unsaid = {
            name: options[name] for name in options.keys() - said if options[name] is not None
        }
        with younger_options_named(self.architecture, unsaid, str(self.folder.config)):
            network = self._built(weights, path)
        refuse_non_finite(network, self.name, "export it again, from an earlier checkpoint")
        return self.device.place(network)

    def _built(self, weights: Mapping[str, Tensor], path: Path) -> nn.Module:
        """Build the generator and give it weights of unknown origin.

        Nothing of the size that the options claim is allocated before the weights have shown to be
        as large: the generator is built without memory first.
        """
        build = partial(self.architecture.generator, self.image, len(self.classes))
        try:
            with torch.device("meta"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # weights that are read are not copied there
                outline = build().state_dict()
        except Exception as error:  # options made to do harm fail in any way they like
            reason = str(error).partition("\n")[0]
            name = self.architecture.name
            raise UsageError(f"architecture '{name}' cannot be built: {reason}") from error
        if difference := _difference(outline, weights):
            raise StructureError(f"{path} is of another generator: {difference}")
        if self.config.fingerprint and fingerprint_of(weights) != self.config.fingerprint:
            raise UsageError(f"{path} is of another generator: its weights were changed")
        network: nn.Module = build()
        network.load_state_dict(weights)
        return network.eval().requires_grad_(requires_grad=False)


def _read_weights(folder: ExportedFolder) -> tuple[Mapping[str, Tensor], Path]:
    listed = folder.listed()
    loadable = {o.full_name: o for o in installed().of_kind("exporter") if exporter_of(o).loadable}
    for form, names in listed.items():
        if offer := loadable.get(form):
            for name in names:
                _check_readable(folder.path / name, offer)
            with calling(offer.component, "load", plugin=offer.plugin):
                return exporter_of(offer).load(folder.path), folder.path / names[0]
    forms = ", ".join(listed) or "nothing"
    raise UsageError(
        f"{folder.path} cannot be read: no installed exporter loads {forms}",
        f"export the run again with --to {', '.join(o.name for o in loadable.values())}",
    )


def exporter_of(offer: Offer) -> type[Exporter]:
    """Return an offered exporter's class, by its interface."""
    return cast("type[Exporter]", offer.component)


def _check_readable(path: Path, offer: Offer) -> None:
    """Refuse a file that is missing, or no plain one; libraries wait at a pipe for ever."""
    try:
        open_linked(path).close()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}",
            f"export the run again with --to {offer.name}",
        ) from error


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """Return the first way in which weights are not of a generator, if there is one."""
    if missing := sorted(expected.keys() - found.keys()):
        return f"{missing[0]} is missing"
    if unknown := sorted(found.keys() - expected.keys()):
        return f"{unknown[0]} is unknown"
    for name, tensor in expected.items():
        ours, theirs = form_of(tensor), form_of(found[name])
        if ours != theirs:
            return f"expected {name} to be {ours}, got {theirs}"
    return None


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
