"""An update at one moment: its objective, its gradients against differences, players on paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from typing_extensions import override

from gantool.data.batches import Rows
from gantool.interfaces.architecture import Architecture
from gantool.testing.harness.watching import PENALTY_HOOKS, watched
from gantool.testing.promises import require
from gantool.training.step.objective import generate, objective
from gantool.training.step.view import Seen, UpdateStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gantool.interfaces.dataset import ImageShape
    from gantool.interfaces.regularizer import Regularizer
    from gantool.interfaces.step import Player
    from gantool.training.trainer import Trainer

NUMBER, PROGRESS = 5000, 0.5
"""Steps completed, and the share of the run that they are: past every usual warm-up."""
DIRECTIONS = 3
"""Random directions in which gradients are tried."""
STEP_SIZES = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Longer ones almost surely cross a kink of a wide network of ReLUs."""
TOLERANCE = 1e-4
FAINTEST = 1e-3
"""Gradients down to this share of the largest one count as much as it does."""
ROUNDING = 1e-14
"""Share of a value by which float64 may miss it."""


def unchanged(images: Tensor) -> Tensor:
    """Return images as they are."""
    return images


@dataclass
class Moment:
    """An update of a player on the first batch: the same draws, weights and buffers each time.

    Gradients of a value have to be taken before the next one is computed.

    Attributes:
        trainer: Networks, regularizers, images; it has to stay at its first step.
        player: Whose update.
        step: The update as it was evaluated last.
    """

    trainer: Trainer
    player: Player
    step: UpdateStep = field(init=False)
    _buffers: list[tuple[Tensor, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self.step = UpdateStep(self.trainer.game, self.player, self._rows, Seen())
        self._buffers = [(buffer, buffer.clone()) for buffer in self._live_buffers()]

    def objective(
        self,
        *,
        updates_done: int = 0,
        real: Callable[[Tensor], Tensor] = unchanged,
        fake: Callable[[Tensor], Tensor] = unchanged,
    ) -> Tensor:
        """Return the player's objective, a scalar.

        Args:
            updates_done: Updates of this player before this one.
            real: Makes other real images of those there are.
            fake: Makes other generated images of those there are.
        """
        game = self.trainer.game
        self._start_over()
        graph = self.player == "generator" or game.regularization.need_both_graphs
        batch = game.real_batch(0, 0)
        with game.only_trains(self.player):
            generate(self.step, with_graph=graph)
            self.step.seen.fake = fake(self.step.fake)
            batch = batch._replace(images=real(batch.images))
            return objective(self.step, batch, updates_done)[0]

    def gradients(self, value: Tensor) -> list[Tensor]:
        """Return the gradients of a scalar in the player's weights; zeros where there are none."""
        return gradients_of(value, self.weights)

    @property
    def weights(self) -> tuple[nn.Parameter, ...]:
        """The weights that the player's optimizer trains."""
        return self.trainer.game.competitors[self.player].parameters

    @property
    def _rows(self) -> Rows:
        size = self.trainer.game.batches.size
        return Rows(0, size, size)

    def _start_over(self) -> None:
        """Set buffers, clock and draws back."""
        game = self.trainer.game
        with torch.no_grad():
            for buffer, value in self._buffers:
                buffer.copy_(value)
        game.number.fill_(NUMBER)
        game.progress.fill_(PROGRESS)
        game.streams.begin(0, "moment", self.player)
        self.step = UpdateStep(game, self.player, self._rows, Seen())

    def _live_buffers(self) -> Iterator[Tensor]:
        game = self.trainer.game
        networks = [competitor.network for competitor in game.competitors.values()]
        for module in (*networks, *game.regularization.states().values()):
            yield from module.buffers()


class Penalties:
    """Catches penalties, with their graphs, as the engine asks for them."""

    def __init__(self) -> None:
        self.values: list[Tensor] = []

    def of(self, component: Regularizer, **declared: Any) -> Regularizer:
        """Return a stand-in for a regularizer whose penalties are caught."""
        return watched(component, self._catch, *PENALTY_HOOKS, **declared)

    def _catch(self, hook: Callable[[UpdateStep], Tensor], step: UpdateStep) -> Tensor:
        penalty = hook(step)
        self.values.append(penalty)
        return penalty

    def at(self, moment: Moment, **images: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the penalty at a moment; the arguments are those of `Moment.objective`."""
        self.values.clear()
        moment.objective(**images)  # type: ignore[arg-type]
        return self.values[0]


def random_direction(tensors: Iterable[Tensor], seed: int) -> list[Tensor]:
    """Draw a direction in the space of some tensors."""
    chance = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, generator=chance, dtype=t.dtype) for t in tensors]


def weighted(outputs: Tensor) -> Tensor:
    """Return a sum in which every output counts, and each differently."""
    (weights,) = random_direction([outputs], 0)
    return (outputs * weights).sum()


def gradients_of(value: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients of a scalar in some weights; zeros where there are none."""
    if not value.requires_grad:
        return [torch.zeros_like(weight) for weight in weights]
    return list(torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True))


def require_right_gradients(
    value: Callable[[], Tensor],
    tensors: Iterable[Tensor],
    gradients: Iterable[Tensor],
    what: str,
) -> None:
    """Go on if gradients agree with differences, along one of some random directions.

    A wrong gradient disagrees along all of them: each moves every number. A right one disagrees
    only where a kink lies between the two ends of a difference, so that shorter ones are tried.

    Args:
        value: Computes a scalar, in float64, from the tensors as they are; they end as they began.
        tensors: The tensors that it depends on.
        gradients: Its gradients in each of them.
        what: Name of the value.
    """
    moved, found = list(tensors), list(gradients)
    scales = _scales(found)
    size = math.hypot(*(scale * float(g.norm()) for scale, g in zip(scales, found, strict=True)))
    for seed in range(DIRECTIONS):
        along = [scale * d for scale, d in zip(scales, random_direction(moved, seed), strict=True)]
        slope = sum(float((g * d).sum()) for g, d in zip(found, along, strict=True))
        for step in STEP_SIZES:
            upper, lower = _values_beside(value, moved, along, step)
            difference = (upper - lower) / (2 * step)
            allowed = TOLERANCE * (size + abs(difference)) + ROUNDING * abs(upper) / step
            if abs(slope - difference) <= allowed:
                return
    finding = f"the slope of {what} is {slope:.6g}, and {difference:.6g} by differences"
    require(False, finding)


def _scales(gradients: Iterable[Tensor]) -> list[float]:
    """Return how far to move each tensor, so that none drowns the others out."""
    sizes = [float(gradient.norm()) for gradient in gradients]
    faintest = FAINTEST * max(sizes)
    return [faintest / max(size, faintest) if faintest else 1.0 for size in sizes]


def _values_beside(
    value: Callable[[], Tensor], tensors: Sequence[Tensor], direction: Sequence[Tensor], step: float
) -> tuple[float, float]:
    """Return a value on either side of the tensors, which end as they began."""
    kept = [tensor.detach().clone() for tensor in tensors]
    values = []
    for distance in (step, -step):
        _put(tensors, [k + distance * d for k, d in zip(kept, direction, strict=True)])
        values.append(float(value().detach()))
    _put(tensors, kept)
    return values[0], values[1]


@torch.no_grad()
def _put(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


class LinearGenerator(nn.Module):
    """G(z) = A z."""

    def __init__(self, image: ImageShape, latent_dim: int) -> None:
        super().__init__()
        self.image = image
        self.to_image = nn.Linear(latent_dim, image.channels * image.height * image.width, False)

    def forward(self, latents: Tensor) -> Tensor:
        """Return images [N, C, H, W]."""
        images: Tensor = self.to_image(latents).view(-1, *self.image)
        return images


class QuadraticDiscriminator(nn.Module):
    """D(x) = <w, x> + <c, x^2> / 2 + b; its features are the images' own values."""

    curvature: Tensor

    def __init__(self, image: ImageShape) -> None:
        super().__init__()
        size = image.channels * image.height * image.width
        self.blocks = nn.ModuleList()
        self.to_logit = nn.Linear(size, 1)
        nn.init.normal_(self.to_logit.weight, 0.0, 0.1)  # a norm above 1: 2.8 for 16x16 in color
        self.register_buffer("curvature", 0.05 * torch.randn(size))

    def features(self, images: Tensor) -> Tensor:
        """Return the values of images, [N, C * H * W]."""
        return images.flatten(1)

    def head(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features."""
        logits: Tensor = self.to_logit(features).squeeze(1)
        return logits + features.square() @ self.curvature / 2

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N] of images."""
        return self.head(self.features(images))


class QuadraticNetworks(Architecture):
    """A linear generator and a quadratic discriminator, on which penalties have closed forms."""

    name = "quadratic"

    latent_dim: PositiveInt = 6
    """Numbers in one latent."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        if classes:
            msg = "only networks without classes are supported"
            raise ValueError(msg)

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return LinearGenerator(image, self.latent_dim)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return QuadraticDiscriminator(image)
