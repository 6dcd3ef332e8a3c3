"""Promises of regularizers about the hooks that they implement, penalties aside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gantool.interfaces.step import PLAYERS
from gantool.testing.harness.moments import (
    Moment,
    random_direction,
    require_right_gradients,
    weighted,
)
from gantool.testing.harness.networks import MOVING, StyleNetworks
from gantool.testing.harness.operations import Overheard
from gantool.testing.harness.trial import BATCH_SIZE, build_trial, take_steps, weights_of
from gantool.testing.harness.watching import (
    BEFORE_THE_OPTIMIZER,
    INSIDE_UPDATES,
    hook_promise,
    overrides,
    regularizer_promise,
    watched,
)
from gantool.testing.promises import require, require_finite, require_same, require_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.interfaces.regularizer import Regularizer
    from gantool.training.step.view import UpdateStep
    from gantool.training.trainer import Trainer

Hook = Callable[..., Any]

TOLERANCE = 1e-4


@hook_promise("latents")
def returns_latents(returned: Tensor, latents: Tensor, step: UpdateStep) -> None:
    """`latents` returns as many finite latents of the same size, which are not all alike."""
    require_shape(returned, tuple(latents.shape), "what `latents` returns")
    require_finite(returned, "what `latents` returns")
    alike = len(returned) > 1 and bool((returned == returned[:1]).all())
    require(not alike, "`latents` returns the same latent for every image")


@hook_promise("batch")
def returns_a_batch(
    returned: tuple[Tensor, Tensor], real: Tensor, fake: Tensor, step: UpdateStep
) -> None:
    """`batch` returns as many real and as many generated images of the same shape."""
    for images, what in zip(returned, ("real", "generated"), strict=True):
        require_shape(images, tuple(real.shape), f"the {what} images that `batch` returns")


@hook_promise("sample_weights")
def weighs_to_a_mean_of_one(weights: Tensor | None, step: UpdateStep) -> None:
    """`sample_weights` returns None, or weights [N] that are not negative and have mean 1."""
    if weights is not None:
        require_shape(weights, (len(step.fake),), "sample weights")
        smallest, mean = float(weights.min()), float(weights.mean())
        require(smallest >= 0, f"a sample weight is {smallest:.3g}")
        require(abs(mean - 1) < TOLERANCE, f"the mean of the sample weights is {mean:.6g}")


@regularizer_promise(overrides("around_update"))
def updates_its_player(component: Regularizer) -> None:
    """Around an update, the update itself is made: the player's weights move."""
    trainer = build_trial(component)
    before = weights_of(trainer)
    after = weights_of(take_steps(trainer, 1))
    for player in PLAYERS:
        weights = dict(trainer.game.network(player).named_parameters())
        names = [f"{player}.{name}" for name in weights]
        moved = any(not torch.equal(before[name], after[name]) for name in names)
        require(moved, f"a step leaves the {player} as it was")


@regularizer_promise(overrides(*BEFORE_THE_OPTIMIZER))
def moves_nothing_inside_updates(component: Regularizer) -> None:
    """Before the optimizer's step, no weight and no buffer of either network moves by its hooks."""
    for architecture in MOVING:
        trainers: list[Trainer] = []

        def check(hook: Hook, *arguments: Any, built: list[Trainer] = trainers) -> Any:
            before = weights_of(built[0])
            returned = hook(*arguments)
            require_same(weights_of(built[0]), before, f"after `{_name(hook)}`")
            return returned

        spied = watched(component, check, *BEFORE_THE_OPTIMIZER)
        trainers.append(build_trial(spied, architecture=architecture))
        take_steps(trainers[0], 2)


@regularizer_promise(overrides("figures"))
def tells_scalars(component: Regularizer) -> None:
    """`figures` returns finite scalars of their own, under the same names each time."""
    trainer = build_trial(component)
    (active,) = trainer.game.regularization.active
    state = active.state.state_dict() if active.state is not None else {}
    kept = {value.untyped_storage().data_ptr() for value in state.values()}
    for player in PLAYERS:
        moment = Moment(trainer, player)
        names = []
        for _ in range(2):
            moment.objective()
            with torch.no_grad():
                figures = component.figures(moment.step.for_(active, "figures"))
            for name, value in figures.items():
                require_shape(value, (), f"the figure '{name}'")
                require_finite(value, f"the figure '{name}'")
                require(not value.requires_grad, f"the figure '{name}' holds on to a graph")
                shared = value.untyped_storage().data_ptr() in kept
                require(not shared, f"the figure '{name}' is the state's own, not a copy")
            names.append(sorted(figures))
        require(names[0] == names[1], f"its figures are {names[0]}, and then {names[1]}")


@regularizer_promise(overrides("prepare"))
def says_whether_it_couples_images(component: Regularizer) -> None:
    """With it, logits depend on other images exactly where `batch_coupling` says so."""
    trainer = take_steps(build_trial(component), 2)  # what it adds may be 0 at first
    batch = trainer.game.real_batch(0, 0)
    images = batch.images.clone().requires_grad_()
    logits = trainer.game.probe("discriminator", images, batch.labels)  # [N] or [N, K]
    (slope,) = torch.autograd.grad(logits[0].sum(), images)
    coupled, said = bool(slope[1:].any()), component.batch_coupling()
    require(said is not None or not coupled, "a logit depends on other images, which is not said")
    require(said is None or coupled, "`batch_coupling` warns, but logits depend on one image each")


@regularizer_promise(overrides("prepare"))
def keeps_the_parts_of_networks(component: Regularizer) -> None:
    """What `prepare` makes has the parts it had, `head` of `features`, `synthesis` of `mapping`."""
    game = take_steps(build_trial(component, architecture=StyleNetworks()), 2).game
    batch, latents = game.real_batch(0, 0), torch.randn(BATCH_SIZE, game.setup.latent_dim)
    labels = () if batch.labels is None else (batch.labels,)
    for player, inputs, first, second in (
        ("discriminator", batch.images, "features", "head"),
        ("generator", latents, "mapping", "synthesis"),
    ):
        network: Any = game.network(player).eval()  # type: ignore[arg-type]
        for part in (first, second, *(["blocks"] if player == "discriminator" else [])):
            require(hasattr(network, part), f"its {player} has lost its `{part}`")
        whole = network(inputs, *labels)
        parts = getattr(network, second)(getattr(network, first)(inputs, *labels), *labels)
        same = torch.allclose(whole, parts, atol=TOLERANCE)
        require(same, f"its {player} is not `{second}` after `{first}`")


def _capturable(component: type[Regularizer]) -> bool:
    return component.capturable and overrides(*INSIDE_UPDATES)(component)


@regularizer_promise(_capturable)
def reads_nothing_back(component: Regularizer) -> None:
    """Nothing inside an update waits for a number from the device, unless `capturable` is False."""

    def check(hook: Hook, *arguments: Any) -> Any:
        with Overheard(_name(hook)):
            return hook(*arguments)

    take_steps(build_trial(watched(component, check, *INSIDE_UPDATES)), 2)


def _name(hook: Hook) -> str:
    """Return the name of a hook that is bound to its component."""
    return str(getattr(hook, "func", hook).__name__)


@hook_promise("transform")
def returns_transformed_images(returned: Tensor, images: Tensor, step: UpdateStep) -> None:
    """`transform` returns as many finite images of the same shape."""
    require_shape(returned, tuple(images.shape), "what `transform` returns")
    require_finite(returned, "what `transform` returns")


@regularizer_promise(overrides("transform"))
def transforms_both_players_alike(component: Regularizer) -> None:
    """`transform` does the same to the same images, whoever is updated, real or generated."""
    trainer = build_trial(component, device={"precision": "float64"})
    images = trainer.game.real_batch(0, 0).images / 2
    found = []
    for moment in _moments(component):
        found.append(_shown(moment, images))
        for what in ("real", "fake"):
            own: Tensor | None = getattr(moment.step.seen, what)
            if own is not None:
                alike = torch.equal(_shown(moment, own), _shown(moment, own.detach().clone()))
                finding = f"the {moment.player}'s step.{what} is changed otherwise than its copy"
                require(alike, finding)
    alike = torch.equal(*found)
    require(alike, "`transform` changes images otherwise in the generator's update than in D's")


@regularizer_promise(overrides("transform"))
def transforms_with_a_gradient(component: Regularizer) -> None:
    """Where `transform` lets a channel of an image through, so does its gradient: none is cut."""
    for moment in _moments(component):
        images = (moment.step.fake.detach() / 2).requires_grad_()
        shown = _shown(moment, images)
        require(shown.requires_grad, "what `transform` returns has lost the images' graph")
        (gradient,) = torch.autograd.grad(weighted(shown), images)
        for channel in range(images.shape[1]):
            other = images.detach().clone()
            other[:, channel] = random_direction([other[:, channel]], 2)[0].clamp(-1, 1)
            matters = (_shown(moment, other) != shown).flatten(1).any(1)  # [N]
            cut = matters & ~gradient[:, channel].flatten(1).any(1)
            row = int(cut.int().argmax())
            finding = f"channel {channel} of image {row} changes what D sees, with gradient 0"
            require(not cut.any(), finding)


@regularizer_promise(overrides("transform"))
def transforms_with_right_gradients(component: Regularizer) -> None:
    """The gradient of `transform` in the images agrees with differences."""
    for moment in _moments(component):
        images = (moment.step.fake.detach() / 2).requires_grad_()
        value = _transformed(moment, images)
        require(value.requires_grad, "what `transform` returns has lost the images' graph")
        gradients = torch.autograd.grad(value, images)
        again = partial(_transformed, moment, images)
        require_right_gradients(again, [images], gradients, "`transform`")


@regularizer_promise(overrides("transform"))
def transforms_twice_differentiably(component: Regularizer) -> None:
    """A gradient led back through `transform`, as penalties need it, can be differentiated."""
    for moment in _moments(component):
        images = (moment.step.fake.detach() / 2).requires_grad_()
        (behind,) = random_direction([images], 1)
        behind.requires_grad_()
        value = _led_back(moment, images, behind)
        gradients = torch.autograd.grad(value, behind, allow_unused=True, materialize_grads=True)
        again = partial(_led_back, moment, images, behind)
        require_right_gradients(again, [behind], gradients, "a gradient through `transform`")


def _moments(component: Regularizer) -> Iterator[Moment]:
    """Yield both players' updates in float64, at the same moment."""
    trainer = build_trial(component, device={"precision": "float64"})
    for player in PLAYERS:
        moment = Moment(trainer, player)
        moment.objective()
        yield moment


def _led_back(moment: Moment, images: Tensor, behind: Tensor) -> Tensor:
    """Return a scalar of the gradient in images, led back from one behind the transform."""
    (gradient,) = torch.autograd.grad(_shown(moment, images), images, behind, create_graph=True)
    (weights,) = random_direction([gradient], 0)
    return (gradient * weights).sum()


def _transformed(moment: Moment, images: Tensor) -> Tensor:
    """Return a scalar in which every value of the transformed images counts, each differently."""
    return weighted(_shown(moment, images))


def _shown(moment: Moment, images: Tensor) -> Tensor:
    """Return images as the discriminator sees them, by the same draws each time."""
    moment.trainer.game.streams.begin(0, "transform")
    return moment.step.show(images, "tried")
