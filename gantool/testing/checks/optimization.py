"""Promises of every loss and of every optimizer."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gantool.interfaces.optimizer import Optimizer
from gantool.testing.harness.isolation import global_random_state_kept, seed_global_random_state
from gantool.testing.harness.trial import (
    build_trial,
    restored,
    saved,
    take_steps,
    tensors_in,
    weights_of,
)
from gantool.testing.promises import (
    BrokenPromise,
    promise,
    require,
    require_finite,
    require_same,
    require_shape,
    with_options,
)

if TYPE_CHECKING:
    from gantool.interfaces.loss import Loss
    from gantool.testing.promises import Subject


LARGE = (-1e4, -30.0, 0.0, 30.0, 1e4)
"""Logits at which losses must stay finite."""
UNDECIDED = 0.4
"""Logits so small that every usual loss still falls: least squares has targets 0 and 1."""
TRIES = 3
RATE = 0.01
SHAPES = ((3, 2), (4,), ())
STEPS = 3


@promise("loss")
def gives_one_term_an_image(subject: Subject[Loss]) -> None:
    """Both players' terms have the logits' own shape [N] and type."""
    loss = subject.example()
    for count, dtype in product((1, 5), (torch.float32, torch.float64)):
        real, fake = _logits(count, dtype=dtype)
        for player, terms in _terms(loss, real, fake).items():
            require_shape(terms, (count,), f"terms of the {player}")
            require(terms.dtype == dtype, f"terms of the {player} of {dtype} are {terms.dtype}")


@promise("loss")
def gives_each_logit_a_term(subject: Subject[Loss]) -> None:
    """Of several logits an image, [N, K], each has its term; unless coupled, by itself."""
    loss = subject.example()
    real, fake = (logits.view(5, 3) for logits in _logits(15))
    for player, terms in _terms(loss, real, fake).items():
        require_shape(terms, (5, 3), f"terms of the {player}")
        for k in () if loss.couples_batch else range(3):
            alone = _terms(loss, real[:, k], fake[:, k])[player]
            same = torch.allclose(terms[:, k], alone, rtol=1e-5, atol=1e-6)
            require(same, f"terms of the {player} depend on other logits of their image")


@promise("loss")
def stays_finite(subject: Subject[Loss]) -> None:
    """For logits up to 1e4 of either sign, terms and their gradients are finite."""
    loss = subject.example()
    pairs = torch.tensor(list(product(LARGE, LARGE)))
    real, fake = pairs[:, 0].requires_grad_(), pairs[:, 1].requires_grad_()
    for player, terms in _terms(loss, real, fake).items():
        require_finite(terms, f"terms of the {player}")
        for gradient in _gradients(terms, real, fake):
            require_finite(gradient, f"the gradient of the {player}'s terms")


@promise("loss")
def rewards_a_better_discriminator(subject: Subject[Loss]) -> None:
    """A small move of the logits to the right side lowers the discriminator's loss."""
    loss = subject.example()
    for seed in range(TRIES):
        real, fake = (logits.requires_grad_() for logits in _undecided(seed))
        of_real, of_fake = _gradients(loss.discriminator(real, fake), real, fake)
        slope = float(of_real.sum() - of_fake.sum())  # along real up, fake down
        require(slope < 0, f"with real logits moving up and fakes down, it changes by {slope:.3g}")


@promise("loss")
def pushes_fakes_up(subject: Subject[Loss]) -> None:
    """The generator's loss falls with the logit of each generated image."""
    loss = subject.example()
    for seed in range(TRIES):
        real, fake = (logits.requires_grad_() for logits in _undecided(seed))
        _, of_fake = _gradients(_generator_terms(loss, fake, real), real, fake)
        largest = float(of_fake.max())
        require(largest < 0, f"the slope in a generated image's logit is {largest:.3g}")


@promise("loss")
def says_whether_it_couples_images(subject: Subject[Loss]) -> None:
    """Terms depend on the logits of other images exactly where `couples_batch` says so."""
    loss = subject.example()
    real, fake = (logits.requires_grad_() for logits in _undecided(0))
    coupled = False
    for terms in _terms(loss, real, fake).values():
        coupled |= any(bool(slope[1:].any()) for slope in _gradients(terms[:1], real, fake))
    require(loss.couples_batch or not coupled, "a term depends on other images, which is not said")
    require(coupled or not loss.couples_batch, "`couples_batch` is set, but terms are of one image")


@promise("loss")
def has_right_gradients(subject: Subject[Loss]) -> None:
    """Gradients of both players' terms agree with differences, away from kinks."""
    loss = subject.example()
    for seed in range(TRIES):  # random logits are hardly ever within 1e-6 of a kink
        real, fake = (
            (3 * logits).requires_grad_() for logits in _logits(5, seed, dtype=torch.float64)
        )
        for player in _terms(loss, real, fake):
            agrees = torch.autograd.gradcheck(
                lambda *logits, player=player: _terms(loss, *logits)[player],
                (real, fake),
                raise_exception=False,
            )
            require(agrees, f"gradients of the {player}'s terms differ from differences")


@promise("loss")
def gives_equal_terms_for_equal_logits(subject: Subject[Loss]) -> None:
    """The same logits give the same terms: nothing is drawn, nothing remembered."""
    loss = subject.example()
    real, fake = _logits(5)
    with global_random_state_kept():
        seed_global_random_state(1)
        first = _terms(loss, real, fake)
        seed_global_random_state(2)
        again = _terms(loss, real, fake)
    require_same(again, first, "for the same logits, terms again")


def _logits(
    count: int, seed: int = 0, *, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return logits of real and of generated images, from N(0, 1)."""
    chance = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, count, generator=chance, dtype=dtype)
    return real, fake


def _undecided(seed: int) -> tuple[Tensor, Tensor]:
    """Return logits of real and of generated images, near 0."""
    chance = torch.Generator().manual_seed(seed)
    real, fake = (2 * torch.rand(2, 6, generator=chance) - 1) * UNDECIDED
    return real, fake


def _terms(loss: Loss, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return both players' terms."""
    return {
        "discriminator": loss.discriminator(real, fake),
        "generator": _generator_terms(loss, fake, real),
    }


def _generator_terms(loss: Loss, fake: Tensor, real: Tensor) -> Tensor:
    return loss.generator(fake, real if loss.needs_real_in_generator else None)


def _gradients(terms: Tensor, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the mean term in real and in fake logits."""
    inputs = (real, fake)
    of_real, of_fake = torch.autograd.grad(
        terms.mean(), inputs, allow_unused=True, materialize_grads=True
    )
    return of_real, of_fake


@promise("optimizer")
def trains_what_it_is_given(subject: Subject[Optimizer]) -> None:
    """It is a `torch.optim.Optimizer` of the parameters that it is given, each once."""
    weights = _weights()
    optimizer = _built(subject.example(), weights)
    trained = [weight for group in optimizer.param_groups for weight in group["params"]]
    same = sorted(map(id, trained)) == sorted(map(id, weights))
    require(same, f"of {len(weights)} parameters, its groups hold {len(trained)}, or others")


@promise("optimizer")
def follows_the_gradient_down(subject: Subject[Optimizer]) -> None:
    """A first small step changes every weight, and lowers what the gradient is of."""
    weights = _weights()
    before = [weight.detach().clone() for weight in weights]
    _stepped(_built(subject.example(), weights), weights)
    for weight, was in zip(weights, before, strict=True):
        moved = weight.detach() - was
        require(bool((moved != 0).all()), f"of shape {list(weight.shape)}, not every weight moved")
        slope = float((moved * was).sum())  # the gradient of half the square is the weight
        require(slope < 0, f"a step of shape {list(weight.shape)} goes up the slope: {slope:.3g}")


@promise("optimizer")
def reads_the_learning_rate_in_every_step(subject: Subject[Optimizer]) -> None:
    """The engine changes the rate in place: at 0 nothing moves, and later everything again."""
    weights, rate = _weights(), torch.tensor(RATE)
    optimizer = _built(subject.example(), weights, rate)
    _stepped(optimizer, weights)
    before = [weight.detach().clone() for weight in weights]
    rate.fill_(0)
    _stepped(optimizer, weights)
    require(_are(weights, before), "with the learning rate 0 in its tensor, weights move")
    rate.fill_(RATE)
    _stepped(optimizer, weights)
    require(not _are(weights, before), "a learning rate that is no longer 0 is not read")


@promise("optimizer")
def takes_options_of_groups(subject: Subject[Optimizer]) -> None:
    """Parameters may come in a group, whose options outrank its own: regularizers set some."""
    weights = _weights()
    component = subject.example()
    own = _built(component, weights).param_groups[0]
    options = {name: value / 2 for name, value in own.items() if _is_share(name, value)}
    group = _built(component, [{"params": weights, **options}]).param_groups[0]
    for name, value in options.items():
        found = group.get(name)
        require(found == value, f"a group's {name} = {value:g} became {found!r}")
    require(len(group["params"]) == len(weights), "of a group's parameters, some are left out")


@promise("optimizer")
def resumes_exactly(subject: Subject[Optimizer]) -> None:
    """Saved and restored as in a checkpoint, training goes on with the same bits."""
    component = subject.example()
    trainer = take_steps(build_trial(optimizer=component), STEPS)
    other = build_trial(optimizer=component)
    other.load(restored(saved(trainer)))
    for each in (trainer, other):
        take_steps(each, STEPS)
    ours, theirs = (dict(tensors_in(restored(saved(each)))) for each in (trainer, other))
    require_same(theirs, ours, "after a restart")


@promise("optimizer")
def depends_on_its_options_alone(subject: Subject[Optimizer]) -> None:
    """Two trainings with the same options are the same, and another learning rate is another."""
    component = subject.example()
    first, second = (weights_of(take_steps(build_trial(optimizer=component), 2)) for _ in range(2))
    require_same(second, first, "trained again")
    faster = with_options(component, learning_rate=component.rate.start * 2)
    other = weights_of(take_steps(build_trial(optimizer=faster), 2))
    same = all(torch.equal(other[name], tensor) for name, tensor in first.items())
    require(not same, "twice the learning rate changes nothing")


def _weights() -> list[nn.Parameter]:
    """Return weights of a few shapes, none of them near 0."""
    chance = torch.Generator().manual_seed(0)
    return [nn.Parameter(1 + torch.rand(shape, generator=chance)) for shape in SHAPES]


def _built(component: Optimizer, parameters: Any, rate: Tensor | None = None) -> Any:
    found = component.build(parameters, torch.tensor(RATE) if rate is None else rate)
    if not isinstance(found, torch.optim.Optimizer):
        raise BrokenPromise(f"`build` returned {type(found).__name__}, no torch.optim.Optimizer")
    return found


def _stepped(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter]) -> None:
    """Take a step down half the sum of squares."""
    for weight in weights:
        weight.grad = weight.detach().clone()
    optimizer.step()


def _are(weights: list[nn.Parameter], values: list[Tensor]) -> bool:
    return all(map(torch.equal, (weight.detach() for weight in weights), values))


def _is_share(name: str, value: object) -> bool:
    """Whether an option is a number that half of it can take the place of."""
    return name != "lr" and isinstance(value, float) and 0 < value < 1
