"""Mode seeking and the minibatch standard deviation against numpy and plain layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gantool import Scheduled
from gantool_dcgan.plugin import DCGAN
from gantool_diversity.plugin import MinibatchStddev, ModeSeeking, RandomFeatures
from gantool_diversity.stddev import WithStddev, stddev
from gantool_gradient_penalties.plugin import R1
from gantool_spectral_norm.plugin import SpectralNorm
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gantool import Regularizer
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick

IMAGE = {"size": 16}


def plain_stddev(rows: NDArray[np.float64], group_size: int) -> list[float]:
    """Return the statistic of each image, group by group."""
    groups = np.array_split(rows, int(np.ceil(len(rows) / group_size)))
    return [float(np.mean(np.sqrt(group.var(axis=0) + 1e-8))) for group in groups for _ in group]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 11])
@pytest.mark.parametrize("group_size", [2, 4])
def test_the_statistic_is_the_mean_deviation_in_groups_of_neighbors(
    count: int, group_size: int
) -> None:
    source = torch.Generator().manual_seed(count)
    rows = torch.randn(count, 7, generator=source, dtype=torch.float64)
    expected = plain_stddev(rows.numpy(), group_size)
    np.testing.assert_allclose(stddev(rows, group_size).numpy(), expected, rtol=1e-12)


def wrapped(build: Callable[..., Trainer], *more: Regularizer, **options: Any) -> WithStddev:
    """Return a wrapped DCGAN discriminator whose direction is not 0."""
    architecture = DCGAN(width=4, latent_dim=3, discriminator_norm="none")
    trainer = build(MinibatchStddev(), *more, architecture=architecture, image=IMAGE, **options)
    network = trainer.game.network("discriminator")
    assert isinstance(network, WithStddev)
    with torch.no_grad():
        network.direction.copy_(torch.linspace(-1, 2, len(network.direction)))
    return network


def images_of(count: int) -> Tensor:
    source = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, 16, 16, generator=source, dtype=torch.float64)


def test_before_a_linear_head_it_is_one_more_constant_map(build: Callable[..., Trainer]) -> None:
    network, images = wrapped(build), images_of(8)
    head: Any = network.network.get_submodule("to_logit")
    features = network.features(images)
    deviations = plain_stddev(features.flatten(1).detach().numpy(), 4)
    maps = torch.tensor(deviations, dtype=torch.float64)
    maps = maps.view(-1, 1, 1, 1).expand(-1, 1, *features.shape[2:])
    more = (head.weight * network.direction[:, None, None]).sum(1, keepdim=True)  # [1, 1, 4, 4]
    weight = torch.cat([head.weight, more], 1)
    expected = nn.functional.conv2d(torch.cat([features, maps], 1), weight, head.bias)
    torch.testing.assert_close(network(images), expected.flatten(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_wrapper_is_a_discriminator_like_any_other(
    build: Callable[..., Trainer], classes: int
) -> None:
    network, images = wrapped(build, classes=classes), images_of(6)
    labels = [torch.tensor([0, 1, 2, 0, 1, 2])] if classes else []
    logits = network(images, *labels)
    assert logits.shape == (6,)
    assert torch.equal(network.head(network.features(images, *labels), *labels), logits)
    assert network.get_submodule("blocks") is network.network.get_submodule("blocks")
    assert sorted(network.state_dict())[0] == "direction"
    assert not [name for name in network.state_dict() if name.startswith("blocks")]
    one = network.features(images[:1], *[label[:1] for label in labels])
    torch.testing.assert_close(one, network.features(images, *labels)[:1])


def test_at_first_logits_are_those_of_the_wrapped_network(build: Callable[..., Trainer]) -> None:
    network, images = wrapped(build), images_of(5)
    assert not torch.allclose(network(images), network.network(images))
    with torch.no_grad():
        network.direction.zero_()
    assert torch.equal(network(images), network.network(images))


def test_flat_features_are_taken_too(build: Callable[..., Trainer]) -> None:
    trainer = build(MinibatchStddev(group_size=2), architecture=LinearPlayers(depth=1))
    network: Any = trainer.game.network("discriminator")
    images = torch.randn(4, 3, 4, 6, dtype=torch.float64)
    with torch.no_grad():
        network.direction.copy_(torch.arange(5))
        features = network.network.features(images)
        told = np.outer(plain_stddev(features.numpy(), 2), np.arange(5))
        expected = network.network.head(features + torch.from_numpy(told))
    torch.testing.assert_close(network(images), expected)


def test_it_is_trained_beside_others_and_resumes(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        regularizers = (MinibatchStddev(), SpectralNorm(), R1(), MinibatchStddev(group_size=2))
        architecture = DCGAN(width=4, latent_dim=3, discriminator_norm="instance")
        options: dict[str, Any] = {"image": IMAGE, "training": {"batch_size": 5}}
        return build(*regularizers, architecture=architecture, classes=2, **options)

    trainer = make()
    trainer.one_step()
    network = trainer.game.network("discriminator")
    for name in ("direction", "network.direction"):
        assert network.get_parameter(name).ne(0).all()
    assert not isinstance(trainer.game.network("generator"), WithStddev)
    assert continues(make, 2)


def test_finding_the_channels_moves_nothing(build: Callable[..., Trainer]) -> None:
    architecture = DCGAN(width=4, latent_dim=3)  # BatchNorm
    options: dict[str, Any] = {"architecture": architecture, "image": IMAGE}
    plain = build(SpectralNorm(), **options).game.network("discriminator").state_dict()
    network = build(SpectralNorm(), MinibatchStddev(), **options).game.network("discriminator")
    assert isinstance(network, WithStddev)
    assert len(network.direction) == 8
    found = network.network.state_dict()
    assert found.keys() == plain.keys()
    assert all(torch.equal(found[name], value) for name, value in plain.items())


@pytest.mark.parametrize("form", ["reciprocal", "ratio"])
def test_mode_seeking_compares_distances_of_images_and_of_latents(
    bench: Callable[..., Bench], form: Literal["reciprocal", "ratio"]
) -> None:
    set_up = bench(ModeSeeking(weight=Scheduled(1.5), form=form))
    network = set_up.game.network("generator")
    first = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = set_up.step("generator_penalty", "generator", latents=first)
    second = step.random.normal(6, 3)
    ratios = []
    for a, b in zip(first, second, strict=True):
        images = [network(latent[None]).detach().numpy() for latent in (a, b)]
        apart = np.mean(np.abs(images[0] - images[1]))
        ratios.append(float(apart) / float(np.mean(np.abs(a.numpy() - b.numpy()))))
    terms = [-ratio if form == "ratio" else 1 / (ratio + 1e-5) for ratio in ratios]
    value = set_up.penalty("generator", latents=first).item()
    assert value == pytest.approx(1.5 * np.mean(terms), rel=1e-12)


def test_both_images_of_a_pair_are_of_one_class(build: Callable[..., Trainer]) -> None:
    given: list[Tensor] = []
    trainer = build(ModeSeeking(), classes=3)
    trainer.game.network("generator").register_forward_pre_hook(
        lambda _, arguments: given.append(arguments[1])
    )
    trainer.one_step()
    _, first, second = given  # the discriminator's fakes, the generator's, and their partners
    assert len(set(first.tolist())) > 1
    assert torch.equal(first, second)


@pytest.mark.parametrize("form", ["reciprocal", "ratio"])
def test_mode_seeking_gradients_are_right_and_finite(
    bench: Callable[..., Bench], form: Literal["reciprocal", "ratio"]
) -> None:
    set_up = bench(ModeSeeking(form=form))
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert set_up.slope_error("generator", latents=latents) < 1e-6
    weights = set_up.game.competitors["generator"].parameters
    with torch.no_grad():
        for weight in weights:
            weight.zero_()  # every image is the same
    value = set_up.penalty("generator", latents=latents[:2])
    slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    assert value.isfinite()
    assert all(slope.isfinite().all() for slope in slopes)


def test_mode_seeking_can_be_turned_off_and_resumes(
    build: Callable[..., Trainer],
    continues: Callable[..., bool],
    bits_of: Callable[[Trainer], dict[str, bytes]],
) -> None:
    assert continues(lambda: build(ModeSeeking(), classes=2), 2)

    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image=IMAGE)
        trainer.one_step()
        return bits_of(trainer)

    assert run(ModeSeeking(weight=Scheduled(0.0))) == run()


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (ModeSeeking, {"weight": -1.0}),
        (ModeSeeking, {"form": "inverse"}),
        (MinibatchStddev, {"group_size": 1}),
    ],
)
def test_senseless_options_are_refused(
    component: type[Regularizer], options: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        component.model_validate(options)


def test_random_features_compares_mean_maps_of_fixed_convolutions(
    bench: Callable[..., Bench],
) -> None:
    set_up = bench(RandomFeatures(weight=1.5, width=5))
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = set_up.penalty("generator", latents=latents)
    state = set_up.game.regularization.states()["random-features"].state_dict()
    kernels = [kernel for name, kernel in state.items() if name.endswith("weight")]
    assert kernels
    fake, real = set_up.game.probe("generator", latents, None), set_up.images(6, 2)
    gaps: list[Tensor] = []
    for kernel in kernels:
        fake, real = (
            torch.where((y := nn.functional.conv2d(x, kernel, None, 2, 1)) > 0, y, 0.2 * y)
            for x in (fake, real)
        )
        gaps.append(real.mean((0, 2, 3)) - fake.mean((0, 2, 3)))  # [5]
    torch.testing.assert_close(found, 1.5 * torch.cat(gaps).square().mean())
    assert set_up.slope_error("generator", latents=latents) < 1e-7
