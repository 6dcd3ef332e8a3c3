"""ADA: places, colors and chances by hand, and a probability that follows the signs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch
from typing_extensions import override

from gantool import Regularizer
from gantool_augmentation.adaptive import AdaptiveProbability
from gantool_augmentation.colors import recolored, recoloring
from gantool_augmentation.geometry import resampled, rotation, scaling, translation
from gantool_augmentation.pipeline import Chance, augmented, blits
from gantool_augmentation.plugin import ADA
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from gantool import Step
    from gantool.training.trainer import Trainer
    from tests.plugins.augmentation.conftest import Seeded

pytestmark = pytest.mark.quick

GROUPS = ("blit", "geometry", "color")


def mirrored(place: float, side: int) -> float:
    """Walk back and forth between the first and the last pixel."""
    while not 0 <= place <= side - 1:
        place = -place if place < 0 else 2 * (side - 1) - place
    return place


def pulled(image: NDArray[np.float64], inverse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move an image [C, H, W] by the inverse of an affine map, one pixel at a time."""
    _, height, width = image.shape
    result = np.empty_like(image)
    for row in range(height):
        for column in range(width):
            here = np.array([column - (width - 1) / 2, row - (height - 1) / 2, 1.0])
            x, y, _ = inverse @ here
            x = mirrored(float(x) + (width - 1) / 2, width)
            y = mirrored(float(y) + (height - 1) / 2, height)
            left, top = min(int(x), width - 2), min(int(y), height - 2)
            a, b = x - left, y - top
            above = (1 - a) * image[:, top, left] + a * image[:, top, left + 1]
            below = (1 - a) * image[:, top + 1, left] + a * image[:, top + 1, left + 1]
            result[:, row, column] = (1 - b) * above + b * below
    return result


def test_resampling_interpolates_and_mirrors_at_the_border(pictures: Callable[..., Tensor]) -> None:
    images = pictures(5, 2, 4, 6)
    source = torch.Generator().manual_seed(0)
    inverse = torch.randn(5, 3, 3, generator=source, dtype=torch.float64)
    inverse[:, :2, 2] *= 4  # far outside
    inverse[:, 2] = torch.tensor([0.0, 0.0, 1.0])
    found = resampled(images, inverse).numpy()
    for index in range(5):
        expected = pulled(images[index].numpy(), inverse[index].numpy())
        np.testing.assert_allclose(found[index], expected, rtol=0, atol=1e-12)


def test_maps_move_what_they_say(pictures: Callable[..., Tensor]) -> None:
    (image,) = pictures(1, 1, 5, 5)

    def by(inverse: Tensor) -> Tensor:
        return resampled(image[None], inverse)[0]

    def one(value: float) -> Tensor:
        return torch.tensor([value], dtype=torch.float64)

    right = by(translation(one(1), one(0)))
    assert torch.equal(right[:, :, 1:], image[:, :, :-1])
    down = by(translation(one(0), one(2)))
    assert torch.equal(down[:, 2:], image[:, :-2])
    larger = by(scaling(one(2), one(2)))
    assert torch.equal(larger[:, ::2, ::2], image[:, 1:4, 1:4])
    assert torch.equal(by(scaling(one(-1), one(1))), image.flip(2))
    turned = by(rotation(one(math.pi / 2)).round())
    assert torch.equal(turned, image.rot90(-1, (1, 2)))  # y points down: clockwise


def test_resampling_is_twice_differentiable(pictures: Callable[..., Tensor]) -> None:
    images = pictures(2, 1, 3, 4).requires_grad_(True)
    source = torch.Generator().manual_seed(0)
    inverse = torch.randn(2, 3, 3, generator=source, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: resampled(x, inverse), images, fast_mode=True)
    assert torch.autograd.gradgradcheck(
        lambda x: resampled(x, inverse).pow(3), images, fast_mode=True
    )


def test_blits_of_a_square_are_its_eight_symmetries(
    pictures: Callable[..., Tensor], seeded: type[Seeded]
) -> None:
    images = pictures(1, 1, 5, 5).expand(200, -1, -1, -1)
    chance = Chance(seeded(0), 200, torch.tensor(1.0, dtype=torch.float64))
    mirror, turn, shift = blits(chance, 5, 5)
    results = resampled(images, mirror @ turn)
    symmetries = [
        symmetric.rot90(turns, (1, 2))
        for symmetric in (images[0], images[0].flip(2))
        for turns in range(4)
    ]
    found = [
        [index for index, other in enumerate(symmetries) if torch.equal(result, other)]
        for result in results
    ]
    assert {index for (index,) in found} == set(range(8))
    assert torch.equal(shift, shift.round())
    assert set(shift[:, 0, 2].tolist()) == {-1.0, 0.0, 1.0}  # an eighth of 5, rounded


def colors_of(images: Tensor, **changes: float) -> Tensor:
    """Return recolored images; what is not named stays as it is."""
    neutral = {"contrast": 1.0, "flipped": 0.0, "hue": 0.0, "saturation": 1.0, "brightness": 0.0}
    values = {
        name: torch.full((len(images),), value, dtype=images.dtype)
        for name, value in {**neutral, **changes}.items()
    }
    brightness = values.pop("brightness")
    return recolored(images, brightness, recoloring(**values))


def test_colors_move_around_the_axis_of_grays(pictures: Callable[..., Tensor]) -> None:
    images = pictures(2, 3, 4, 6)
    mean = images.mean(1, keepdim=True)
    close: dict[str, Any] = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(colors_of(images, brightness=0.3), images + 0.3, **close)
    torch.testing.assert_close(colors_of(images, contrast=1.7), 1.7 * images, **close)
    torch.testing.assert_close(colors_of(images, flipped=1.0), images - 2 * mean, **close)
    third = colors_of(images, hue=2 * math.pi / 3)
    torch.testing.assert_close(third, images.roll(1, 1), **close)  # red becomes green
    gray = colors_of(images, saturation=0.0)
    torch.testing.assert_close(gray, mean.expand_as(images), **close)
    several = colors_of(images, brightness=0.1, contrast=2.0, hue=0.5, saturation=3.0)
    in_turn = colors_of(colors_of(images, brightness=0.1), contrast=2.0)
    in_turn = colors_of(colors_of(in_turn, hue=0.5), saturation=3.0)
    torch.testing.assert_close(several, in_turn, **close)


def test_gray_images_stay_gray_and_transparency_stays(pictures: Callable[..., Tensor]) -> None:
    changes = {"brightness": 0.1, "contrast": 1.5, "flipped": 1.0, "hue": 1.0, "saturation": 2.0}
    gray = pictures(2, 1, 4, 6)
    torch.testing.assert_close(colors_of(gray, **changes), -1.5 * (gray + 0.1), rtol=0, atol=1e-12)
    clear = pictures(2, 4, 4, 6)
    found = colors_of(clear, **changes)
    assert torch.equal(found[:, 3], clear[:, 3])
    assert torch.equal(found[:, :3], colors_of(clear[:, :3], **changes))


def test_each_draw_is_neutral_unless_chosen(seeded: type[Seeded]) -> None:
    chance = Chance(seeded(0), 20_000, torch.tensor(0.36, dtype=torch.float64))

    def share(values: Tensor) -> float:
        return values.ne(0).double().mean().item()

    normal, centered, choice = chance.normal(0.5), chance.centered(0.125), chance.choice(4)
    assert share(normal) == pytest.approx(0.36, abs=0.015)
    assert normal[normal != 0].std().item() == pytest.approx(0.5, abs=0.015)
    assert share(centered) == pytest.approx(0.36, abs=0.015)
    assert centered.abs().max().item() == pytest.approx(0.125, abs=0.001)
    assert share(choice) == pytest.approx(0.36 * 3 / 4, abs=0.015)
    assert set(choice.tolist()) == {0, 1, 2, 3}
    either = chance.half_angle().abs() + chance.half_angle().abs()
    assert share(either) == pytest.approx(0.36, abs=0.015)
    assert chance.half_angle().abs().max().item() == pytest.approx(math.pi, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_at_probability_zero_every_bit_stays(
    pictures: Callable[..., Tensor], seeded: type[Seeded], channels: int
) -> None:
    for images in (pictures(3, channels, 4, 6), pictures(3, channels, 4, 6).float()):
        zero = torch.zeros((), dtype=images.dtype)
        assert torch.equal(augmented(images, seeded(0), zero, GROUPS), images)


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_changes_images_and_lets_gradients_through(
    pictures: Callable[..., Tensor], seeded: type[Seeded], group: str
) -> None:
    images = pictures(4, 3, 4, 6).requires_grad_(True)
    always = torch.tensor(1.0, dtype=torch.float64)
    results = augmented(images, seeded(0), always, (group,))
    assert (results != images).flatten(1).any(1).sum() >= 2  # a blit may change nothing
    assert torch.autograd.gradcheck(
        lambda x: augmented(x, seeded(0), always, (group,)), images, fast_mode=True
    )


def plain_probability(signs: list[float], target: float, interval: int, stride: float) -> float:
    p = 0.0
    for start in range(0, len(signs) - interval + 1, interval):
        mean = sum(signs[start : start + interval]) / interval
        p = min(1.0, max(0.0, p + (stride if mean > target else -stride)))
    return p


def test_the_probability_moves_as_the_formula_says() -> None:
    state = AdaptiveProbability(0.0, 0.6, 3, 0.15).double()
    source = torch.Generator().manual_seed(0)
    signs = 0.7 + 0.3 * torch.randn(60, generator=source, dtype=torch.float64)
    seen, path = [], []
    for sign in signs:
        state.observe(sign)
        seen.append(sign.item())
        path.append(state.probability.item())
        assert path[-1] == pytest.approx(plain_probability(seen, 0.6, 3, 0.15), abs=1e-12)
    assert len(set(path)) > 3


def test_the_probability_stays_between_zero_and_one() -> None:
    state = AdaptiveProbability(0.5, 0.6, 1, 0.4).double()
    for sign, expected in ((1.0, 0.9), (1.0, 1.0), (-1.0, 0.6), (-1.0, 0.2), (-1.0, 0.0)):
        state.observe(torch.tensor(sign, dtype=torch.float64))
        assert state.probability.item() == pytest.approx(expected)


def test_nothing_is_read_back_from_the_device(seeded: type[Seeded]) -> None:
    state = AdaptiveProbability(0.0, 0.6, 4, 0.1).to("meta")  # has no values to read
    state.observe(torch.zeros((), device="meta"))
    images = torch.zeros(4, 3, 4, 6, device="meta", dtype=torch.float64)
    assert augmented(images, seeded(0, "meta"), state.probability.double(), GROUPS).is_meta


class Watching(Regularizer):
    """Notes the discriminator's logits on real images."""

    name = "watching"
    logits: ClassVar[list[Tensor]] = []

    @override
    def after_update(self, step: Step) -> None:
        if step.player == "discriminator":
            self.logits.append(step.real_logits.clone())


def test_the_engine_adapts_it_once_in_four_discriminator_updates(
    build: Callable[..., Trainer],
) -> None:
    Watching.logits.clear()
    trainer = build(
        ADA(speed_images=100, target=0.1),
        Watching(),
        architecture=LinearPlayers(depth=1),
        training={"discriminator_updates": 2, "steps": 12, "accumulate": 2},
    )
    state = trainer.game.regularization.states()["ada"]
    path = []
    for _ in range(12):
        trainer.one_step()
        signs = [logits.sign().mean().item() for logits in Watching.logits]
        path.append(state.get_buffer("probability").item())
        assert path[-1] == pytest.approx(plain_probability(signs, 0.1, 4, 8 * 4 / 100), abs=1e-12)
    assert len(set(path)) >= 3


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        regularizer = ADA(initial_probability=0.5, speed_images=100)
        return build(regularizer, architecture=LinearPlayers(depth=1), optimizer={"use": "adam"})

    assert continues(make, 3)  # in the middle of an interval


def test_its_probability_is_among_the_figures(build: Callable[..., Trainer]) -> None:
    """The record holds the mean of p over the interval's discriminator updates."""
    ada = ADA(speed_images=100, interval=2, initial_probability=0.5)
    twice = {"discriminator_updates": 2, "steps": 100}
    trainer = build(ada, training=twice)
    (active,) = trainer.game.regularization.active
    seen = []
    for _ in range(6):
        trainer.one_step()
        assert isinstance(active.state, AdaptiveProbability)
        seen.append(float(active.state.probability))
    assert len(set(seen)) > 3
    # p moves at the second update of each step: half of its values are those of the step before
    expected = (sum(seen) + sum([0.5, *seen[:-1]])) / 12
    assert trainer.game.totals.means()["ada/probability"] == pytest.approx(expected)
