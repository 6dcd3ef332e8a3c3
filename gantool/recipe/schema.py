"""The core's own tables of a recipe, and the recipe that reading returns.

Components own their tables: their models are in the plugins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from gantool.interfaces.component import Bearing, Bears
from gantool.interfaces.dataset import ImageShape
from gantool.interfaces.optimizer import Scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import Dataset
    from gantool.interfaces.logger import Logger
    from gantool.interfaces.loss import Loss
    from gantool.interfaces.metric import Extractor, Metric
    from gantool.interfaces.optimizer import Optimizer
    from gantool.interfaces.regularizer import Regularizer
    from gantool.interfaces.step import Player

LEADING = ("extends", "requires")
"""Options that stand before the first table."""
SINGLES = ("dataset", "architecture", "loss")
"""Kinds of which a recipe names one component each, in a table of the same name."""
DEFAULT_OPTIMIZER = "adam"
"""The `use` of an `[optimizer]` that does not say it."""
LISTS: Mapping[str, str] = {
    "regularizers": "regularizer",
    "metrics": "metric",
    "loggers": "logger",
}
"""Arrays of tables that name components, and their kind."""


Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A share of a whole, never all of it."""


class Table(BaseModel):
    """A table that the core owns; each field's docstring is its documentation."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,
    )

    bears_upon: ClassVar[Bearing] = "training"
    """The bearing of options that do not say theirs with `Bears`."""


def _check_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        msg = f"expected 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps', got {name!r}"
        raise ValueError(msg)
    return name


DeviceName = Annotated[str, AfterValidator(_check_device)]
"""A device that torch may have; whether it is there is known when the run starts."""


def _check_half_life(images: Scheduled[float]) -> Scheduled[float]:
    if not images:
        msg = "expected more than 0, got 0"
        raise ValueError(msg)
    return images


HalfLife = Annotated[Scheduled[NonNegativeFloat], AfterValidator(_check_half_life)]
"""Images in which something halves; a schedule may begin or end with none."""


class ImageTable(Table):
    """The preparation of every image."""

    size: PositiveInt | tuple[PositiveInt, PositiveInt] = 64
    """Side in pixels, or [height, width]."""
    channels: Literal[1, 3, 4] = 3
    """1 for grayscale, 3 for RGB, 4 for RGB with transparency."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """Fitting of images of another shape: squashed, cut around the center, or padded."""
    resample: Annotated[
        Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"], Bears("start")
    ] = "bilinear"
    """Filter that shrinks and enlarges, by Pillow's names; "nearest" alone leaves out pixels."""
    draft: Annotated[bool, Bears("start")] = True
    """Whether a JPEG's decoder leaves out detail that the size does not need, which is faster."""
    profiles: Annotated[Literal["convert", "ignore"], Bears("start")] = "convert"
    """Whether colors are converted from a file's embedded color profile to sRGB."""
    horizontal_flip: bool = False
    """Whether half of the images, chosen anew in every batch, are mirrored."""
    held_out: Fraction = 0.0
    """Share of the images kept from training, for metrics that compare with unseen images."""

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width."""
        height, width = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        return ImageShape(self.channels, height, width)


class TrainingTable(Table):
    """The length of the training, and its portions."""

    epochs: PositiveInt | None = None
    """Passes over the images; either this or `steps`."""
    steps: PositiveInt | None = None
    """Generator updates; either this or `epochs`."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Images in the batch of one update, over all processes."""
    seed: NonNegativeInt = 0
    """Seed of every random number of the run."""
    conditional: bool = False
    """Whether both networks are given the images' labels."""
    label_sampling: Literal["data", "uniform"] = "data"
    """Labels of generated images: as frequent as in the data, or all equally frequent."""
    discriminator_updates: PositiveInt = 1
    """Discriminator updates before each generator update, each with a batch of its own."""
    reuse_fakes: bool = False
    """Whether the generator's update uses the fakes of the step's last discriminator update."""
    last_batch: Literal["drop", "keep"] = "drop"
    """Whether an epoch's last batch is left out or kept when the images do not fill it."""
    accumulate: PositiveInt = 1
    """Slices in which a batch is worked through to save memory; BatchNorm sees each by itself."""
    synchronize_batch_norm: bool = True
    """Whether BatchNorm, where several processes share a batch, is over the whole batch."""
    start_from: Annotated[Path | None, Bears("start")] = None
    """A run folder whose trained networks this run starts from, with fresh optimizers; regularizers
    that change networks, such as spectral norm, may be others."""
    log_every_steps: Annotated[PositiveInt, Bears("nothing")] = 10
    """Steps over which losses are averaged for one record."""
    on_divergence: Annotated[Literal["stop", "rollback", "ignore"], Bears("nothing")] = "stop"
    """Answer to a loss, a gradient or a weight that is NaN or infinite: stop, return to the last
    checkpoint and train on with other noise, or go on. Such a state is never saved."""
    rollbacks: Annotated[PositiveInt, Bears("nothing")] = 3
    """Rollbacks after which a run stops."""


class EmaTable(Table):
    """The exponential moving average of the generator's weights (Karras et al. 2018)."""

    half_life_images: HalfLife | None = None
    """Images after which a weight's share has halved; absent: no average is kept."""
    start_step: NonNegativeInt = 0
    """Steps before which the average simply follows the weights."""
    ramp_up: PositiveFloat | None = None
    """Half-life early in training, as a share of the images seen so far (Karras et al. 2020). Those
    of the step just made are among them; stylegan2-ada-pytorch counts those before it."""


class SamplingTable(Table):
    """Pictures drawn from the generator during training."""

    bears_upon: ClassVar[Bearing] = "nothing"

    weights: Literal["ema", "raw"] | None = None
    """Averaged or raw weights; by default the average where the run keeps one."""
    batch_statistics: Literal["running", "standing", "batch"] = "running"
    """BatchNorm statistics: those of training, new ones over many fakes, or each batch's own."""
    count: PositiveInt = 64
    """Images in a sample grid."""
    every_steps: PositiveInt | None = None
    """Steps between two grids. Without `every_steps` and `every_epochs`, some 25 grids are spread
    over the run, and a few more drawn at its beginning."""
    every_epochs: PositiveInt | None = None
    """Epochs between two grids."""
    at_epochs: tuple[PositiveInt, ...] | None = None
    """Further epochs after which a grid is drawn. The last step always gets one."""


class CheckpointsTable(Table):
    """Saving the run: how often, and what is kept."""

    bears_upon: ClassVar[Bearing] = "nothing"

    every_seconds: PositiveFloat | None = 60.0
    """Longest time between two checkpoints."""
    every_steps: PositiveInt | None = None
    """Steps between two checkpoints, besides those by time."""
    keep_last: PositiveInt = 3
    """Newest checkpoints that are kept."""
    keep_every_steps: PositiveInt | None = None
    """Checkpoints at multiples of this many steps are kept for good."""


class EvaluationTable(Table):
    """Computing the recipe's metrics during training."""

    bears_upon: ClassVar[Bearing] = "nothing"

    every_epochs: PositiveInt | None = None
    """Epochs between two evaluations; absent: only at the end, if the recipe names metrics."""
    extractor: str | None = None
    """Name of the extractor whose features are compared; absent: the pixels themselves."""
    count: Annotated[int, Field(ge=2)] = 10_000
    """Generated images that are scored."""
    seed: NonNegativeInt = 0
    """Seed of the latents of the images that are scored."""


class HealthTable(Table):
    """Runs that go on and lead nowhere."""

    bears_upon: ClassVar[Bearing] = "nothing"

    policy: Literal["warn", "stop", "off"] = "warn"
    """Answer to a discriminator that has won, to generated images that are all alike, and to a
    standstill: say so; save and stop as well; or do not look."""


class DeviceTable(Table):
    """The device of the run, and its arithmetic."""

    bears_upon: ClassVar[Bearing] = "bits"

    name: DeviceName = "auto"
    """"auto", "cpu", "cuda", "cuda:1", "mps"; "auto" takes a GPU if there is one."""
    precision: Annotated[Literal["auto", "float32", "bf16", "float64"], Bears("training")] = "auto"
    """Arithmetic of the networks; "auto" is bf16 autocast on CUDA and float32 elsewhere. Losses,
    gradients in images, averages and optimizers are never in bf16; on CUDA, convolutions and
    products of float32 are TF32."""
    layout: Literal["auto", "contiguous", "channels_last"] = "auto"
    """Memory order of images and weights; "auto" is channels_last, the faster one."""
    graph: Literal["auto", "on", "off"] = "auto"
    """Whether CUDA records a step once and replays it; "auto" does if one process trains alone."""
    resident: Literal["auto", "on", "off"] = "auto"
    """Whether the images are kept on the device; "auto" if they take a quarter of its memory."""
    compile: bool = False
    """Whether torch.compile first translates the networks' forward and backward passes and the
    gradients in images that penalties take. It takes half a minute; on two CPU cores neither a
    DCGAN's step nor one with WGAN-GP was faster for it."""
    deterministic: bool = False
    """Whether CUDA must give the same bits every time, at some cost in speed."""


class CoreTables(Table):
    """All tables that the core owns, optimizers aside: their options depend on `use`."""

    extends: Annotated[str | None, Bears("nothing")] = None
    """The recipe that this one builds on: a file beside it, or a shipped recipe's name."""
    requires: Annotated[tuple[str, ...], Bears("nothing")] = ()
    """Plugin packages this recipe needs, as in "gantool-wgan-gp>=0.1"."""
    image: ImageTable = Field(default_factory=ImageTable)
    training: TrainingTable = Field(default_factory=TrainingTable)
    ema: EmaTable = Field(default_factory=EmaTable)
    sampling: SamplingTable = Field(default_factory=SamplingTable)
    checkpoints: CheckpointsTable = Field(default_factory=CheckpointsTable)
    evaluation: EvaluationTable = Field(default_factory=EvaluationTable)
    health: HealthTable = Field(default_factory=HealthTable)
    device: DeviceTable = Field(default_factory=DeviceTable)


CORE_TABLES: Mapping[str, type[Table]] = {
    name: field.annotation
    for name, field in CoreTables.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Table)
}
"""The core's tables by name, optimizers aside."""


@dataclass(frozen=True)
class Recipe:
    """A validated recipe: components built, values checked, paths absolute.

    Attributes:
        name: The file's name without its suffix.
        document: The resolved recipe as plain data; written as TOML, it runs as it is.
        origins: For each value's path in the document, where it was said, as in "base.toml:12:1",
            "--set training.steps=20" or "default".
        warnings: What is allowed and probably unwise, one sentence each.
        files: The recipe's file and those it extends, in this order.
    """

    name: str
    dataset: Dataset
    architecture: Architecture
    loss: Loss
    regularizers: tuple[Regularizer, ...]
    metrics: tuple[Metric, ...]
    loggers: tuple[Logger, ...]
    extractor: Extractor | None
    optimizer: Mapping[Player, Optimizer]
    tables: CoreTables
    document: Mapping[str, Any]
    origins: Mapping[tuple[str | int, ...], str]
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
