"""Promises of regularizers that change images before the discriminator sees them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gantool.interfaces.step import PLAYERS
from gantool.testing.claims import require, require_finite, require_shape
from gantool.testing.differences import random_direction, require_right_gradients
from gantool.testing.moments import Moment
from gantool.testing.promises import promise
from gantool.testing.trial import build_trial, take_steps
from gantool.testing.watching import each_player, overrides, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.interfaces.regularizer import Regularizer
    from gantool.training.step.view import UpdateStep

Hook = Callable[..., Any]


@promise("regularizer", when=overrides("transform"))
@each_player
def returns_transformed_images(component: Regularizer) -> None:
    """`transform` returns as many finite images of the same shape."""

    def check(hook: Hook, images: Tensor, step: UpdateStep) -> Tensor:
        returned: Tensor = hook(images, step)
        require_shape(returned, tuple(images.shape), "what `transform` returns")
        require_finite(returned, "what `transform` returns")
        return returned

    take_steps(build_trial(watched(component, check, "transform")), 2)


@promise("regularizer", when=overrides("transform"))
@each_player
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


@promise("regularizer", when=overrides("transform"))
@each_player
def transforms_with_a_gradient(component: Regularizer) -> None:
    """Where `transform` lets a channel of an image through, so does its gradient: none is cut."""
    for moment in _moments(component):
        images = (moment.step.fake.detach() / 2).requires_grad_()
        shown = _shown(moment, images)
        require(shown.requires_grad, "what `transform` returns has lost the images' graph")
        (gradient,) = torch.autograd.grad(_weighted(shown), images)
        for channel in range(images.shape[1]):
            other = images.detach().clone()
            other[:, channel] = random_direction([other[:, channel]], 2)[0].clamp(-1, 1)
            matters = (_shown(moment, other) != shown).flatten(1).any(1)  # [N]
            cut = matters & ~gradient[:, channel].flatten(1).any(1)
            row = int(cut.int().argmax())
            finding = f"channel {channel} of image {row} changes what D sees, with gradient 0"
            require(not cut.any(), finding)


@promise("regularizer", when=overrides("transform"))
@each_player
def transforms_with_right_gradients(component: Regularizer) -> None:
    """The gradient of `transform` in the images agrees with differences."""
    for moment in _moments(component):
        images = (moment.step.fake.detach() / 2).requires_grad_()
        value = _transformed(moment, images)
        require(value.requires_grad, "what `transform` returns has lost the images' graph")
        gradients = torch.autograd.grad(value, images)
        again = partial(_transformed, moment, images)
        require_right_gradients(again, [images], gradients, "`transform`")


@promise("regularizer", when=overrides("transform"))
@each_player
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
    """Return a scalar of the gradient in images that comes of one behind the transform."""
    (gradient,) = torch.autograd.grad(_shown(moment, images), images, behind, create_graph=True)
    (weights,) = random_direction([gradient], 0)
    return (gradient * weights).sum()


def _transformed(moment: Moment, images: Tensor) -> Tensor:
    """Return a scalar in which every value of the transformed images counts, each differently."""
    return _weighted(_shown(moment, images))


def _weighted(shown: Tensor) -> Tensor:
    (weights,) = random_direction([shown], 0)
    return (shown * weights).sum()


def _shown(moment: Moment, images: Tensor) -> Tensor:
    """Return what the discriminator sees of images, by the same draws each time."""
    moment.trainer.game.streams.begin(0, "transform")
    return moment.step.show(images, "tried")
