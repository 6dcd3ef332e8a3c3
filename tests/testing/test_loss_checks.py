"""Each check of losses, seen failing on a loss that breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from gantool import Loss

if TYPE_CHECKING:
    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick


class Sound(Loss):
    """Logistic loss."""

    name = "sound"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real) + softplus(fake)

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake)


class Relativistic(Loss):
    """Relativistic pairing loss."""

    name = "relativistic"
    needs_real_in_generator = True

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real)

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return softplus(real - fake)


class OneNumber(Sound):
    """Averages by itself."""

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake).mean()


class Narrow(Sound):
    """Computes in float32 whatever it is given."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return super().discriminator(real.float(), fake.float())


class Mixing(Sound):
    """Takes the mean over an image's logits first."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        if real.dim() > 1:
            real = real.mean(1, keepdim=True).expand_as(real)
        return super().discriminator(real, fake)


class Overflowing(Sound):
    """Takes the exponential by itself."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 + (-real).exp()).log() + softplus(fake)


class SteepAtTheEnd(Sound):
    """Has finite terms and gradients that are not."""

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return torch.where(fake > 20, (-fake).exp(), (1 + (-fake).clamp(max=80).exp()).sqrt())


class Swapped(Sound):
    """Takes real for fake."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return super().discriminator(fake, real)


class Satisfied(Sound):
    """Gives up on fakes that are far from convincing."""

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake) * (fake > -0.2)


class Detached(Sound):
    """Lets half of its gradient go."""

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake) / 2 + softplus(-fake.detach()) / 2


class Averaging(Relativistic):
    """Compares with a mean, and does not say so."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake.mean() - real) + softplus(fake - real.mean())


class Alarming(Sound):
    """Says that it mixes images, and does not."""

    couples_batch = True


class Average(Averaging):
    """Relativistic average loss."""

    couples_batch = True

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


class Noisy(Sound):
    """Smooths labels by chance."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real) * torch.rand_like(real) + softplus(fake)


BROKEN = [
    ("gives_one_term_an_image", OneNumber, r"the generator: expected the shape \[1\], found \[\]"),
    ("gives_one_term_an_image", Narrow, r"of torch.float64 are torch.float32"),
    ("gives_each_logit_a_term", Mixing, "discriminator depend on other logits of their image"),
    ("stays_finite", Overflowing, r"terms of the discriminator: \d+ of 25 numbers are NaN or inf"),
    ("stays_finite", SteepAtTheEnd, r"gradient of the generator's terms"),
    ("rewards_a_better_discriminator", Swapped, r"real logits moving up and fakes down, .* by \d"),
    ("pushes_fakes_up", Satisfied, r"slope in a generated image's logit is -0"),
    ("says_whether_it_couples_images", Averaging, "a term depends on other images, which is not"),
    ("says_whether_it_couples_images", Alarming, "`couples_batch` is set, but terms are of one"),
    ("has_right_gradients", Detached, r"gradients of the generator's terms differ"),
    ("gives_equal_terms_for_equal_logits", Noisy, r"discriminator differs, by up to"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Loss], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} | {"works_on_a_gpu"} == names_of("loss")


@pytest.mark.parametrize("component", [Sound, Relativistic, Average])
def test_sound_losses_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Loss]
) -> None:
    every = try_every_check(component)
    results = [each for each in every if not each.id.endswith("works_on_a_gpu")]
    assert results
    assert [result for result in results if result.status != "passed"] == []
