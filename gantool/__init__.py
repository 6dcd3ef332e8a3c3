"""gantool: a plugin-based GAN toolkit.

Importing this package imports neither torch nor pydantic: every public name is resolved when it
is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gantool.version import INTERFACE_VERSION, VERSION

if TYPE_CHECKING:
    from gantool.errors import (
        DataError,
        DivergedError,
        GantoolError,
        MissingExtraError,
        PluginError,
        RecipeError,
        UsageError,
    )
    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.component import Bears, Component, hookimpl
    from gantool.interfaces.dataset import (
        Dataset,
        ImageShape,
        ImageSource,
        ListsOtherFiles,
        OtherFiles,
        TellsChanges,
        is_image_name,
        open_image,
    )
    from gantool.interfaces.exporter import Exporter, Trained
    from gantool.interfaces.logger import Logger, RunDescription
    from gantool.interfaces.loss import Loss
    from gantool.interfaces.metric import (
        Evidence,
        EvidenceShape,
        Extractor,
        Metric,
        Rows,
        Sampler,
        Samples,
    )
    from gantool.interfaces.modules import Dropout, Frozen, NoiseSource
    from gantool.interfaces.optimizer import Optimizer, Scheduled
    from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer
    from gantool.interfaces.step import (
        DiscriminatorStep,
        Features,
        GameLosses,
        GeneratorStep,
        Player,
        Random,
        Setup,
        Snapshot,
        Step,
        Update,
    )
    from gantool.launch import load, resume, run

__version__ = VERSION
interface_version = INTERFACE_VERSION
"""Version of the interfaces: moves only when a plugin written for the one before may break."""

_MODULES = {
    "gantool.errors": (
        "DataError",
        "DivergedError",
        "GantoolError",
        "MissingExtraError",
        "PluginError",
        "RecipeError",
        "UsageError",
    ),
    "gantool.interfaces.architecture": ("Architecture",),
    "gantool.interfaces.component": ("Bears", "Component", "hookimpl"),
    "gantool.interfaces.exporter": ("Exporter", "Trained"),
    "gantool.interfaces.dataset": (
        "Dataset",
        "ImageShape",
        "ImageSource",
        "ListsOtherFiles",
        "OtherFiles",
        "TellsChanges",
        "is_image_name",
        "open_image",
    ),
    "gantool.interfaces.logger": ("Logger", "RunDescription"),
    "gantool.interfaces.loss": ("Loss",),
    "gantool.interfaces.metric": (
        "Evidence",
        "EvidenceShape",
        "Extractor",
        "Metric",
        "Rows",
        "Sampler",
        "Samples",
    ),
    "gantool.interfaces.modules": ("Dropout", "Frozen", "NoiseSource"),
    "gantool.interfaces.optimizer": ("Optimizer", "Scheduled"),
    "gantool.interfaces.regularizer": ("LazyOption", "PlayerOption", "Regularizer"),
    "gantool.interfaces.step": (
        "DiscriminatorStep",
        "Features",
        "GameLosses",
        "GeneratorStep",
        "Player",
        "Random",
        "Setup",
        "Snapshot",
        "Step",
        "Update",
    ),
    "gantool.launch": ("load", "resume", "run"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Architecture",
    "Bears",
    "Component",
    "DataError",
    "Dataset",
    "DiscriminatorStep",
    "DivergedError",
    "Dropout",
    "Evidence",
    "EvidenceShape",
    "Exporter",
    "Extractor",
    "Features",
    "Frozen",
    "GameLosses",
    "GantoolError",
    "GeneratorStep",
    "ImageShape",
    "ImageSource",
    "LazyOption",
    "ListsOtherFiles",
    "Logger",
    "Loss",
    "Metric",
    "MissingExtraError",
    "NoiseSource",
    "Optimizer",
    "OtherFiles",
    "Player",
    "PlayerOption",
    "PluginError",
    "Random",
    "RecipeError",
    "Regularizer",
    "Rows",
    "RunDescription",
    "Sampler",
    "Samples",
    "Scheduled",
    "Setup",
    "Snapshot",
    "Step",
    "TellsChanges",
    "Trained",
    "Update",
    "UsageError",
    "__version__",
    "hookimpl",
    "interface_version",
    "is_image_name",
    "load",
    "open_image",
    "resume",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'gantool' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
