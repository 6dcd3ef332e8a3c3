"""Consistency regularization against differences of logits and images taken by hand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gantool import Scheduled
from gantool_augmentation.plugin import DiffAugment, InstanceNoise
from gantool_consistency.plugin import ZCR, Consistency
from gantool_consistency.views import flipped, shifted
from gantool_dcgan.plugin import DCGAN
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Regularizer
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick


def reflected(row: list[float], shift: int) -> list[float]:
    """Shift a row of pixels; numpy's padding tells what comes in."""
    width = abs(shift)
    padded = np.pad(np.array(row), width, mode="reflect")
    start = width - shift
    return [float(value) for value in padded[start : start + len(row)]]


def test_views_are_mirrored_and_shifted_with_reflection(bench: Callable[..., Bench]) -> None:
    set_up = bench(Consistency(), image={"size": [4, 8], "channels": 1})
    images = set_up.images(1).expand(300, -1, -1, -1)
    random = set_up.step("", real=images).random
    mirrored = flipped(images, random, 0.25)
    signs = (mirrored != images).flatten(1).any(1)
    assert torch.equal(mirrored, torch.where(signs[:, None, None, None], images.flip(3), images))
    assert signs.double().mean().item() == pytest.approx(0.25, abs=0.08)
    found = Counter[tuple[int, int]]()
    image = images[0, 0].tolist()
    expected = {}
    for down in range(-1, 2):
        columns = [reflected(list(column), down) for column in zip(*image, strict=True)]
        rows = [list(row) for row in zip(*columns, strict=True)]
        for right in range(-2, 3):
            expected[down, right] = [reflected(row, right) for row in rows]
    for view in shifted(images, random, 0.25)[:, 0].tolist():
        (shift,) = [shift for shift, other in expected.items() if other == view]
        found[shift] += 1
    assert found.keys() == expected.keys()


@pytest.mark.parametrize("balanced", [False, True])
def test_cr_is_the_squared_difference_of_the_logits_of_two_views(
    bench: Callable[..., Bench], balanced: bool
) -> None:
    regularizer = Consistency(weight=Scheduled(3.0), balanced=balanced, flip=1.0, largest_shift=0.0)
    set_up = bench(regularizer, architecture=LinearPlayers(depth=1), classes=2)
    labels = {"real_labels": torch.tensor([0, 1, 1]), "fake_labels": torch.tensor([1, 1, 0])}
    seen = {"real": set_up.images(3, 4), "fake": set_up.images(3, 5), **labels}
    expected = 0.0
    for side in ("real", "fake")[: 1 + balanced]:
        images, given = seen[side], labels[f"{side}_labels"]
        differences = set_up.logits(images, given) - set_up.logits(images.flip(3), given)
        expected += 3 * float(np.mean(differences.detach().numpy() ** 2))
    value = set_up.penalty("discriminator", **seen).item()
    assert value == pytest.approx(expected, rel=1e-12)
    assert value > 0


def test_cr_costs_nothing_where_views_look_the_same(bench: Callable[..., Bench]) -> None:
    set_up = bench(Consistency(balanced=True))
    flat = torch.full((4, 3, 4, 6), 0.3, dtype=torch.float64)
    assert set_up.penalty(real=flat, fake=-flat) == 0


def test_zcr_compares_logits_for_the_discriminator_and_images_for_the_generator(
    bench: Callable[..., Bench],
) -> None:
    regularizer = ZCR(
        discriminator_weight=Scheduled(7.0), generator_weight=Scheduled(0.4), deviation=0.2
    )
    set_up = bench(regularizer, architecture=LinearPlayers(depth=1))
    latents = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    networks = {player: set_up.game.network(player) for player in set_up.game.competitors}
    for player in set_up.game.competitors:
        step = set_up.step(f"{player}_penalty", player, latents=latents)
        near = latents + 0.2 * step.random.normal(5, 3)
        image, other = networks["generator"](latents), networks["generator"](near)
        if player == "generator":
            expected = -0.4 * float(np.mean((image - other).detach().numpy() ** 2))
            value = set_up.penalty("generator", latents=latents)
        else:
            logits = networks["discriminator"](image) - networks["discriminator"](other)
            expected = 7 * float(np.mean(logits.detach().numpy() ** 2))
            value = set_up.penalty(latents=latents, fake=image.detach())
        assert value.item() == pytest.approx(expected, rel=1e-12)
        assert value != 0


def test_zcr_has_an_image_and_its_neighbor_augmented_alike(bench: Callable[..., Bench]) -> None:
    latents = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for deviation in (0.0, 1e-4):
        set_up = bench(ZCR(deviation=deviation), DiffAugment(), InstanceNoise(), image={"size": 16})
        fake = set_up.game.network("generator")(latents).detach()
        value = set_up.penalty(latents=latents, fake=fake).item()
        assert value < 1e-6  # draws of their own would be all that is seen
        assert (value > 0) == (deviation > 0)


def test_zcr_trains_only_the_player_whose_update_it_is(bench: Callable[..., Bench]) -> None:
    set_up = bench(ZCR(), architecture=LinearPlayers(depth=1))
    latents = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fake = set_up.game.network("generator")(latents).detach()
    value = set_up.penalty(latents=latents, fake=fake)
    weights = set_up.game.competitors["generator"].parameters
    slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    assert not any(slope.any() for slope in slopes)


def test_a_weight_of_zero_leaves_a_player_alone(bench: Callable[..., Bench]) -> None:
    latents = torch.ones(4, 3, dtype=torch.float64)
    set_up = bench(ZCR(discriminator_weight=Scheduled(0.0)), architecture=LinearPlayers(depth=1))
    assert set_up.penalty(latents=latents) == 0
    assert set_up.penalty("generator", latents=latents) != 0
    set_up = bench(ZCR(generator_weight=Scheduled(0.0)), architecture=LinearPlayers(depth=1))
    assert set_up.penalty("generator", latents=latents) == 0
    assert set_up.penalty(latents=latents) != 0


def test_gradients_agree_with_differences(bench: Callable[..., Bench]) -> None:
    latents = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    set_up = bench(ZCR(deviation=0.5), architecture=LinearPlayers(depth=1))
    assert set_up.slope_error("generator", latents=latents) < 1e-6
    assert set_up.slope_error(latents=latents) < 1e-6
    set_up = bench(Consistency(balanced=True), architecture=LinearPlayers(depth=1))
    assert set_up.slope_error(real=set_up.images()) < 1e-6


def test_penalties_are_finite_on_odd_images(bench: Callable[..., Bench]) -> None:
    architecture = DCGAN(width=4, latent_dim=3, discriminator_norm="layer")
    for regularizer in (Consistency(balanced=True), ZCR()):
        set_up = bench(regularizer, architecture=architecture, image={"size": 16})
        latents = torch.zeros(2, 3, dtype=torch.float64)
        for odd in (0 * set_up.images(2), 0 * set_up.images(2) + 0.7, 1e6 * set_up.images(2)):
            assert set_up.penalty(real=odd, fake=odd, latents=latents).isfinite()


def test_both_train_beside_batch_norm_and_resume(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        regularizers: list[Regularizer] = [Consistency(balanced=True), ZCR()]
        architecture = DCGAN(width=4, latent_dim=3)
        options = {"image": {"size": 16}, "training": {"batch_size": 4}}
        return build(*regularizers, architecture=architecture, classes=2, **options)

    assert continues(make, 2)


def test_a_strength_of_zero_leaves_every_bit(
    build: Callable[..., Trainer], bits_of: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image={"size": 16})
        for _ in range(2):
            trainer.one_step()
        found = bits_of(trainer).items()
        return {path: value for path, value in found if path.startswith(("/networks", "/optim"))}

    assert (
        run(
            Consistency(weight=Scheduled(0.0)),
            ZCR(discriminator_weight=Scheduled(0), generator_weight=Scheduled(0)),
        )
        == run()
    )


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (Consistency, {"weight": -1.0}),
        (Consistency, {"flip": 1.5}),
        (Consistency, {"largest_shift": float("nan")}),
        (ZCR, {"deviation": -0.1}),
        (ZCR, {"weight": 1.0}),
    ],
)
def test_senseless_options_are_refused(
    component: type[Regularizer], options: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        component.model_validate(options)
