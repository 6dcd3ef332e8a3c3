"""Small players in float64, and single updates on images that a test chooses."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from typing_extensions import override

from gantool import Architecture, Dataset, ImageShape, ImageSource, Loss, Player, Regularizer
from gantool.data.rows import Rows
from gantool.data.selection import TrainingImages
from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import OPTIMIZERS, CoreTables, Recipe
from gantool.training import state
from gantool.training.building import build_trainer
from gantool.training.device import open_device
from gantool.training.step import Seen, UpdateStep
from gantool.training.trainer import Trainer
from gantool_losses.plugin import BCE

if TYPE_CHECKING:
    from pathlib import Path

torch.set_num_threads(1)

Build = Callable[[], Trainer]
Bits = dict[str, bytes]


class Unopened(Dataset):
    """Stands in a recipe whose images are given as tensors."""

    name = "unopened"

    @override
    def open(self, cache: Path) -> ImageSource:
        raise AssertionError(cache)


class SmallGenerator(nn.Module):
    """Two linear layers with a curve between them and one behind."""

    def __init__(self, image: ImageShape, latent_dim: int, classes: int) -> None:
        super().__init__()
        self.image, self.classes = image, classes
        self.hidden = nn.Linear(latent_dim + classes, 5)
        self.out = nn.Linear(5, image.channels * image.height * image.width)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        inputs = _beside(latents, labels, self.classes)
        images: Tensor = self.out(self.hidden(inputs).tanh()).tanh().view(-1, *self.image)
        return images


class SmallDiscriminator(nn.Module):
    """Blocks of linear layers and a linear head; without blocks it is D(x) = w x + b."""

    def __init__(self, image: ImageShape, depth: int, classes: int) -> None:
        super().__init__()
        sizes = [image.channels * image.height * image.width] + [5] * depth
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.blocks = nn.ModuleList(nn.Sequential(layer, nn.Tanh()) for layer in layers)
        self.to_logit, self.classes = nn.Linear(sizes[-1] + classes, 1), classes

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        values = images.flatten(1)
        for block in self.blocks:
            values = block(values)
        return values

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.to_logit(_beside(features, labels, self.classes)).squeeze(1)
        return logits

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.features(images, labels), labels)


def _beside(values: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    if labels is None:
        return values
    return torch.cat([values, nn.functional.one_hot(labels, classes).to(values)], 1)


class Small(Architecture):
    """Players small enough to follow by hand; the discriminator is linear by default."""

    name = "small"

    latent_dim: PositiveInt = 3
    """Numbers in one latent."""
    depth: Literal[0, 1, 2] = 0
    """Blocks of the discriminator."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        del image, classes

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return SmallGenerator(image, self.latent_dim, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return SmallDiscriminator(image, self.depth, classes)


def build(
    *regularizers: Regularizer,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    optimizer: Mapping[str, Any] | None = None,
    classes: int = 0,
    count: int = 24,
    **tables: Mapping[str, Any],
) -> Trainer:
    """Return a trainer in float64 on random images; keyword arguments are tables of a recipe."""
    defaults: dict[str, Any] = {
        "image": {"size": [4, 6]},
        "training": {"steps": 8, "batch_size": 8, "conditional": bool(classes)},
        "device": {"name": "cpu", "precision": "float64"},
    }
    merged = {name: {**defaults.get(name, {}), **tables.get(name, {})} for name in defaults}
    core = CoreTables.model_validate_json(json.dumps({**tables, **merged}))
    table = {"use": "sgd", "learning_rate": 0.1, **(optimizer or {})}
    recipe = Recipe(
        name="test",
        dataset=Unopened(),
        architecture=architecture or Small(),
        loss=loss or BCE(),
        regularizers=regularizers,
        metrics=(),
        loggers=(),
        extractor=None,
        optimizer={
            player: OPTIMIZERS[table["use"]].model_validate_json(json.dumps(table))
            for player in PLAYERS
        },
        tables=core,
        document={},
        origins={},
    )
    shape, source = core.image.shape, torch.Generator().manual_seed(count)
    size = (count, shape.height, shape.width, shape.channels)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=source)
    labels = torch.arange(count) % classes if classes else None
    images = TrainingImages(pixels, held_out=pixels[:0], labels=labels, classes=classes)
    return build_trainer(recipe, images, open_device(core.device))


class Bench:
    """Single hooks of a trainer's first regularizer, on images that the test chooses."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.game = trainer.game
        self.active = trainer.game.regularization.active[0]

    def images(self, count: int = 8, seed: int = 0) -> Tensor:
        """Return random images [N, C, H, W] in [-1, 1]."""
        source = torch.Generator().manual_seed(seed)
        shape = (count, *self.game.setup.image)
        return 2 * torch.rand(shape, generator=source, dtype=torch.float64) - 1

    def step(self, hook: str, player: Player = "discriminator", **seen: Tensor) -> UpdateStep:
        """Return the step of the first update as the regularizer sees it, with what was seen."""
        self.game.streams.begin(0, player, 0, 0, "")
        known = Seen(**seen)  # type: ignore[arg-type]
        count = len(next(iter(seen.values())))
        known.fake = self.images(count, 1) if known.fake is None else known.fake
        known.real = self.images(count, 2) if known.real is None else known.real
        known.real_logits = self.logits(known.real, known.real_labels)
        known.fake_logits = self.logits(known.fake, known.fake_labels)
        step = UpdateStep(self.game, player, Rows(0, count, count), known)
        return step.for_(self.active, hook)

    def logits(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the discriminator's logits [N], on copies of its buffers."""
        return self.game.probe("discriminator", images, labels)

    def penalty(self, player: Player = "discriminator", **seen: Tensor) -> Tensor:
        """Return a player's penalty, a scalar."""
        if player == "generator":
            seen = {**seen, "fake": self.game.probe("generator", seen["latents"], None)}
        hook = f"{player}_penalty"
        penalty: Tensor = getattr(self.active.component, hook)(self.step(hook, player, **seen))
        assert penalty.dim() == 0
        return penalty

    def transform(self, images: Tensor, player: Player = "discriminator") -> Tensor:
        """Return what the regularizer shows the discriminator of images."""
        step = self.step("transform real", player, real=images, fake=images)
        return self.active.component.transform(images, step)

    def slope_error(self, player: Player = "discriminator", **seen: Tensor) -> float:
        """Return how far a penalty's gradient in the player's weights is from a difference.

        Relative, along a random direction; central differences are exact to about 1e-9.
        """
        weights = self.game.competitors[player].parameters
        source = torch.Generator().manual_seed(7)
        way = [torch.randn(w.shape, generator=source, dtype=w.dtype) for w in weights]
        value = self.penalty(player, **seen)
        slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
        slope = sum((g * v).sum().item() for g, v in zip(slopes, way, strict=True))
        values = []
        for move in (1e-5, -2e-5, 1e-5):
            with torch.no_grad():
                for weight, direction in zip(weights, way, strict=True):
                    weight.add_(move * direction)
            values.append(self.penalty(player, **seen).item())
        assert slope
        return abs((values[0] - values[1]) / 2e-5 / slope - 1)


def bits_of(trainer: Trainer) -> Bits:
    """Return everything a trainer would save, as bytes by path."""
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


def continues(make: Build, steps: int = 3) -> bool:
    """Return whether n steps, a checkpoint and n steps in another process equal 2n, bitwise."""
    whole, first, second = make(), make(), make()
    saved = io.BytesIO()
    for _ in range(steps):
        first.one_step()
    torch.save(state.gather(first.game, first.average, first.totals, first.step), saved)
    saved.seek(0)
    second.restore(torch.load(saved, weights_only=True))
    for _ in range(steps):
        second.one_step()
    for _ in range(2 * steps):
        whole.one_step()
    return bits_of(whole) == bits_of(second) != bits_of(first)


def gradients(make: Build, player: Player, updates: int) -> list[Tensor]:
    """Return a player's gradient, flat, in each of its updates; at a rate of 0 weights stay."""
    trainer, seen = make(), []
    competitor = trainer.game.competitors[player]

    def note(*_: object) -> None:
        parts = [0 * p if p.grad is None else p.grad for p in competitor.parameters]
        seen.append(torch.cat([part.flatten() for part in parts]).clone())

    competitor.optimizer.register_step_pre_hook(note)
    while len(seen) < updates:
        trainer.one_step()
    return copy.copy(seen)


@pytest.fixture(name="build")
def build_fixture() -> Callable[..., Trainer]:
    """Return what builds a trainer in float64 around small players."""
    return build


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Return what puts a regularizer on a bench: `bench(R1(), ...)`."""
    return lambda *regularizers, **options: Bench(build(*regularizers, **options))


@pytest.fixture
def small() -> type[Small]:
    """Return the small architecture."""
    return Small


@pytest.fixture(name="continues")
def continues_fixture() -> Callable[..., bool]:
    """Return what tells whether an interrupted run equals an uninterrupted one."""
    return continues


@pytest.fixture(name="gradients")
def gradients_fixture() -> Callable[..., list[Tensor]]:
    """Return what collects gradients while weights stay as they are."""
    return gradients


@pytest.fixture(name="bits_of")
def bits_fixture() -> Callable[[Trainer], Bits]:
    """Return what lists everything a trainer would save."""
    return bits_of
