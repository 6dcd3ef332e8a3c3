"""Gradient penalties of a linear discriminator, whose gradient is its weight vector everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool import Scheduled
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1, R2, Dragan, WganGP, WganLP, gantool_components
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import LazyOption, Regularizer
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick

PENALTIES: list[type[LazyOption]] = [R1, R2, WganGP, WganLP, Dragan]


def test_all_five_are_offered() -> None:
    offered: list[Any] = list(gantool_components())
    assert offered == PENALTIES


def closed_forms(norm: float) -> list[tuple[Regularizer, float]]:
    """Return each penalty with its value on D(x) = w x for a length of w."""
    return [
        (R1(gamma=Scheduled(3.0)), 1.5 * norm**2),
        (R2(gamma=Scheduled(3.0)), 1.5 * norm**2),
        (WganGP(weight=Scheduled(7.0)), 7 * (norm - 1) ** 2),
        (WganLP(weight=Scheduled(7.0)), 7 * max(0.0, norm - 1) ** 2),
        (Dragan(weight=Scheduled(7.0)), 7 * (norm - 1) ** 2),
        (Dragan(weight=Scheduled(7.0), noise="two-sided"), 7 * (norm - 1) ** 2),
        (Dragan(weight=Scheduled(7.0), noise="normal"), 7 * (norm - 1) ** 2),
    ]


@pytest.mark.parametrize("norm", [0.0, 0.25, 1.0, 3.5])
@pytest.mark.parametrize("index", range(7))
def test_the_value_on_a_linear_discriminator(
    bench: Callable[..., Bench], norm: float, index: int
) -> None:
    penalty, expected = closed_forms(norm)[index]
    set_up = bench(penalty)
    weight = set_up.game.network("discriminator").get_parameter("to_logit.weight")
    with torch.no_grad():
        weight.mul_(norm / weight.norm())
    value = set_up.penalty(real=set_up.images())
    assert value.item() == pytest.approx(expected, abs=1e-12)
    (slope,) = torch.autograd.grad(value, weight)
    assert slope.isfinite().all()


def per_image_gradients(bench: Bench, images: Tensor, labels: Tensor | None) -> list[Tensor]:
    """Return the gradient of each image's logit, taken one image at a time."""
    network, found = bench.game.network("discriminator"), []
    for index in range(len(images)):
        one = images[index : index + 1].clone().requires_grad_()
        given = [] if labels is None else [labels[index : index + 1]]
        found.append(torch.autograd.grad(network(one, *given).squeeze(), one)[0].flatten())
    return found


@pytest.mark.parametrize("penalty", [R1(gamma=Scheduled(2.0)), R2(gamma=Scheduled(2.0))])
def test_r1_and_r2_look_at_real_and_at_generated_images(
    bench: Callable[..., Bench], penalty: Regularizer
) -> None:
    set_up = bench(penalty, architecture=LinearPlayers(depth=2), classes=3)
    seen = {
        "real": set_up.images(4, 3),
        "fake": set_up.images(4, 4),
        "real_labels": torch.tensor([0, 1, 2, 0]),
        "fake_labels": torch.tensor([2, 2, 1, 0]),
    }
    side = "real" if isinstance(penalty, R1) else "fake"
    slopes = per_image_gradients(set_up, seen[side], seen[f"{side}_labels"])
    expected = np.mean([float(slope @ slope) for slope in slopes])
    assert set_up.penalty("discriminator", **seen).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("penalty", [WganGP(weight=Scheduled(2.0)), WganLP(weight=Scheduled(2.0))])
def test_the_point_lies_on_the_line_from_a_generated_to_a_real_image(
    bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    penalty: Regularizer,
) -> None:
    set_up = bench(penalty, architecture=LinearPlayers(depth=1))
    with torch.no_grad():
        head = set_up.game.network("discriminator").get_parameter("to_logit.weight")
        head.mul_(3.15)  # slopes on both sides of 1
    real, fake, points = set_up.images(9, 3), set_up.images(9, 4), []
    step = set_up.step("discriminator_penalty", real=real, fake=fake)
    taken = step.image_gradient

    def noted(images: Tensor, labels: Tensor | None = None, **options: bool) -> Tensor:
        points.append(images)
        return taken(images, labels, **options)

    monkeypatch.setattr(step, "image_gradient", noted)
    value = penalty.discriminator_penalty(step).item()
    (mixed,) = points
    shares = ((mixed - fake) / (real - fake)).flatten(1)  # [N, C H W]
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares))
    assert 0 <= float(shares.min()) < 0.4
    assert 0.6 < float(shares.max()) < 1
    norms = [float(slope.norm()) for slope in per_image_gradients(set_up, mixed, None)]
    excess = [norm - 1 if isinstance(penalty, WganGP) else max(0, norm - 1) for norm in norms]
    assert min(norms) < 1 < max(norms)
    assert value == pytest.approx(2 * np.mean(np.square(excess)), rel=1e-12)


@pytest.mark.parametrize("noise", ["one-sided", "two-sided", "normal"])
def test_dragan_disturbs_real_images_as_its_noise_says(
    bench: Callable[..., Bench], noise: str
) -> None:
    penalty = Dragan.model_validate({"noise": noise, "scale": 0.5})
    set_up = bench(penalty, image={"size": 64})
    real = 0.3 * set_up.images(64)
    sigma = float(np.std(real.numpy()))
    step = set_up.step("discriminator_penalty", real=real)
    change = (penalty._disturbed(step) - real) / (sigma / 2)
    if noise == "one-sided":  # a U with a from U[0, 1) for each image: means a / 2
        assert float(change.min()) >= 0
        assert float(change.max()) < 1
        shares = change.flatten(1).amax(1)
        assert float(shares.min()) < 0.1
        assert float(shares.max()) > 0.9
        torch.testing.assert_close(change.flatten(1).mean(1), shares / 2, rtol=0.02, atol=0)
    elif noise == "two-sided":
        assert -1 <= float(change.min()) < -0.99
        assert 0.99 < float(change.max()) < 1
        assert float(change.mean()) == pytest.approx(0, abs=0.01)
    else:
        assert float(change.std()) == pytest.approx(1, abs=0.01)
        assert float(change.mean()) == pytest.approx(0, abs=0.01)


def test_two_sided_noise_leaves_no_image_outside_its_range(bench: Callable[..., Bench]) -> None:
    penalty = Dragan(noise="two-sided", scale=2.0)
    set_up = bench(penalty)
    disturbed = penalty._disturbed(set_up.step("", real=set_up.images()))
    assert disturbed.abs().max() == 1


@pytest.mark.parametrize("component", PENALTIES)
def test_gradients_agree_with_differences(
    bench: Callable[..., Bench], component: type[LazyOption]
) -> None:
    set_up = bench(component(), architecture=LinearPlayers(depth=2))
    with torch.no_grad():
        set_up.game.network("discriminator").get_parameter("to_logit.weight").mul_(30)
    assert set_up.slope_error(real=set_up.images()) < 1e-6


@pytest.mark.parametrize("component", PENALTIES)
@pytest.mark.parametrize("images", ["constant", "zero", "huge"])
def test_penalties_are_finite_on_odd_images(
    bench: Callable[..., Bench], component: type[LazyOption], images: str
) -> None:
    architecture = DCGAN(width=4, latent_dim=3, discriminator_norm="layer")
    set_up = bench(component(), architecture=architecture, image={"size": 16})
    odd = {"constant": 0.0, "zero": 0.0, "huge": 1e6}[images] * set_up.images(2)
    odd = odd + (0.7 if images == "constant" else 0.0)
    value = set_up.penalty(real=odd, fake=odd.flip(0))
    weights = set_up.game.competitors["discriminator"].parameters
    slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    assert value.isfinite()
    assert all(slope.isfinite().all() for slope in slopes)


@pytest.mark.parametrize("component", PENALTIES)
def test_lazy_equals_eager_in_the_mean(
    build: Callable[..., Trainer],
    gradients: Callable[..., list[Tensor]],
    component: type[LazyOption],
) -> None:
    def all_images(every_steps: int) -> Trainer:
        trainer = build(
            component.model_validate({"every_steps": every_steps}),
            architecture=LinearPlayers(depth=0),  # linear: no draw matters to the penalty
            optimizer={"learning_rate": 0.0},
            training={"batch_size": 24, "steps": 6},
        )
        with torch.no_grad():  # slopes below 1 would cost WGAN-LP nothing
            trainer.game.network("discriminator").get_parameter("to_logit.weight").mul_(30)
        return trainer

    eager = torch.stack(gradients(lambda: all_images(1), "discriminator", 6))
    lazy = torch.stack(gradients(lambda: all_images(3), "discriminator", 6))
    torch.testing.assert_close(lazy.mean(0), eager.mean(0))
    assert not torch.allclose(lazy, eager)


def test_the_engine_adds_it_to_the_discriminators_loss_and_resumes(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        every = [component() for component in PENALTIES]
        return build(*every, architecture=LinearPlayers(depth=2), optimizer={"use": "adam"})

    trainer = make()
    trainer.one_step()
    names = {f"penalty/{component.name}" for component in PENALTIES}
    assert names <= trainer.game.totals.means().keys()
    assert continues(make)


@pytest.mark.parametrize("component", PENALTIES)
def test_strength_zero_leaves_every_bit(
    build: Callable[..., Trainer],
    bits_of: Callable[[Trainer], dict[str, bytes]],
    component: type[LazyOption],
) -> None:
    assert component.strength is not None

    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        architecture = DCGAN(width=4, latent_dim=3)
        trainer = build(*regularizers, architecture=architecture, image={"size": 16})
        for _ in range(2):
            trainer.one_step()
        return bits_of(trainer)

    assert run(component.model_validate({component.strength: 0.0})) == run()
