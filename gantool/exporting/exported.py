"""A generator that has left its run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.evaluation.sampling.generator import TrainedGenerator, refuse_non_finite
from gantool.exporting.config import ExportConfig, component_of, read_config
from gantool.exporting.weights import read_generator
from gantool.recipe.schema import DeviceTable
from gantool.text import visible
from gantool.training.device.device import open_device
from gantool.training.state.form import younger_options_named

if TYPE_CHECKING:
    from torch import nn

    from gantool.exporting.folder import ExportedFolder
    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape
    from gantool.training.device.device import Device


@dataclass(frozen=True)
class ExportedGenerator(TrainedGenerator):
    """An exported folder's generator, opened when it is first needed.

    Attributes:
        folder: The exported folder.
        device_name: What to compute with; None for a GPU if there is one.
    """

    folder: ExportedFolder
    device_name: str | None = None

    @cached_property
    def config(self) -> ExportConfig:
        """The folder's `config.json`.

        Raises:
            UsageError: When it is not one.
        """
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
        """What the config names.

        Raises:
            UsageError: When there is none.
        """
        return component_of(self.config, self.folder.config)

    @property
    def _unsaid(self) -> dict[str, Any]:
        """The architecture's options that the config does not hold, with their values."""
        said, options = self.config.architecture.options, self.architecture.model_dump(mode="json")
        return {name: options[name] for name in options.keys() - said if options[name] is not None}

    @cached_property
    def network(self) -> nn.Module:
        """The generator, on the device.

        Raises:
            UsageError: When config and weights do not make one.
        """
        with younger_options_named(self.architecture, self._unsaid, str(self.folder.config)):
            network = read_generator(
                self.architecture,
                self.image,
                len(self.classes),
                self.folder.weights,
                self.config.fingerprint,
            )
        refuse_non_finite(network, self.name, "export it again, from an earlier checkpoint")
        return self.device.place(network)
