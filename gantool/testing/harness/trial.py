"""Short trainings with the real engine, on generated images, alone or shared between ranks."""

from __future__ import annotations

import copy
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, ProcessGroupGloo
from typing_extensions import override

from gantool.data.selection import TrainingImages
from gantool.interfaces.dataset import Dataset, ImageShape
from gantool.interfaces.loss import Loss
from gantool.interfaces.modules import Frozen
from gantool.interfaces.optimizer import Optimizer
from gantool.interfaces.regularizer import Regularizer
from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import (
    DEFAULT_OPTIMIZER,
    CoreTables,
    DeviceTable,
    ImageTable,
    Recipe,
    TrainingTable,
)
from gantool.registry.calling import refusal_of
from gantool.registry.catalog import installed
from gantool.testing.harness.networks import SmallNetworks
from gantool.testing.promises import BrokenPromise, require, require_same, with_options
from gantool.training.building import build_trainer
from gantool.training.device.device import open_device
from gantool.training.device.ranks import Ranks
from gantool.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageSource
    from gantool.training.state.form import State

BATCH_SIZE = 4
IMAGES = 12
CLASSES = 3
SQUARE = ImageShape(3, 16, 16)
SHAPES = (SQUARE, *(ImageShape(c, side, side) for side in (16, 32, 64, 128) for c in (3, 1, 4)))
LATENT_DIMS = (6, 16, 32, 64, 128, 256, 512)
PATIENCE = timedelta(seconds=60)
Result = TypeVar("Result")


class Setting(NamedTuple):
    """The images and latents of a trial.

    Attributes:
        image: Shape of the images.
        conditional: Whether with labels.
        latent_dim: Numbers in one latent.
    """

    image: ImageShape = SQUARE
    conditional: bool = False
    latent_dim: int = 6

    def refusal(self, regularizer: Regularizer) -> str | None:
        """Return why a regularizer does not support this, or None."""
        classes = CLASSES if self.conditional else 0
        return refusal_of(regularizer, self.image, classes, self.latent_dim)


PLAIN = Setting()


def setting_for(regularizer: Regularizer) -> Setting:
    """Return the plainest trial that a regularizer says it supports."""
    for conditional, dim, image in product((False, True), LATENT_DIMS, SHAPES):
        setting = Setting(image, conditional, dim)
        if (refusal := setting.refusal(regularizer)) is None:
            return setting
    message = f"`check` refuses every trial, with and without labels; the last because {refusal}"
    raise BrokenPromise(message)


class GivenImages(Dataset):
    """The dataset in a trial's recipe; its images are given as tensors."""

    name = "given"

    @override
    def open(self, cache: Path) -> ImageSource:
        raise NotImplementedError


class LogisticLoss(Loss):
    """Non-saturating loss of logits (Goodfellow et al. 2014), smooth everywhere."""

    name = "logistic"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return torch.nn.functional.softplus(-real) + torch.nn.functional.softplus(fake)  # [N]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return torch.nn.functional.softplus(-fake)  # [N]


def build_trial(
    *regularizers: Regularizer,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    setting: Setting | None = None,
    device: Mapping[str, Any] | None = None,
    ranks: Ranks | None = None,
    **training: Any,
) -> Trainer:
    """Build a trainer in float32; nothing is trained yet.

    By default it has small networks without normalization, the logistic loss, the
    optimizer of recipes that name none, and the images and latents that the first regularizer
    supports. `device` and `training` are options of a recipe.
    """
    image, conditional, latent_dim = setting or (
        setting_for(regularizers[0]) if regularizers else PLAIN
    )
    options = {"steps": 100, "batch_size": BATCH_SIZE, "conditional": conditional, **training}
    recipe = Recipe(
        name="trial",
        dataset=GivenImages(),
        architecture=with_options(architecture or SmallNetworks(), latent_dim=latent_dim),
        loss=loss or LogisticLoss(),
        regularizers=regularizers,
        metrics=(),
        loggers=(),
        extractor=None,
        optimizer=dict.fromkeys(PLAYERS, optimizer or usual_optimizer()),
        tables=CoreTables(
            training=TrainingTable(**options),
            image=ImageTable.model_validate({"size": image[1:], "channels": image.channels}),
            device=DeviceTable(**{"name": "cpu", **(device or {"precision": "float32"})}),
        ),
        document={},
        origins={},
    )
    images = _images(image, conditional=conditional)
    return build_trainer(recipe, images, open_device(recipe.tables.device), ranks)


def _images(image: ImageShape, *, conditional: bool) -> TrainingImages:
    """Return random images and, if asked for, labels."""
    chance = torch.Generator().manual_seed(0)
    size = (IMAGES, image.height, image.width, image.channels)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=chance)
    labels = torch.arange(IMAGES) % CLASSES if conditional else None
    classes = CLASSES if conditional else 0
    return TrainingImages(pixels, held_out=pixels[:0], labels=labels, classes=classes)


def usual_optimizer() -> Optimizer:
    """Return the optimizer of recipes that name none.

    Raises:
        PluginError: When the plugin that offers it is disabled or broken.
    """
    offer = installed().find("optimizer", DEFAULT_OPTIMIZER, ours_first=True)
    component = offer.component()
    assert isinstance(component, Optimizer)
    return component


def take_steps(trainer: Trainer, count: int) -> Trainer:
    """Train for some steps and return the trainer."""
    for _ in range(count):
        trainer.one_step()
    return trainer


def weights_of(trainer: Trainer) -> dict[str, Tensor]:
    """Return copies of both networks' weights and buffers, by name."""
    return {
        f"{player}.{name}": tensor.detach().clone()
        for player, competitor in trainer.game.competitors.items()
        for name, tensor in competitor.network.state_dict().items()
    }


def frozen_parts(trainer: Trainer) -> dict[str, Frozen]:
    """Return the `Frozen` parts of networks and regularizers' states, by name."""
    wholes: dict[str, nn.Module] = {p: c.network for p, c in trainer.game.competitors.items()}
    wholes |= trainer.game.regularization.states()
    return {
        f"{whole}.{name}": part
        for whole, module in wholes.items()
        for name, part in module.named_modules()
        if isinstance(part, Frozen)
    }


def require_frozen(trainer: Trainer) -> None:
    """Train for some steps; go on if `Frozen` parts stay what they are."""
    parts = frozen_parts(trainer)
    before = {name: copy.deepcopy(part.module.state_dict()) for name, part in parts.items()}
    take_steps(trainer, 2)
    for name, part in parts.items():
        awake = any(module.training for module in part.module.modules())
        require(not awake, f"the frozen '{name}' is in training mode")
        require_same(part.module.state_dict(), before[name], f"after 2 steps, the frozen '{name}'")


def saved(trainer: Trainer) -> bytes:
    """Return a trainer's whole state as the bytes of a checkpoint."""
    content = io.BytesIO()
    torch.save(trainer.state(), content)
    return content.getvalue()


def restored(content: bytes) -> State:
    """Return a state that was saved: tensors and plain data, nothing else."""
    loaded: State = torch.load(io.BytesIO(content), weights_only=True)
    return loaded


def tensors_in(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the numbers and tensors in a state, with their paths."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from tensors_in(part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from tensors_in(part, f"{path}/{index}")
    elif isinstance(value, int | float | torch.Tensor):
        yield path, torch.as_tensor(value)


def ranks_in_threads(count: int) -> list[Ranks]:
    """Return the ranks of a group, for threads of this process."""
    store = distributed.HashStore()  # type: ignore[attr-defined]

    def meet(index: int) -> Ranks:
        tensors = PrefixStore("tensors", store)
        group = ProcessGroupGloo(tensors, index, count, timeout=PATIENCE)
        return Ranks(index, count, group, PrefixStore("words", store))

    return in_threads(meet, range(count))


def in_threads(work: Callable[..., Result], *arguments: Sequence[object]) -> list[Result]:
    """Return the results of work that is done at once for each argument, as by `map`."""
    with ThreadPoolExecutor(len(arguments[0])) as pool:
        return [
            future.result()
            for future in [*(pool.submit(work, *a) for a in zip(*arguments, strict=True))]
        ]
