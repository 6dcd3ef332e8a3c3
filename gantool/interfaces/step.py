"""What a regularizer sees of an update: images, logits, the networks, and random numbers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gantool.interfaces.dataset import ImageShape

Player = Literal["generator", "discriminator"]
PLAYERS: tuple[Player, Player] = ("discriminator", "generator")
"""Both players, in the order of their updates."""

Features: TypeAlias = "Tensor | tuple[Tensor, ...]"
"""What a discriminator's `features` returns, whose first dimension counts images."""

State = TypeVar("State", bound="nn.Module")


@dataclass(frozen=True)
class Setup:
    """What is known before the first step.

    Attributes:
        image: Shape of every image.
        classes: Number of classes of a conditional run, else 0.
        latent_dim: Numbers in one latent.
        batch_size: Images in the batch of one update, over all ranks.
        steps: Steps of the whole run; a step ends with one generator update.
        discriminator_updates: Discriminator updates in a step.
        device: Where the networks are.
        dtype: Floating-point type of weights.
    """

    image: ImageShape
    classes: int
    latent_dim: int
    batch_size: int
    steps: int
    discriminator_updates: int
    device: torch.device
    dtype: torch.dtype


class GameLosses(NamedTuple):
    """Both players' losses at the present weights, differentiable in both (scalars)."""

    discriminator: Tensor
    generator: Tensor


class Random(Protocol):
    """Random numbers of this component in this update, on the device.

    Each draw depends on the seed, the component, the step, the update and the place of use, and
    on nothing else. A first dimension equal to the number of images in `step.fake` is drawn for
    the batch of all ranks, of which this rank gets its rows; any other shape is drawn whole, and
    is the same on every rank.
    """

    def normal(self, *shape: int) -> Tensor:
        """Draw from N(0, 1)."""

    def uniform(self, *shape: int) -> Tensor:
        """Draw from U[0, 1)."""

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Draw whole numbers from [low, high), int64."""


class Snapshot(AbstractContextManager["Snapshot"]):
    """A player's weights, buffers and optimizer as they were; leaving the context restores them."""

    def restore(self) -> None:
        """Put them back now."""
        raise TypeError("a snapshot is made by step.snapshot(player)")


class Update(Protocol):
    """One optimizer step of one player, inside `Regularizer.around_update`."""

    def __call__(self, player: Player | None = None) -> None:
        """Compute gradients and apply them: this update's, or another of the named player.

        Repeated calls reuse the images of the step and draw no new batch.
        """

    def gradients(self) -> None:
        """Compute this update's gradients and leave them in `.grad`."""

    def apply(self) -> None:
        """Let the optimizer use the gradients."""


class Step(Protocol):
    """One update of one player, as its regularizers see it."""

    @property
    def player(self) -> Player:
        """Whose update this is."""

    @property
    def real(self) -> Tensor:
        """Real images, [N, C, H, W] in [-1, 1].

        Raises:
            PluginError: In a generator update unless something active in the run declares
                `needs_real_in_generator` or `needs_both_graphs`.
        """

    @property
    def fake(self) -> Tensor:
        """Generated images, [N, C, H, W] in [-1, 1]; detached in a discriminator update."""

    @property
    def real_labels(self) -> Tensor | None:
        """Labels of the real images, int64 [N]; None unless conditional."""

    @property
    def fake_labels(self) -> Tensor | None:
        """Labels of the generated images, int64 [N]; None unless conditional."""

    @property
    def latents(self) -> Tensor:
        """Latents of the generated images, [N, latent_dim]."""

    @property
    def real_logits(self) -> Tensor:
        """Logits of the real images, [N] or [N, K]; available as `real` is."""

    @property
    def fake_logits(self) -> Tensor:
        """Logits of the generated images, [N] or [N, K]."""

    @property
    def real_features(self) -> Features:
        """Features of the real images as the discriminator is shown them; available as `real` is.

        They are those that `real_logits` come from, with the update's graph, and cost no forward
        pass of their own.

        Raises:
            PluginError: Unless the regularizer declares `needs_features`.
        """

    @property
    def fake_features(self) -> Features:
        """Features of the generated images, likewise."""

    @property
    def number(self) -> Tensor:
        """Steps completed before this one, a 0-dim int64 tensor on the device."""

    @property
    def progress(self) -> Tensor:
        """Share of the run that is completed, a 0-dim tensor in [0, 1) on the device."""

    @property
    def random(self) -> Random:
        """This component's random numbers."""

    def constant(self, value: float) -> Tensor:
        """Return a number as a 0-dim tensor on the device, of the weights' type."""

    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        """Return the discriminator's logits, [N] or [N, K], on copies of its buffers.

        Args:
            images: [N, C, H, W] in [-1, 1].
            labels: int64 [N], in a conditional run.
            transformed: Whether the regularizers' `transform` is applied first, by new draws at
                each call: another view of the images. Those of the views that the discriminator is
                trained on are `real_logits` and `fake_logits`.
        """

    def features(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        """Return the discriminator's features before its head, on copies of its buffers.

        A tuple of tensors where they are one. Those of the update's own images are there already:
        `real_features`, `fake_features`.

        Args:
            images: [N, C, H, W] in [-1, 1].
            labels: int64 [N], in a conditional run.
            transformed: Whether they are those of what the discriminator is shown of the images,
                as `transform` tells, and not those of the images themselves.
        """

    def transform(self, images: Tensor, *, like: Tensor | None = None) -> Tensor:
        """Return what the discriminator is shown of images, [N, C, H, W], differentiable.

        Of `step.real` and `step.fake` that is what it is trained on in this update. Other images
        are changed by draws of their own, new at each call; so are these two in `batch`,
        `after_update` and `around_update`, while the discriminator is not at work.

        Args:
            images: [N, C, H, W] in [-1, 1].
            like: `step.real` or `step.fake`, if the images are to be changed by their draws.

        Raises:
            PluginError: When `like` is neither of the two.
        """

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return generated images [N, C, H, W], differentiable, on copies of the buffers."""

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what the generator's mapping makes of latents, differentiable.

        The latents themselves where the generator does not split itself.
        """

    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the images [N, C, H, W] of what `mapping` returned, on copies of the buffers."""

    def image_gradient(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        """Return the gradient of the summed logits in the images, [N, C, H, W], differentiable.

        Of several logits an image, it is that of their sum.
        Taken in full precision, once an update for the same images: those who ask again share it.

        Args:
            images: [N, C, H, W] in [-1, 1].
            labels: int64 [N], in a conditional run.
            transformed: Whether it is that of D(T(x)) in x, through what regularizers `transform`
                (Karras et al. 2020): by the draws that the discriminator is shown of `step.real`
                and `step.fake`, by draws of their own for other images. Otherwise that of D(x).
        """

    def network(self, player: Player) -> nn.Module:
        """Return a player's network itself; calling it would advance its buffers."""

    def game_losses(self) -> GameLosses:
        """Return both players' losses, differentiable in the weights of both.

        Needs `needs_both_graphs = True` on the regularizer that asks.
        """

    def snapshot(self, player: Player) -> Snapshot:
        """Copy a player's weights, buffers and optimizer, to be restored later."""

    def state(self, kind: type[State]) -> State:
        """Return this component's own state, the module that its `make_state` returned."""

    def average(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all ranks; with one process, the tensor itself."""


class DiscriminatorStep(Step, Protocol):
    """A discriminator update: `real` and `real_logits` are there, `fake` is detached."""


class GeneratorStep(Step, Protocol):
    """A generator update: `fake` carries the generator's graph."""
