"""Promises of regularizers about their calls of networks, their strength and their penalties."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import torch

from gantool.interfaces.regularizer import Regularizer
from gantool.interfaces.step import PLAYERS
from gantool.testing.harness.moments import (
    Moment,
    Penalties,
    QuadraticNetworks,
    require_right_gradients,
)
from gantool.testing.harness.networks import MOVING, SMOOTH
from gantool.testing.harness.trial import build_trial, setting_for, take_steps, weights_of
from gantool.testing.harness.watching import (
    INSIDE_UPDATES,
    PENALTY_HOOKS,
    HookedCalls,
    has_strength,
    is_lazy,
    overrides,
    regularizer_promise,
    variants,
)
from gantool.testing.promises import (
    BrokenPromise,
    QuadraticGame,
    promise,
    require,
    require_finite,
    require_same,
    with_options,
)
from gantool.training.regularization import penalty_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from gantool.testing.harness.watching import NetworkCall
    from gantool.testing.promises import Subject

NEAR = 0.1
"""So much nearer to one input of the update than to all others is what was made of it."""
HUGE = 1e4
EVERY = 3
"""Updates between two applications of a lazy penalty."""
PRECISION = 1e-9
DOUBLE = {"precision": "float64"}


@regularizer_promise()
def declares_image_gradients(component: Regularizer) -> None:
    """If it takes gradients in images, by step or by itself, `uses_image_gradient` says so."""
    hooked = HookedCalls().of_training(component)
    declared = component.uses_image_gradient
    asked = "it takes image gradients; uses_image_gradient is False"
    require(declared or not hooked.gradients, asked)
    own = f"`{', '.join(sorted(set(hooked.own_gradients)))}` takes gradients in images by itself"
    require(declared or not hooked.own_gradients, f"{own}; uses_image_gradient is False")


@regularizer_promise(overrides(*INSIDE_UPDATES))
def keeps_real_and_generated_apart(component: Regularizer) -> None:
    """It shows the discriminator no batch of both kinds, whose statistics BatchNorm would mix."""
    for call in HookedCalls().of_training(component).calls:
        if call.player == "discriminator" and call.seen.real is not None:
            both = [_holds(call.inputs, own) for own in (call.seen.real, call.seen.fake)]
            joint = f"`{call.hook}` shows real and generated images in one batch"
            require(not all(both), joint)


@regularizer_promise(overrides(*INSIDE_UPDATES))
def hands_on_the_right_labels(component: Regularizer) -> None:
    """Labels that it hands on with the update's own images or latents are theirs."""
    setting = setting_for(component)._replace(conditional=True)
    if refusal := setting.refusal(component):
        raise SkipTest(f"`check` refuses classes: {refusal}")
    for architecture in SMOOTH:
        hooked = HookedCalls().of_training(component, setting=setting, architecture=architecture)
        for call in hooked.calls:
            for row, allowed, given in _labels_of_rows(call):
                who = "images" if call.player == "discriminator" else "latents"
                finding = f"`{call.hook}` gives the label {given} to {who}[{row}], of {allowed}"
                require(given in allowed, finding)


def _labels_of_rows(call: NetworkCall) -> Iterator[tuple[int, list[int], int]]:
    """Yield rows of a call whose origin is known, the labels they may have, and that they have."""
    origins, labels, count = _origins(call)
    if call.labels is None or not count or origins.shape[1:] != call.inputs.flatten(1).shape[1:]:
        return
    for row, (one, given) in enumerate(zip(call.inputs.flatten(1), call.labels, strict=True)):
        distances = (origins - one).norm(dim=1)
        same = distances == 0
        nearest, second = distances.topk(2, largest=False).values
        if same.any():
            allowed = labels[same]
        elif nearest < NEAR * second:  # or between a real and a generated image of one row
            allowed = labels[int(distances.argmin()) % count :: count]
        else:
            continue
        yield row, sorted(set(allowed.tolist())), int(given)


def _origins(call: NetworkCall) -> tuple[Tensor, Tensor, int]:
    """Return the update's own inputs of a network, all in one, their labels, and how many rows."""
    seen = call.seen
    pairs = (
        [(seen.real, seen.real_labels), (seen.fake, seen.fake_labels)]
        if call.player == "discriminator"
        else [(seen.latents, seen.fake_labels)]
    )
    there = [(own, labels) for own, labels in pairs if own is not None and labels is not None]
    if not there:
        return torch.empty(0), torch.empty(0), 0
    inputs = torch.cat([own.detach().flatten(1) for own, _ in there])
    return inputs, torch.cat([labels for _, labels in there]), len(there[0][0])


def _holds(images: Tensor, own: Tensor | None) -> bool:
    """Whether any of some images is one of the update's own."""
    if own is None or images.shape[1:] != own.shape[1:]:
        return False
    return bool((images[:, None] == own.detach()).flatten(2).all(2).any())


has_penalty = overrides(*PENALTY_HOOKS)


def _scales_alone(component: type[Regularizer]) -> bool:
    """Whether all it does is a penalty that its strength multiplies."""
    others = ("prepare", "optimizer_options", "latents", "batch", "transform", "sample_weights")
    changes_more = overrides(*others, "around_update")(component)
    return has_strength(component) and has_penalty(component) and not changes_more


class _RealInGenerator(Regularizer):
    """Only has generator updates look at real images, which moves the discriminator's buffers."""

    name = "real-in-generator"
    needs_real_in_generator = True


@regularizer_promise(has_strength)
def is_off_at_strength_zero(component: Regularizer) -> None:
    """With its strength at 0, three steps leave every bit of both networks as without it."""
    strength = str(component.strength)
    require(strength in type(component).model_fields, f"it has no option '{strength}'")
    off = with_options(component, **{strength: 0})
    for architecture in MOVING:
        setting = setting_for(component)
        with_it = take_steps(build_trial(off, architecture=architecture, setting=setting), 3)
        without = take_steps(build_trial(architecture=architecture, setting=setting), 3)
        require_same(weights_of(with_it), weights_of(without), f"with {strength} = 0")


@promise("regularizer", when=has_strength)
def has_no_negative_strength(subject: Subject[Regularizer]) -> None:
    """Its strength cannot be negative."""
    example = subject.example()
    try:
        with_options(example, **{str(example.strength): -1})
    except ValueError:
        return
    require(False, f"{example.strength} = -1 is accepted")


@regularizer_promise(_scales_alone)
def vanishes_at_strength_zero(component: Regularizer) -> None:
    """Computed with strength 0, its penalty is 0 and leaves every bit of both networks alone."""
    off = with_options(component, **{str(component.strength): 0})
    for architecture in MOVING:
        penalties = Penalties()
        kept_on = penalties.of(off, strength=None)
        setting = setting_for(component)
        with_it = take_steps(build_trial(kept_on, architecture=architecture, setting=setting), 3)
        others = [_RealInGenerator()] if component.needs_real_in_generator else []
        trial = build_trial(*others, architecture=architecture, setting=setting)
        without = take_steps(trial, 3)
        for penalty in map(float, (value.detach() for value in penalties.values)):
            require(penalty == 0, f"at strength 0 the penalty is {penalty:.3g}")
        what = "with a penalty of strength 0"
        require_same(weights_of(with_it), weights_of(without), what)


@regularizer_promise(has_penalty)
def is_finite_on_extreme_images(component: Regularizer) -> None:
    """Its penalty and gradients are finite on two images that are constant, or huge."""
    extremes: dict[str, Callable[[Tensor], Tensor]] = {
        "images of zeros": lambda images: 0 * images,
        "images of ones": lambda images: 0 * images + 1,
        f"images up to {HUGE:.0e}": lambda images: HUGE * images,
    }
    penalties = Penalties()
    for moment in _moments(component, penalties, batch_size=2):
        for what, extreme in extremes.items():
            penalty = penalties.at(moment, real=extreme, fake=extreme)
            require_finite(penalty, f"on {what}, the penalty of the {moment.player}")
            for gradient in moment.gradients(penalty):
                require_finite(
                    gradient, f"on {what}, the gradient of the {moment.player}'s penalty"
                )


@regularizer_promise(has_penalty)
def has_right_gradients(component: Regularizer) -> None:
    """The gradient of its penalty in the weights agrees with differences, in float64."""
    penalties = Penalties()
    for architecture in SMOOTH:
        for moment in _moments(component, penalties, architecture=architecture, device=DOUBLE):
            gradients = moment.gradients(penalties.at(moment))
            value, what = partial(penalties.at, moment), f"the {moment.player}'s penalty"
            require_right_gradients(value, moment.weights, gradients, what)


@regularizer_promise(lambda component: is_lazy(component) and has_penalty(component))
def is_as_strong_when_lazy(component: Regularizer) -> None:
    """Applied now and then, its mean gradient over updates equals the one of every update."""
    eager, lazy = (
        [_mean_gradients(moment) for moment in _moments(one, Penalties(), device=DOUBLE)]
        for one in (with_options(component, every_steps=n) for n in (1, EVERY))
    )
    for expected, found in zip(eager, lazy, strict=True):
        near = torch.allclose(found, expected, rtol=PRECISION, atol=PRECISION)
        error = float((found - expected).norm() / expected.norm())
        require(near, f"in one of {EVERY} updates, the mean gradient differs by {error:.1%}")


@promise("regularizer", when=has_penalty, needs_closed_form=True)
def agrees_with_its_closed_form(subject: Subject[Regularizer]) -> None:
    """On a quadratic discriminator its penalty is the value of its closed form."""
    closed_form = subject.closed_form
    if closed_form is None:
        raise BrokenPromise("no closed form is given")
    if setting_for(subject.example()).conditional:
        raise SkipTest("it needs labels, which quadratic players do not have")
    penalties, quadratic = Penalties(), QuadraticNetworks()
    for component in variants(subject.example()):
        for moment in _moments(component, penalties, architecture=quadratic, device=DOUBLE):
            hooked = HookedCalls()
            with hooked.listening():
                found = float(penalties.at(moment).detach())
            expected = float(closed_form(component, _game_on_paper(moment, hooked.gradients)))
            near = abs(found - expected) <= PRECISION * (1 + abs(expected))
            whose = f"the {moment.player}'s penalty"
            require(near, f"{whose} is {found:.12g}, its closed form {expected:.12g}")


def _moments(component: Regularizer, penalties: Penalties, **trial: Any) -> Iterator[Moment]:
    """Yield updates of the players that a regularizer has a penalty for, its penalties caught."""
    trainer = build_trial(penalties.of(component), **trial)
    for player in PLAYERS:
        if trainer.game.regularization.having(penalty_of(player), player):
            yield Moment(trainer, player)


def _mean_gradients(moment: Moment) -> Tensor:
    """Return the mean gradient of the objective over the updates of a period, all in one row."""
    rows = []
    for number in range(EVERY):
        gradients = moment.gradients(moment.objective(updates_done=number))
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(rows).mean(0)


def _game_on_paper(moment: Moment, differentiated: Sequence[Tensor]) -> QuadraticGame:
    """Return an update of players that fit on paper as closed forms need it."""
    game, step = moment.trainer.game, moment.step
    discriminator = game.network("discriminator")
    weight, bias = (parameter.detach() for parameter in discriminator.parameters())
    (of_generator,) = game.network("generator").parameters()
    return QuadraticGame(
        player=moment.player,
        weight=weight.view(game.setup.image),
        curvature=discriminator.get_buffer("curvature").view(game.setup.image),
        bias=bias.squeeze(),
        generator_weight=of_generator.detach(),
        real=game.real_batch(0, 0).images,
        fake=step.fake.detach(),
        latents=step.latents,
        differentiated=tuple(differentiated),
    )
