"""Everything that changes how the two players are trained, short of the loss itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PositiveInt

from gantool.interfaces.component import Component
from gantool.interfaces.step import Player

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from gantool.interfaces.dataset import ImageShape
    from gantool.interfaces.step import DiscriminatorStep, GeneratorStep, Setup, Step, Update


class Regularizer(Component):
    """A change to training. Override what you need; the engine never calls the rest."""

    kind: ClassVar[str] = "regularizer"

    strength: ClassVar[str | None] = None
    """The option whose 0 means off; the regularizer is then left out altogether."""
    needs_labels: ClassVar[bool] = False
    """Whether it needs a conditional run, as an auxiliary classifier does."""
    needs_real_in_generator: ClassVar[bool] = False
    """Whether a generator update needs real images and their logits, as feature matching does."""
    needs_both_graphs: ClassVar[bool] = False
    """Whether neither player may be frozen or detached, as for consensus optimization."""
    needs_features: ClassVar[bool] = False
    """Whether it looks at `step.real_features` or `step.fake_features`, as auxiliary heads do."""
    trained_by: ClassVar[Player | Literal["both"] | None] = None
    """Who trains the parameters of its state: one player's optimizer, or both players' in turn. By
    default that of the `player` option or, without one, the discriminator's."""
    uses_image_gradient: ClassVar[bool] = False
    """Whether it takes gradients of single images' logits, which BatchNorm would mix."""
    couples_batch: ClassVar[bool | Literal["slices"]] = False
    """Whether what it does depends on which images are worked on together: those of a slice, where
    a recipe says `accumulate`, and of one process's share. "slices" says that only slices matter,
    because means over processes are taken by `step.average`."""
    capturable: ClassVar[bool] = True
    """Whether an update may be recorded once and replayed; `around_update` never is."""

    # Before training.

    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        """Refuse images, a number of classes or latents that it cannot work with; by default none.

        Must not import torch: `gantool validate` calls it.

        Args:
            image: Shape of every image.
            classes: Number of classes of a conditional run, else 0. In a recipe whose images have
                not been opened yet, 2 stands for any number of them.
            latent_dim: Numbers in one latent.

        Raises:
            ValueError: When unsupported; the message names what is supported.
        """
        del image, classes, latent_dim

    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> nn.Module | None:
        """Change a network in place, or return a wrapper to train instead; called once a player.

        A wrapper offers what the wrapped network offers: a discriminator's `blocks`, `features`
        and `head`, a generator's `mapping` and `synthesis` where it has them.
        """
        del network, player, setup
        return None

    def optimizer_options(self, player: Player) -> Mapping[str, Any]:
        """Return options for a player's optimizer, such as `{"weight_decay": 0.005}`.

        Raises:
            PluginError: By the engine, when the optimizer has none such, or somebody else sets it.
        """
        del player
        return {}

    def make_state(self, setup: Setup) -> nn.Module | None:
        """Return what this regularizer remembers between updates, or None.

        Its buffers and parameters move to the device, are saved and resumed. Its parameters are
        trained as `trained_by` says.
        """
        del setup
        return None

    def batch_coupling(self) -> str | None:
        """Say how to keep the discriminator from mixing the images of a batch, if this makes it.

        As `Architecture.batch_coupling`, for what `prepare` makes of a discriminator that mixes
        none. None where each logit still depends on one image.
        """
        return None

    # Inside an update, in this order.

    def latents(self, latents: Tensor, step: Step) -> Tensor:
        """Return the latents to use instead, [N, latent_dim]."""
        del step
        return latents

    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        """Return the real and the generated images to use instead, both [N, C, H, W].

        Called in discriminator updates only.
        """
        del step
        return real, fake

    def transform(self, images: Tensor, step: Step) -> Tensor:
        """Return the images that the discriminator sees, [N, C, H, W]; differentiable twice.

        Gradient penalties are led back through it, for which it is called again with the same
        draws: what it returns follows from the images, the draws and the state, which it leaves
        alone.
        """
        del step
        return images

    def sample_weights(self, step: Step) -> Tensor | None:
        """Return a weight for each image's term, [N] with mean 1, or None for equal ones."""
        del step
        return None

    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        """Return what the discriminator minimizes besides its loss, a scalar."""
        return step.fake_logits.new_zeros(())

    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        """Return what the generator minimizes besides its loss, a scalar."""
        return step.fake_logits.new_zeros(())

    # Around an update.

    def after_update(self, step: Step) -> None:
        """Look at, or change, weights and state when the optimizer has done its work."""

    def figures(self, step: Step) -> Mapping[str, Tensor]:
        """Return what else of an update is worth a curve: scalars by name, none by default.

        Called after `after_update`, without gradients. The record holds their means over a log
        interval as "COMPONENT/NAME". The names are the same in each update of a player, the values
        the same on all ranks (see `step.average`), and copies where the state itself holds them:
        they are read when the step is over.
        """
        del step
        return {}

    def around_update(self, update: Update, step: Step) -> None:
        """Replace an update; `update()` performs it."""
        del step
        update()


class PlayerOption(Regularizer):
    """Adds the option `player`: the hooks named there are called for that player alone.

    They are `prepare`, `optimizer_options`, the penalty, `after_update`, `figures` and
    `around_update`.
    """

    player: Player = "discriminator"
    """The network it applies to: "discriminator" or "generator"."""


class LazyOption(Regularizer):
    """Adds the option `every_steps`: a penalty applied now and then, and then the more strongly.

    The engine calls the penalties in one of `every_steps` updates of their player and multiplies
    them by `every_steps`, within the same optimizer step (Karras et al. 2020, appendix B).
    """

    every_steps: PositiveInt = 1
    """Updates of its player from one application to the next; 1 applies it always."""
