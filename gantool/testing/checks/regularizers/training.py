"""Promises of every regularizer about whole trainings, alone, shared, recorded, on a GPU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from unittest import SkipTest, mock

import torch

from gantool.interfaces.dataset import ImageShape
from gantool.interfaces.step import PLAYERS
from gantool.testing.checks.schedules import scheduled
from gantool.testing.harness.believing import require_gpu_training
from gantool.testing.harness.isolation import (
    global_random_state,
    global_random_state_kept,
    imports_torch_to_check,
)
from gantool.testing.harness.networks import MOVING, SMOOTH, SeveralLogitsNetworks, described
from gantool.testing.harness.operations import TapeRecorder
from gantool.testing.harness.trial import (
    build_trial,
    in_threads,
    ranks_in_threads,
    require_frozen,
    restored,
    saved,
    setting_for,
    take_steps,
    tensors_in,
    weights_of,
)
from gantool.testing.harness.watching import (
    overridden,
    overrides,
    regularizer_promise,
)
from gantool.testing.promises import promise, require, require_finite, require_same
from gantool.training.device.graphs import WARM_UP, GraphedTurns
from gantool.training.step.update import Update
from gantool.training.step.view import UpdateStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.loss import Loss
    from gantool.interfaces.optimizer import Optimizer
    from gantool.interfaces.regularizer import Regularizer
    from gantool.testing.promises import Subject
    from gantool.training.trainer import Trainer

SHAPES = (ImageShape(1, 16, 16), ImageShape(3, 16, 24), ImageShape(4, 24, 16))
TOLERANCE = 1e-9
"""Sums over ranks are rounded in another order; Adam's first steps magnify that."""


@regularizer_promise()
def trains(component: Regularizer) -> None:
    """Networks with BatchNorm, spectral norm or styles, of two widths, train and stay finite."""
    for architecture in MOVING:
        trainer = build_trial(component, architecture=architecture)
        _require_finite(take_steps(trainer, 3), described(architecture))


@regularizer_promise()
def changes_training(component: Regularizer) -> None:
    """With the options of its example it changes the weights within three steps."""
    with_it, without = (
        weights_of(take_steps(build_trial(component), 3)),
        _weights_without(component),
    )
    same = with_it.keys() == without.keys() and all(
        torch.equal(with_it[name], weight) for name, weight in without.items()
    )
    require(not same, "after three steps, the weights are the same as without it")


@regularizer_promise()
def resumes_exactly(component: Regularizer) -> None:
    """Two steps, a saved and restored state, and two more give the bits of four steps."""
    for architecture in MOVING:
        first, second, third = (build_trial(component, architecture=architecture) for _ in range(3))
        straight = dict(tensors_in(restored(saved(take_steps(first, 4)))))
        second.load(restored(saved(take_steps(third, 2))))
        resumed = dict(tensors_in(restored(saved(take_steps(second, 2)))))
        require_same(resumed, straight, "resumed after two of four steps")


@regularizer_promise(overrides("prepare", "make_state"))
def leaves_frozen_parts_alone(component: Regularizer) -> None:
    """`Frozen` parts of its state, or of what it prepares, stay as they are in training."""
    require_frozen(build_trial(component))


@regularizer_promise()
def leaves_global_randomness_alone(component: Regularizer) -> None:
    """It draws from `step.random` alone: the random numbers all code shares stay untouched."""
    with global_random_state_kept():
        trainer = build_trial(component)
        before = global_random_state()
        take_steps(trainer, 2)
        require(global_random_state() == before, "training with it draws from a global state")


@regularizer_promise()
def leaves_the_other_player_alone(component: Regularizer) -> None:
    """An update of one player changes neither weights nor gradients of the other."""
    for player, other in (PLAYERS, PLAYERS[::-1]):
        trainer = build_trial(component)
        weights = dict(trainer.game.network(other).named_parameters())
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        for weight in weights.values():
            weight.grad = torch.ones_like(weight)
        Update(trainer.game, player, trainer.game.real_batch(0, 0), 0, 0, counts=False).perform()
        after = {name: weight.detach() for name, weight in weights.items()}
        require_same(after, before, f"after an update of the {player}, the {other}")
        if not overrides("around_update")(type(component)):  # which may look ahead
            touched = [n for n, w in weights.items() if w.grad is None or (w.grad != 1).any()]
            place = f"of the {other}'s {touched[0]}" if touched else ""
            require(not touched, f"an update of the {player} changes the gradient {place}")


@regularizer_promise(overrides("make_state"))
def trains_its_state(component: Regularizer) -> None:
    """An update of whomever `trained_by` names differentiates in all parameters of its state."""
    for player in PLAYERS:
        game = build_trial(component).game
        (active,) = game.regularization.active
        if active.state is None or not active.is_trained_by(player):
            continue
        Update(game, player, game.real_batch(0, 0), 0, 0, counts=False).perform()
        for name, weight in active.state.named_parameters():
            idle = weight.requires_grad and weight.grad is None
            require(not idle, f"an update of the {player} does not depend on its state's {name}")


@regularizer_promise(lambda component: component.needs_features)
def looks_at_the_features_it_needs(component: Regularizer) -> None:
    """If it declares `needs_features`, it looks at features that are handed on to it."""
    looks: list[str] = []

    def watched(name: str) -> Any:
        features = getattr(UpdateStep, name).fget

        def look(step: UpdateStep) -> Any:
            looks.append(name)
            return features(step)

        return mock.patch.object(UpdateStep, name, property(look))

    with watched("real_features"), watched("fake_features"):
        take_steps(build_trial(component), 2)
    require(bool(looks), "it declares needs_features and looks at none of them")


@regularizer_promise()
def takes_several_logits(component: Regularizer) -> None:
    """Logits [N, 1] train as [N] do, and of three an image, [N, 3], everything stays finite."""
    column = SeveralLogitsNetworks(logits=1)
    found = weights_of(take_steps(_in_double(component, architecture=column), 3))
    alone = weights_of(take_steps(_in_double(component), 3))
    _require_near(found, alone, "with logits [N, 1] instead of [N]")
    several = build_trial(component, architecture=SeveralLogitsNetworks())
    _require_finite(take_steps(several, 2), "with logits [N, 3]")


@regularizer_promise()
def works_for_any_image(component: Regularizer) -> None:
    """Images of 1, 3 and 4 channels, square and oblong, can be trained on, if `check` does."""
    for image in SHAPES:
        setting = setting_for(component)._replace(image=image)
        if setting.refusal(component) is None:
            trainer = build_trial(component, setting=setting)
            _require_finite(take_steps(trainer, 1), f"on {image}")


@regularizer_promise()
def works_with_labels(component: Regularizer) -> None:
    """Conditional networks, which need the labels of what they are shown, can be trained."""
    setting = setting_for(component)._replace(conditional=True)
    if refusal := setting.refusal(component):
        raise SkipTest(f"`check` refuses classes: {refusal}")
    for architecture in SMOOTH:
        trainer = build_trial(component, setting=setting, architecture=architecture)
        _require_finite(take_steps(trainer, 2), "conditional")


@promise("regularizer", when=overrides("check"))
def checks_without_torch(subject: Subject[Regularizer]) -> None:
    """`check` does not import torch, so that `gantool validate` stays instant."""
    arguments = (ImageShape(3, 64, 64), 2, 128)
    imported = imports_torch_to_check(subject.example(), arguments, subject.folder())
    require(not imported, "`check` imports torch")


@regularizer_promise()
def works_in_slices(component: Regularizer) -> None:
    """A batch can be worked through in slices of two images."""
    _require_finite(take_steps(build_trial(component, accumulate=2), 2), "in slices")


@regularizer_promise()
def works_under_autocast(component: Regularizer) -> None:
    """Under autocast to bf16, training stays finite."""
    trainer = build_trial(component, device={"precision": "bf16"})
    _require_finite(take_steps(trainer, 2), "under autocast")


def _weights_without(component: Regularizer) -> dict[str, torch.Tensor]:
    return weights_of(take_steps(build_trial(setting=setting_for(component)), 3))


def _require_finite(trainer: Trainer, how: str) -> None:
    """Go on if weights and figures are finite."""
    for name, tensor in weights_of(trainer).items():
        require_finite(tensor, f"{how}, after {trainer.step} steps, {name}")
    for name, value in trainer.game.totals.means().items():
        require(math.isfinite(value), f"{how}, {name} is {value}")


def adds_up_over_ranks(component: type[Regularizer]) -> bool:
    """Whether a class declares nothing that depends on processes, as a capability."""
    return component.couples_batch is not True


def adds_up_over_slices(component: type[Regularizer]) -> bool:
    """Whether a class declares nothing that depends on slices, as a capability.

    What `prepare` makes of a network may count the passes through it, as spectral norm does.
    """
    return not component.couples_batch and not overridden(component, ("prepare",))


def is_capturable(component: type[Regularizer]) -> bool:
    """Whether steps with a class may be recorded, as a capability."""
    return component.capturable and not overridden(component, ("around_update",))


@regularizer_promise(adds_up_over_ranks)
def shares_batches(component: Regularizer) -> None:
    """Unless it `couples_batch`, two gloo ranks with half of each batch train as one process."""
    alone = weights_of(take_steps(_in_double(component), 3))
    apart = [_in_double(component, ranks=ranks) for ranks in ranks_in_threads(2)]
    for trainer in in_threads(take_steps, apart, [3, 3]):
        _require_near(weights_of(trainer), alone, "on two ranks")


@regularizer_promise(adds_up_over_slices)
def adds_up_in_slices(component: Regularizer) -> None:
    """Unless it `couples_batch` or prepares networks, slices of a batch train as the batch does."""
    whole = weights_of(take_steps(_in_double(component), 3))
    sliced = take_steps(_in_double(component, accumulate=2), 3)
    _require_near(weights_of(sliced), whole, "in slices of two images")


def _in_double(component: Regularizer, **options: Any) -> Trainer:
    return build_trial(component, device={"precision": "float64"}, **options)


def _require_near(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], how: str) -> None:
    """Go on if weights after three steps are the same but for rounding."""
    for name, weight in expected.items():
        gap = float((found[name] - weight).abs().max())
        require(gap < TOLERANCE, f"{how}, after 3 steps, {name} is off by {gap:.3g}")


@regularizer_promise(is_capturable)
def can_be_recorded(component: Regularizer) -> None:
    """If it is `capturable`, replays of a recorded step train as eager steps do, to the bit."""
    moving = scheduled(component)
    eager, replayed = (build_trial(moving, log_every_steps=100) for _ in range(2))
    replayed.turns = graphed = GraphedTurns(replayed.game, TapeRecorder())
    steps = WARM_UP + 3
    expected = weights_of(take_steps(eager, steps))
    found = weights_of(take_steps(replayed, steps))
    require(graphed.is_recording, "a recording does not do what its step does")
    require_same(found, expected, "replayed")


@promise("architecture")
@promise("loss")
@promise("regularizer")
@promise("optimizer")
def works_on_a_gpu(subject: Subject[Architecture | Loss | Regularizer | Optimizer]) -> None:
    """On a GPU that is pretended, all of a step is there, and nothing waits for its numbers."""
    require_gpu_training(subject.example())
