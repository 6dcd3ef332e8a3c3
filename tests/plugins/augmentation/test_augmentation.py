"""Augmentations as the engine applies them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from pydantic import ValidationError

from gantool import Scheduled
from gantool_augmentation.plugin import ADA, DiffAugment, InstanceNoise
from gantool_dcgan.plugin import DCGAN
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Regularizer
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick

EVERY: list[Regularizer] = [InstanceNoise(), DiffAugment(), ADA(initial_probability=1.0)]


@pytest.mark.parametrize(("until", "progress"), [(1.0, 0.0), (1.0, 0.25), (0.5, 0.25), (0.5, 0.75)])
def test_instance_noise_falls_in_a_straight_line(
    bench: Callable[..., Bench], until: float, progress: float
) -> None:
    set_up = bench(InstanceNoise(deviation=Scheduled(0.4), until=until), image={"size": 32})
    set_up.game.progress.fill_(progress)
    images = set_up.images(8)
    noise = set_up.transform(images) - images
    expected = 0.4 * max(0.0, 1 - progress / until)
    assert noise.std().item() == pytest.approx(expected, abs=0.01)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert (expected == 0) == torch.equal(set_up.transform(images), images)


def test_every_image_is_changed_by_draws_of_its_own(bench: Callable[..., Bench]) -> None:
    for regularizer in EVERY:
        set_up = bench(regularizer, image={"size": 16})
        images = set_up.images(1).expand(6, -1, -1, -1)
        changed = set_up.transform(images)
        assert changed.shape == images.shape
        distances = torch.cdist(changed.flatten(1), changed.flatten(1))
        assert (distances + torch.eye(6, dtype=torch.float64)).min() > 0.1


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_channel_counts_and_oblong_images_are_taken(
    bench: Callable[..., Bench], channels: int
) -> None:
    for regularizer in EVERY:
        set_up = bench(regularizer, image={"size": [4, 8], "channels": channels})
        for images in (set_up.images(2), torch.zeros(2, channels, 4, 8).double()):
            assert set_up.transform(images).isfinite().all()
            assert set_up.transform(images + 1e6).isfinite().all()
        set_up.trainer.one_step()


def test_both_players_and_both_kinds_of_images_meet_it(build: Callable[..., Trainer]) -> None:
    shown = []
    for regularizer in EVERY:
        trainer = build(regularizer, architecture=LinearPlayers(depth=1), image={"size": 8})
        network = trainer.game.network("discriminator")
        with_hook = network.register_forward_pre_hook(
            lambda _, given: shown.append(given[0].detach().clone())
        )
        real = trainer.game.batches.batch(0).images
        trainer.one_step()
        with_hook.remove()
        assert not torch.equal(shown[0], real)
        before = {
            name: weight.clone()
            for name, weight in trainer.game.network("generator").named_parameters()
        }
        trainer.one_step()
        after = dict(trainer.game.network("generator").named_parameters())
        assert all(not torch.equal(before[name], after[name]) for name in before)


def test_diffaugment_does_what_its_policy_names(bench: Callable[..., Bench]) -> None:
    for part in ("color", "translation", "cutout"):
        set_up = bench(DiffAugment.model_validate({"policy": (part,)}), image={"size": 16})
        images = set_up.images(20)
        changed = set_up.transform(images)
        zeros = (changed == 0).all(1).double().mean().item()
        if part == "color":
            assert zeros == 0
        elif part == "cutout":
            assert torch.equal(changed[changed != 0], images[changed != 0])
            assert 0.1 < zeros < 0.25
        else:
            assert 0 < zeros < 0.3
            assert not torch.equal(changed[changed != 0], images[changed != 0])


@pytest.mark.parametrize(
    "off", [InstanceNoise(deviation=Scheduled(0.0)), DiffAugment(probability=Scheduled(0.0))]
)
def test_strength_zero_leaves_every_bit(
    build: Callable[..., Trainer],
    bits_of: Callable[[Trainer], dict[str, bytes]],
    off: Regularizer,
) -> None:
    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image={"size": 16})
        for _ in range(2):
            trainer.one_step()
        return bits_of(trainer)

    assert run(off) == run()


def test_runs_with_them_resume(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    for regularizer in (InstanceNoise(), DiffAugment(probability=Scheduled(0.5))):
        assert continues(lambda regularizer=regularizer: build(regularizer))


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (InstanceNoise, {"deviation": -0.1}),
        (InstanceNoise, {"deviation": float("nan")}),
        (InstanceNoise, {"until": 0.0}),
        (DiffAugment, {"policy": ()}),
        (DiffAugment, {"policy": ("colour",)}),
        (DiffAugment, {"probability": 1.1}),
        (DiffAugment, {"largest_shift": -0.1}),
        (ADA, {"speed_images": 0}),
        (ADA, {"target": 1.0}),
        (ADA, {"augmentations": ()}),
    ],
)
def test_senseless_options_are_refused(
    component: type[Regularizer], options: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        component.model_validate(options)
