"""The operations of DiffAugment against shifts, holes and colors computed by hand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from gantool_augmentation.operations import cut, jittered, shifted, sometimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from tests.plugins.augmentation.conftest import Noting, Seeded

HEIGHT, WIDTH = 8, 16


def moved(image: NDArray[np.float64], down: int, right: int) -> NDArray[np.float64]:
    """Shift an image [C, H, W], one pixel at a time."""
    result = np.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                result[:, row + down, column + right] = image[:, row, column]
    return result


def test_a_translation_is_a_whole_shift_filled_with_zeros(
    pictures: Callable[..., Tensor], seeded: type[Seeded]
) -> None:
    images = pictures(1, 2, HEIGHT, WIDTH).expand(400, -1, -1, -1)
    image, found = images[0].numpy(), Counter[tuple[int, int]]()
    limits = (1, 2)  # an eighth of 8 and of 16
    expected = {
        (down, right): moved(image, down, right)
        for down in range(-limits[0], limits[0] + 1)
        for right in range(-limits[1], limits[1] + 1)
    }
    for result in shifted(images, seeded(0), 0.125).numpy():
        (shift,) = [shift for shift, other in expected.items() if np.array_equal(result, other)]
        found[shift] += 1
    assert found.keys() == expected.keys()
    assert min(found.values()) > 400 / 15 / 2  # all equally likely


def test_a_hole_is_a_rectangle_whose_center_is_anywhere(
    pictures: Callable[..., Tensor], seeded: type[Seeded]
) -> None:
    images = pictures(1, 3, HEIGHT, WIDTH).expand(2000, -1, -1, -1)
    results = cut(images, seeded(1), 0.5)
    holes = (results == 0).all(1)  # [N, H, W]
    assert torch.equal(results, torch.where(holes[:, None], 0, images))
    areas = []
    for hole in holes:
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        height, width = (int(x[-1] - x[0]) + 1 for x in (rows, columns))
        assert hole.sum() == height * width  # a rectangle
        assert height <= HEIGHT // 2
        assert width <= WIDTH // 2
        inside = (
            rows[0] > 0 and rows[-1] < HEIGHT - 1 and columns[0] > 0 and columns[-1] < WIDTH - 1
        )
        assert not inside or (height, width) == (HEIGHT // 2, WIDTH // 2)
        areas.append(height * width)
    means = [
        np.mean([min(center + side // 4, side) - max(center - side // 4, 0) for center in centers])
        for side, centers in ((HEIGHT, range(HEIGHT + 1)), (WIDTH, range(WIDTH + 1)))
    ]
    assert np.mean(areas) == pytest.approx(means[0] * means[1], rel=0.03)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colors_change_brightness_then_saturation_then_contrast(
    pictures: Callable[..., Tensor], noting: type[Noting], channels: int
) -> None:
    images, random = pictures(5, channels, 4, 6), noting(2)
    results = jittered(images, random).numpy()
    draws = [draw.flatten().tolist() for draw in random.drawn]
    for index, (b, s, c) in enumerate(zip(*draws, strict=True)):
        colors = images[index, :3].numpy() + (b - 0.5)
        gray = colors.mean(0)
        colors = np.stack([2 * s * color + (1 - 2 * s) * gray for color in colors])
        colors = (c + 0.5) * colors + (0.5 - c) * colors.mean()
        np.testing.assert_allclose(results[index, :3], colors, rtol=0, atol=1e-12)
    assert np.array_equal(results[:, 3:], images[:, 3:].numpy())


def test_a_probability_chooses_whole_images(
    pictures: Callable[..., Tensor], seeded: type[Seeded]
) -> None:
    images = pictures(1000, 1, 2, 2)
    assert torch.equal(sometimes(-images, images, seeded(3), torch.tensor(0.0)), images)
    assert torch.equal(sometimes(-images, images, seeded(3), torch.tensor(1.0)), -images)
    signs = sometimes(-images, images, seeded(3), torch.tensor(0.3)) / images
    assert torch.equal(signs.amin((1, 2, 3)), signs.amax((1, 2, 3)))
    assert signs[:, 0, 0, 0].eq(-1).double().mean().item() == pytest.approx(0.3, abs=0.04)


def test_gradients_flow_through_every_operation(
    pictures: Callable[..., Tensor], seeded: type[Seeded]
) -> None:
    images = pictures(3, 4, 4, 6).requires_grad_(True)
    operations: list[Callable[[Tensor], Tensor]] = [
        lambda x: jittered(x, seeded(4)),
        lambda x: shifted(x, seeded(4), 0.25),
        lambda x: cut(x, seeded(4), 0.5),
        lambda x: sometimes(2 * x, x, seeded(4), torch.tensor(0.5)),
    ]
    for operation in operations:
        assert torch.autograd.gradcheck(operation, images, fast_mode=True)
