"""Small players, trainers without files, and plain games that share no code with the engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pytest
import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from typing_extensions import override

from gantool import Architecture, Dataset, ImageShape, ImageSource, Loss, Player, Regularizer
from gantool.data.selection import TrainingImages
from gantool.recipe.schema import OPTIMIZERS, CoreTables, OptimizerTable, Recipe
from gantool.training.building import build_trainer
from gantool.training.device import open_device
from gantool.training.trainer import Trainer
from gantool_dcgan.plugin import DCGAN
from gantool_losses.plugin import BCE

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.training.parallel import Ranks

torch.set_num_threads(1)

GRAYSCALE = {"image": {"size": 2, "channels": 1}}


class Unopened(Dataset):
    """Stands in a recipe whose images are given as tensors."""

    name = "unopened"

    @override
    def open(self, cache: Path) -> ImageSource:
        raise AssertionError(cache)


class PlainGenerator(nn.Module):
    """Two linear layers: nothing in it mixes the images of a batch."""

    def __init__(self, image: ImageShape, latent_dim: int, width: int, classes: int) -> None:
        super().__init__()
        self.image = image
        self.hidden = nn.Linear(latent_dim + classes, width)
        self.out = nn.Linear(width, image.channels * image.height * image.width)
        self.classes = classes
        self.labels_given: list[Tensor] = []

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            self.labels_given.append(labels.clone())
            latents = torch.cat([latents, one_hot(labels, self.classes, latents)], 1)
        hidden = self.hidden(latents).tanh()
        images: Tensor = self.out(hidden).tanh().view(-1, *self.image)
        return images


class PlainDiscriminator(nn.Module):
    """Blocks of linear layers and a linear head; without blocks it is D(x) = w x + b."""

    def __init__(self, image: ImageShape, width: int, depth: int, classes: int) -> None:
        super().__init__()
        sizes = [image.channels * image.height * image.width] + [width] * depth
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.blocks = nn.ModuleList(nn.Sequential(layer, nn.Tanh()) for layer in layers)
        self.to_logit = nn.Linear(sizes[-1] + classes, 1)
        self.classes = classes
        self.labels_given: list[Tensor] = []

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        del labels
        values = images.flatten(1)
        for block in self.blocks:
            values = block(values)
        return values

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            self.labels_given.append(labels.clone())
            features = torch.cat([features, one_hot(labels, self.classes, features)], 1)
        logits: Tensor = self.to_logit(features).squeeze(1)
        return logits

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.features(images, labels), labels)


class Plain(Architecture):
    """Players without normalization, small enough to differentiate by hand."""

    name = "plain"

    latent_dim: PositiveInt = 3
    """Numbers in one latent."""
    width: PositiveInt = 5
    """Hidden units."""
    depth: Literal[0, 1, 2] = 1
    """Blocks of the discriminator."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        del image, classes

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return PlainGenerator(image, self.latent_dim, self.width, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return PlainDiscriminator(image, self.width, self.depth, classes)


def one_hot(labels: Tensor, classes: int, like: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, classes).to(like.dtype)


class Train(Protocol):
    """Builds a trainer; every argument has a default."""

    def __call__(
        self,
        *regularizers: Regularizer,
        architecture: Architecture | None = None,
        loss: Loss | None = None,
        optimizer: Mapping[str, Any] | None = None,
        discriminator_optimizer: Mapping[str, Any] | None = None,
        count: int = 24,
        classes: int = 0,
        ranks: Ranks | None = None,
        **tables: Mapping[str, Any],
    ) -> Trainer: ...


def optimizer_table(values: Mapping[str, Any]) -> OptimizerTable:
    model = OPTIMIZERS[values.get("use", "adam")]
    return model.model_validate_json(json.dumps(values))


def _trainer(
    *regularizers: Regularizer,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    optimizer: Mapping[str, Any] | None = None,
    discriminator_optimizer: Mapping[str, Any] | None = None,
    count: int = 24,
    classes: int = 0,
    ranks: Ranks | None = None,
    **tables: Mapping[str, Any],
) -> Trainer:
    training = {"steps": 8, "batch_size": 8, **tables.pop("training", {})}
    image = {"size": 16, **tables.pop("image", {})}
    core = CoreTables.model_validate_json(
        json.dumps({"training": training, "image": image, **tables})
    )
    generators = dict(optimizer or {})
    players: dict[Player, OptimizerTable] = {
        "generator": optimizer_table(generators),
        "discriminator": optimizer_table(discriminator_optimizer or generators),
    }
    recipe = Recipe(
        name="test",
        dataset=Unopened(),
        architecture=architecture or DCGAN(width=8, latent_dim=10),
        loss=loss or BCE(),
        regularizers=regularizers,
        metrics=(),
        loggers=(),
        extractor=None,
        optimizer=players,
        tables=core,
        document={},
        origins={},
    )
    shape = core.image.shape
    source = torch.Generator().manual_seed(count)
    size = (count, shape.height, shape.width, shape.channels)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=source)
    labels = torch.arange(count) % classes if classes else None
    images = TrainingImages(pixels, held_out=pixels[:0], labels=labels, classes=classes)
    return build_trainer(recipe, images, open_device(core.device), ranks)


@pytest.fixture
def train() -> Train:
    return _trainer


@pytest.fixture
def plain() -> Callable[..., Architecture]:
    return Plain


@pytest.fixture
def train_plain() -> Train:
    """Return trainers of small linear players in float64 under SGD: 2x2 grayscale images."""

    def build(*regularizers: Regularizer, **options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "architecture": Plain(),
            "optimizer": {"use": "sgd", "learning_rate": 0.5},
            "image": GRAYSCALE["image"],
            "device": {"precision": "float64"},
        }
        return _trainer(*regularizers, **{**defaults, **options})

    return build


def _bits(trainer: Trainer) -> dict[str, bytes]:
    from gantool.training import state

    gathered = state.gather(trainer.game, trainer.average, trainer.totals, trainer.step)
    return dict(_leaves("", gathered))


def _leaves(path: str, value: object) -> list[tuple[str, bytes]]:
    if isinstance(value, Tensor):
        return [(path, value.detach().contiguous().numpy().tobytes())]
    if isinstance(value, Mapping):
        return [leaf for key, part in value.items() for leaf in _leaves(f"{path}/{key}", part)]
    if isinstance(value, list):
        parts = enumerate(value)
        return [leaf for index, part in parts for leaf in _leaves(f"{path}/{index}", part)]
    return [(path, repr(value).encode())]


@pytest.fixture
def bits() -> Callable[[Trainer], dict[str, bytes]]:
    """Return everything a trainer would save, as bytes by path: equal means bitwise equal."""
    return _bits


@pytest.fixture
def weights() -> Callable[[Trainer], dict[str, bytes]]:
    """Return the bytes of networks, optimizers and average: what a bystander must not change."""

    def of(trainer: Trainer) -> dict[str, bytes]:
        parts = ("/networks", "/optimizers", "/average")
        return {path: value for path, value in _bits(trainer).items() if path.startswith(parts)}

    return of


class PlainGame:
    """Plain SGD on copies of a trainer's first networks, and a record of what the engine fed them.

    Attributes:
        latents: Inputs of the engine's generator, in order, calls on copied buffers included.
        shown: Inputs of its discriminator, likewise.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.g: Any = copy.deepcopy(trainer.game.network("generator"))
        self.d: Any = copy.deepcopy(trainer.game.network("discriminator"))
        self.latents: list[Tensor] = []
        self.shown: list[Tensor] = []
        inputs_of: dict[Player, list[Tensor]] = {
            "generator": self.latents,
            "discriminator": self.shown,
        }
        for player, inputs in inputs_of.items():
            trainer.game.network(player).register_forward_pre_hook(
                lambda _, given, inputs=inputs: inputs.append(given[0].detach().clone())
            )

    def real(self, number: int) -> Tensor:
        """Return the real images of the run's batch `number`."""
        batches = self._trainer.game.batches
        assert isinstance(batches.images, Tensor)
        pixels = batches.images[batches.indices(number)].permute(0, 3, 1, 2)
        return (pixels.to(self._trainer.game.device.dtype) / 255 - 0.5) / 0.5

    def d_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -log D(x) - log(1 - D(G(z))), averaged."""
        log_real, log_fake = self.d(real).sigmoid().log(), (1 - self.d(fake).sigmoid()).log()
        loss: Tensor = -(log_real.mean() + log_fake.mean())
        return loss

    def g_loss(self, fake: Tensor) -> Tensor:
        """Return -log D(G(z)), averaged."""
        loss: Tensor = -self.d(fake).sigmoid().log().mean()
        return loss

    def descend(self, network: nn.Module, loss: Tensor, rate: float = 0.5) -> None:
        """Take one step of plain gradient descent."""
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(rate * gradient)

    def distance(self) -> float:
        """Return the largest difference between our weights and the engine's."""
        pairs: list[tuple[nn.Module, Player]]
        pairs = [(self.g, "generator"), (self.d, "discriminator")]
        return max(
            float((ours - theirs).detach().abs().max())
            for network, player in pairs
            for ours, theirs in zip(
                network.parameters(), self._trainer.game.network(player).parameters(), strict=True
            )
        )


@pytest.fixture
def follow() -> Callable[[Trainer], PlainGame]:
    """Return what sets up a plain game beside a trainer that has not begun."""
    return PlainGame
