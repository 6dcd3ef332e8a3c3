"""`config.json`: what is needed to build an exported generator again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from gantool.errors import PluginError, UsageError
from gantool.files.plain import open_linked
from gantool.interfaces.dataset import ImageShape
from gantool.registry.calling import calling
from gantool.registry.catalog import installed
from gantool.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.interfaces.architecture import Architecture

LARGEST_BYTES = 4 << 20
"""No config is larger; a file that is, is something else."""

Side = Annotated[int, Field(ge=1, le=65536)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ImageConfig(_Strict):
    """Shape of every image."""

    channels: Literal[1, 3, 4]
    height: Side
    width: Side


class ArchitectureConfig(_Strict):
    """The architecture that a recipe would name, and its options."""

    use: str
    options: dict[str, Any]


class ExportConfig(_Strict):
    """An exported generator's `config.json`."""

    format: Literal["gantool generator"] = "gantool generator"
    version: Literal[1] = 1
    """Version of this format."""
    gantool: str = VERSION
    """Version of gantool that wrote it."""
    architecture: ArchitectureConfig
    image: ImageConfig
    latent_dim: PositiveInt
    classes: tuple[str, ...] = ()
    """Names of the classes, by label; empty where the generator is not conditional."""
    weights: Literal["ema", "raw"] = "raw"
    """Averaged over training, or those of the last step."""
    batch_statistics: Literal["running", "batch"] = "running"
    """BatchNorm statistics: those in the file, or each batch's own."""
    step: NonNegativeInt = 0
    """Steps of training."""
    fingerprint: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the weights with their names and shapes; empty where it is not known."""

    @property
    def shape(self) -> ImageShape:
        """Shape of every image."""
        return ImageShape(self.image.channels, self.image.height, self.image.width)

    def component(self) -> Architecture:
        """Return the architecture with its options.

        Raises:
            UsageError: When its plugin is not installed, or it refuses options, image or classes.
        """
        offer = installed().find("architecture", self.architecture.use, ours_first=True)
        options = json.dumps(self.architecture.options)
        try:
            component: Any = offer.component.model_validate_json(options)
            with calling(component, "check", may_raise=(ValueError,)):
                component.check(self.shape, len(self.classes))
        except ValueError as error:  # pydantic's too
            name = self.architecture.use
            raise UsageError(f"architecture '{name}' cannot be built: {_reason(error)}") from error
        architecture: Architecture = component
        if architecture.latent_dim != self.latent_dim:
            raise UsageError(
                f"latent_dim is {self.latent_dim}, the architecture's is {architecture.latent_dim}"
            )
        return architecture


def read_config(path: Path) -> ExportConfig:
    """Read `config.json`, of unknown origin.

    Raises:
        UsageError: When it cannot be read or is not one; the message names what is wrong.
    """
    try:
        with open_linked(path) as file:
            text = file.read(LARGEST_BYTES + 1)
        if len(text) > LARGEST_BYTES:
            raise UsageError(f"{path} is too large for a generator's config")
        return ExportConfig.model_validate_json(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValidationError, RecursionError) as error:
        raise UsageError(f"{path} is not a generator's config: {_reason(error)}") from error


def component_of(config: ExportConfig, path: Path) -> Architecture:
    """Return the architecture that a config names, and name the config where there is none.

    Raises:
        UsageError: When there is none.
    """
    try:
        return config.component()
    except PluginError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from error
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}") from error


def _reason(error: Exception) -> str:
    """Return the first thing that is wrong, in one line."""
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0] or type(error).__name__
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
