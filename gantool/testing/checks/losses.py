"""Promises of every loss."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch

from gantool.testing.claims import require, require_finite, require_same, require_shape
from gantool.testing.harness.isolation import global_random_state_kept, seed_global_random_state
from gantool.testing.promises import promise

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.interfaces.loss import Loss
    from gantool.testing.promises import Subject

LARGE = (-1e4, -30.0, 0.0, 30.0, 1e4)
"""Logits at which losses must stay finite."""
UNDECIDED = 0.4
"""Logits so small that every usual loss still falls: least squares has targets 0 and 1."""
TRIES = 3


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
