"""Gradient penalties beside augmentation, against autograd through the same transform."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from gantool import Scheduled
from gantool.data.batches import all_rows
from gantool.training.randomness import Draws, Streams
from gantool_augmentation.plugin import ADA, DiffAugment, InstanceNoise
from gantool_gradient_penalties.plugin import R1, R2, Dragan, WganGP, WganLP
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Regularizer
    from gantool.training.trainer import Trainer

pytestmark = pytest.mark.quick

AUGMENTATIONS: list[Regularizer] = [
    DiffAugment(),
    InstanceNoise(deviation=Scheduled(0.5)),
    ADA(initial_probability=1.0),
]
by_name = pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=lambda each: each.name)
BATCH = 8


class Watched:
    """A first discriminator update, and its transforms by hand."""

    def __init__(
        self, build: Callable[..., Trainer], augmentation: Regularizer, *others: Regularizer
    ) -> None:
        options: dict[str, Any] = {"architecture": LinearPlayers(depth=2), "image": {"size": 8}}
        self.trainer = build(*others, augmentation, **options)
        self.augmentation, (self.active,) = (
            augmentation,
            self.trainer.game.regularization.active[-1:],
        )
        self.d: Any = self.trainer.game.network("discriminator")
        self.shown: list[Tensor] = []
        self.d.register_forward_pre_hook(lambda _, given: self.shown.append(given[0].detach()))
        self.real = self.trainer.game.batches.batch(0).images

    def transform(self, images: Tensor, kind: str) -> Tensor:
        """Return what D is shown in the first update, by draws from the documented seeds."""
        streams = Streams(seed=0, device=torch.device("cpu"), dtype=torch.float64)
        streams.begin(0, "discriminator", 0, 0, "")
        random = Draws(streams, self.augmentation.name, f"transform {kind}", all_rows(BATCH))
        step: Any = SimpleNamespace(
            random=random, progress=torch.tensor(0.0), constant=torch.tensor
        )
        step.state = lambda _: self.active.state
        return self.augmentation.transform(images, step)

    def slopes(self, images: Tensor, kind: str) -> Tensor:
        """Return the squared length of the gradient of D(T(x)) in each image x, [N]."""
        inputs = images.clone().requires_grad_()
        logits = self.d(self.transform(inputs, kind))
        (gradient,) = torch.autograd.grad(logits.sum(), inputs)
        return gradient.square().sum((1, 2, 3))

    def first_penalty(self, name: str) -> float:
        self.trainer.one_step()
        return self.trainer.game.totals.means()[f"penalty/{name}"]


@by_name
def test_r1_is_led_back_through_what_the_discriminator_is_shown(
    build: Callable[..., Trainer], augmentation: Regularizer
) -> None:
    watched = Watched(build, augmentation, R1(gamma=Scheduled(3.0)))
    expected = 1.5 * watched.slopes(watched.real, "real").mean().item()
    by_hand = watched.transform(watched.real, "real")
    watched.shown.clear()
    assert watched.first_penalty("r1") == pytest.approx(expected, rel=1e-12)
    torch.testing.assert_close(watched.shown[0], by_hand)


@by_name
def test_r2_is_led_back_through_the_fakes_own_draws(
    build: Callable[..., Trainer], augmentation: Regularizer
) -> None:
    watched = Watched(build, augmentation, R2(gamma=Scheduled(3.0)))
    streams = Streams(seed=0, device=torch.device("cpu"), dtype=torch.float64)
    streams.begin(0, "discriminator", 0, 0, "")
    latents = Draws(streams, "latents", "", all_rows(BATCH)).normal(BATCH, 3)
    fake = watched.trainer.game.network("generator")(latents).detach()
    expected = 1.5 * watched.slopes(fake, "fake").mean().item()
    assert watched.first_penalty("r2") == pytest.approx(expected, rel=1e-12)


@by_name
@pytest.mark.parametrize("penalty", [R1, R2])
def test_without_transforms_it_is_what_it_is_alone(
    build: Callable[..., Trainer], augmentation: Regularizer, penalty: type[R1 | R2]
) -> None:
    alone = build(penalty(), architecture=LinearPlayers(depth=2), image={"size": 8})
    alone.one_step()
    expected = alone.game.totals.means()[f"penalty/{penalty.name}"]
    plain = Watched(build, augmentation, penalty(transformed=False)).first_penalty(penalty.name)
    through = Watched(build, augmentation, penalty()).first_penalty(penalty.name)
    assert plain == expected
    assert through != pytest.approx(expected, rel=1e-3)


@by_name
@pytest.mark.parametrize("penalty", [WganGP(), WganLP(), Dragan()], ids=lambda each: each.name)
def test_slopes_of_one_are_wanted_of_d_near_what_it_is_shown(
    build: Callable[..., Trainer], augmentation: Regularizer, penalty: Regularizer
) -> None:
    """Of a linear D that is its weight's length, whatever a transform does to images."""
    trainer = build(penalty, augmentation, architecture=LinearPlayers(depth=0), image={"size": 8})
    weight = trainer.game.network("discriminator").get_parameter("to_logit.weight")
    with torch.no_grad():
        weight.mul_(3 / weight.norm())
    trainer.one_step()
    assert trainer.game.totals.means()[f"penalty/{penalty.name}"] == pytest.approx(40.0, rel=1e-12)


@by_name
def test_its_gradient_in_the_weights_agrees_with_differences(
    bench: Callable[..., Any], augmentation: Regularizer
) -> None:
    for penalty in (R1(), WganGP(), Dragan()):
        options: dict[str, Any] = {"architecture": LinearPlayers(depth=2), "image": {"size": 8}}
        set_up = bench(penalty, augmentation, **options)
        with torch.no_grad():
            set_up.game.network("discriminator").get_parameter("to_logit.weight").mul_(30)
        assert set_up.slope_error(real=set_up.images()) < 1e-5
