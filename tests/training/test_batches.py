"""Batches of real images: portions, normalization, mirrors, refusals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor
from torchvision import transforms  # type: ignore[import-untyped]

from gantool import RecipeError
from gantool.data.batches import Batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick


def shuffled(epoch: int, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(epoch))


def portions(count: int, size: int, *, keep_last: bool) -> Batches:
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 4, 4, 1)
    labels = torch.arange(count)
    return Batches(pixels, labels, size=size, keep_last=keep_last, order=shuffled)


@pytest.mark.parametrize(
    ("count", "size", "keep_last", "sizes"),
    [
        (19, 8, True, [8, 8, 3]),
        (19, 8, False, [8, 8]),
        (16, 8, True, [8, 8]),
        (16, 8, False, [8, 8]),
        (5, 8, True, [5]),
        (18, 8, True, [8, 8, 2]),
    ],
)
def test_an_epoch_shows_every_image_once(
    count: int, size: int, keep_last: bool, sizes: list[int]
) -> None:
    batches = portions(count, size, keep_last=keep_last)
    assert batches.per_epoch == len(sizes)
    assert batches.images_per_epoch == sum(sizes)
    orders = []
    for epoch in range(3):
        numbers = range(epoch * len(sizes), (epoch + 1) * len(sizes))
        labels = [batches.batch(number).labels for number in numbers]
        assert [len(part) for part in labels if part is not None] == sizes
        shown = [int(label) for part in labels if part is not None for label in part]
        assert Counter(shown) == Counter(set(shown))
        assert len(shown) == sum(sizes)
        orders.append(shown)
    assert orders[0] != orders[1] != orders[2]
    if not keep_last:
        left_out = [set(range(count)) - set(order) for order in orders]
        assert {len(left) for left in left_out} == {count - sum(sizes)}


def test_labels_stay_with_their_images_and_a_batch_with_its_number() -> None:
    batches = portions(19, 8, keep_last=True)
    kept = [batches.batch(number) for number in range(6)]
    for number in (5, 0, 3, 1, 4, 2):
        images, labels, _ = batches.batch(number)
        assert labels is not None
        assert torch.equal(images, kept[number].images)
        assert torch.equal(((images[:, 0, 0, 0] + 1) * 127.5).round().long(), labels)


def test_images_are_those_of_torchvisions_to_tensor_and_normalize() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(4, 8, 8, 1).repeat(1, 1, 1, 3)
    pixels = torch.cat([pixels, pixels.flip(1)])
    batches = Batches(pixels, None, size=8, keep_last=False, order=lambda _, n: torch.arange(n))
    usual = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
    )
    expected = torch.stack([usual(image.numpy()) for image in pixels])
    images, labels, _ = batches.batch(0)
    assert labels is None
    assert images.dtype == torch.float32
    assert images.shape == (8, 3, 8, 8)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-6)
    assert (float(images.min()), float(images.max())) == (-1, 1)


@pytest.mark.parametrize("flips", [None, torch.tensor([True, False, False, True] * 2)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_images_have_the_layout_and_the_mirrors_that_were_asked_for(
    flips: Tensor | None, layout: torch.memory_format
) -> None:
    source = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (11, 6, 4, 3), dtype=torch.uint8, generator=source)
    plain = Batches(pixels, None, size=8, keep_last=True, order=shuffled, dtype=torch.float64)
    batches = Batches(
        pixels, None, size=8, keep_last=True, order=shuffled, dtype=torch.float64, layout=layout
    )
    for number in range(2):  # of 8 images, and of 3
        images, expected = batches.batch(number, flips).images, plain.batch(number).images
        assert images.is_contiguous(memory_format=layout)
        for row, image in enumerate(images):
            mirrored = flips is not None and bool(flips[row])
            columns = list(range(4))[::-1] if mirrored else list(range(4))
            assert torch.equal(image, expected[row][:, :, columns])


def test_a_last_batch_of_one_image_is_refused_with_the_numbers() -> None:
    with pytest.raises(RecipeError) as caught:
        portions(17, 8, keep_last=True)
    assert "1 image" in caught.value.message
    assert "17 images in batches of 8" in caught.value.message
    assert 'last_batch = "drop"' in str(caught.value.hint)
    assert portions(17, 8, keep_last=False).per_epoch == 2


def test_too_few_images_for_a_batch_are_refused_with_the_numbers() -> None:
    with pytest.raises(RecipeError) as caught:
        portions(7, 8, keep_last=False)
    assert "7 images do not fill one batch of 8" in caught.value.message
    assert "at most 7" in str(caught.value.hint)
    for keep_last in (True, False):
        for count in (0, 1):
            with pytest.raises(RecipeError, match=f"{count} images are left to train on"):
                portions(count, 8, keep_last=keep_last)


def test_the_trainer_mirrors_about_half_of_the_images_anew_in_every_batch(
    train: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train(count=32, image={"horizontal_flip": True}, training={"batch_size": 16})
    game = follow(trainer)
    masks = []
    for step in range(6):
        trainer.one_step()
        shown, real = game.shown[-3], game.real(step)
        mirrored = [torch.allclose(a, b.flip(2)) for a, b in zip(shown, real, strict=True)]
        assert all(m or torch.allclose(a, b) for m, a, b in zip(mirrored, shown, real, strict=True))
        masks.append(tuple(mirrored))
    assert 30 < sum(map(sum, masks)) < 66  # of 96, five deviations either side
    assert len(set(masks)) == len(masks)
