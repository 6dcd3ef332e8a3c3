"""Path lengths against Jacobians computed in full, one image at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from typing_extensions import override

from gantool import GeneratorStep, Regularizer, Scheduled
from gantool_dcgan.plugin import DCGAN
from gantool_path_length.lengths import Lengths, path_lengths
from gantool_path_length.plugin import PathLength
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import ImageShape
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick


class SplitGenerator(nn.Module):
    """A mapping that gives each of three layers a style of its own, and a synthesis."""

    def __init__(self, image: ImageShape, latent_dim: int) -> None:
        super().__init__()
        self.image = image
        self.affine = nn.Linear(latent_dim, 3 * 4)
        self.out = nn.Linear(3 * 4, image.channels * image.height * image.width)

    def mapping(self, latents: Tensor) -> Tensor:
        styles: Tensor = self.affine(latents).tanh().view(-1, 3, 4)
        return styles

    def synthesis(self, styles: Tensor) -> Tensor:
        images: Tensor = self.out(styles.flatten(1)).tanh().view(-1, *self.image)
        return images

    def forward(self, latents: Tensor) -> Tensor:
        return self.synthesis(self.mapping(latents))


class SplitPlayers(LinearPlayers):
    """Players of which the generator is split."""

    name = "split"

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return SplitGenerator(image, self.latent_dim)


def length(image_of: Callable[[Tensor], Tensor], style: Tensor, noise: Tensor) -> float:
    """Return |J^T y| for the noise y of one image, from its whole Jacobian."""
    jacobian: Any = torch.func.jacrev(image_of)(style)  # [C, H, W, ...]
    pixels = noise.numel() // len(noise)
    product = np.tensordot(noise.numpy() / np.sqrt(pixels), jacobian.detach().numpy(), 3)
    squares = np.square(product).sum(-1)  # of each layer, if there are layers
    return float(np.sqrt(squares.mean()))


@pytest.mark.parametrize("shrink", [1, 2, 3])
def test_lengths_in_the_latents_of_a_generator_in_one_piece(
    bench: Callable[..., Bench], shrink: int
) -> None:
    set_up = bench(PathLength(batch_shrink=shrink))
    network = set_up.game.network("generator")
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = set_up.step("generator_penalty", "generator", latents=latents)
    drawn = step.random.normal(6, *set_up.game.setup.image)
    lengths = path_lengths(set_up.step("generator_penalty", "generator", latents=latents), shrink)
    expected = [
        length(lambda z: network(z[None])[0], latents[index], drawn[index])
        for index in range(0, 6, shrink)
    ]
    np.testing.assert_allclose(lengths.detach().numpy(), expected, rtol=1e-10)


def test_lengths_in_the_styles_of_a_split_generator(bench: Callable[..., Bench]) -> None:
    set_up = bench(PathLength(batch_shrink=1), architecture=SplitPlayers())
    network: Any = set_up.game.network("generator")
    latents = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = set_up.step("generator_penalty", "generator", latents=latents)
    drawn = step.random.normal(4, *set_up.game.setup.image)
    styles = network.mapping(latents).detach()
    expected = [
        length(lambda w: network.synthesis(w[None])[0], styles[index], drawn[index])
        for index in range(4)
    ]
    lengths = path_lengths(set_up.step("generator_penalty", "generator", latents=latents), 1)
    np.testing.assert_allclose(lengths.detach().numpy(), expected, rtol=1e-10)
    slopes = torch.autograd.grad(lengths.sum(), list(network.parameters()), allow_unused=True)
    assert all(slope is not None for slope in slopes[:3])  # the mapping is trained too


def test_the_average_follows_the_lengths_of_the_updates_that_apply_it(
    build: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantool_path_length import lengths as module

    seen: list[Tensor] = []
    computed = module.path_lengths

    def noted(step: GeneratorStep, batch_shrink: int) -> Tensor:
        found = computed(step, batch_shrink)
        seen.append(found.detach().clone())
        return found

    monkeypatch.setattr(module, "path_lengths", noted)
    trainer = build(
        PathLength(every_steps=3, weight=Scheduled(1.5), decay=0.8),
        training={"accumulate": 2, "steps": 9, "discriminator_updates": 2},
    )
    state = trainer.game.regularization.states()["path-length"]
    average, penalties, applied = 0.0, [], 0
    for step in range(9):
        trainer.one_step()
        lengths = torch.cat([torch.zeros(0, dtype=torch.float64), *seen])
        seen.clear()
        assert len(lengths) == (4 if step % 3 == 0 else 0)  # half of eight, in two slices
        if len(lengths):
            applied += 1
            penalties.append(1.5 * float(np.mean((lengths.numpy() - average) ** 2)))
            average = 0.8 * average + 0.2 * float(lengths.mean())
            found = trainer.game.totals.means()["penalty/path-length"]
            assert found == pytest.approx(np.mean(penalties), rel=1e-12)
        assert state.get_buffer("mean").item() == pytest.approx(average, rel=1e-12)
        assert state.get_buffer("count") == 0
    assert applied == 3


def test_its_gradient_agrees_with_differences(bench: Callable[..., Bench]) -> None:
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for options in ({}, {"architecture": SplitPlayers()}):
        assert bench(PathLength(), **options).slope_error("generator", latents=latents) < 1e-6


def test_it_is_finite_for_a_generator_that_does_not_move(bench: Callable[..., Bench]) -> None:
    set_up = bench(PathLength())
    weights = set_up.game.competitors["generator"].parameters
    with torch.no_grad():
        for weight in weights:
            weight.zero_()
    value = set_up.penalty("generator", latents=torch.ones(2, 3, dtype=torch.float64))
    slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    assert value == 0
    assert all(slope.isfinite().all() for slope in slopes)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        architecture = DCGAN(width=4, latent_dim=3)
        options: dict[str, Any] = {"image": {"size": 16}, "optimizer": {"use": "adam"}}
        return build(PathLength(every_steps=2), architecture=architecture, classes=2, **options)

    assert continues(make, 3)


def test_a_weight_of_zero_leaves_every_bit(
    build: Callable[..., Trainer], bits_of: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image={"size": 16})
        trainer.one_step()
        return bits_of(trainer)

    assert run(PathLength(weight=Scheduled(0.0))) == run()


def test_nothing_is_read_back_from_the_device() -> None:
    state = Lengths().to("meta")  # has no values to read
    state.note(torch.zeros(3, device="meta"))
    state.settle(state.noted_mean(), 0.01)
    assert state.mean.is_meta


@pytest.mark.parametrize(
    "options", [{"weight": -1.0}, {"decay": 1.0}, {"batch_shrink": 0}, {"every_steps": 0}]
)
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PathLength.model_validate(options)
