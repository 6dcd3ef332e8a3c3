"""Nearest training images, and planted generators: honest, replaying, collapsed, blurring."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool.evaluation import neighbors
from gantool.evaluation.neighbors import (
    NEARBY,
    Space,
    find_neighbors,
    pixel_rows,
    surroundings,
)
from gantool.reporting.report.verdict import copies_called_out

pytestmark = pytest.mark.quick

COUNT = 300


def scenes(count: int, seed: int, side: int = 16) -> Tensor:
    """Return pictures of three random blobs on a random ground, uint8 [count, side, side, 3]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    images = np.repeat(random.random((count, 1, 1, 3)), side, 1).repeat(side, 2)
    for _ in range(3):
        cx, cy, size = random.random((3, count, 1, 1, 1))
        blob = np.exp(-(((x[..., None] - cx) ** 2 + (y[..., None] - cy) ** 2) / (0.02 + size / 9)))
        images = images * (1 - blob) + blob * random.random((count, 1, 1, 3))
    return torch.from_numpy((images * 255).round().astype(np.uint8))


TRAINING = scenes(COUNT, 0)


def with_noise(images: Tensor, levels: float) -> Tensor:
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(images.shape, generator=random) * levels
    return (images.float() + noise).round().clamp(0, 255).to(torch.uint8)


def blurred(images: Tensor) -> Tensor:
    small = torch.nn.functional.avg_pool2d(images.permute(0, 3, 1, 2).float(), 4)
    large = torch.nn.functional.interpolate(small, scale_factor=4)
    return large.permute(0, 2, 3, 1).round().to(torch.uint8)


@pytest.mark.parametrize(
    ("generated", "is_said"),
    [
        (TRAINING[:100], True),
        (with_noise(TRAINING[:100], 4), True),
        (torch.cat([TRAINING[:10], scenes(90, 1)]), True),
        (TRAINING[:1].repeat(100, 1, 1, 1), True),
        (scenes(100, 1), False),
        (blurred(scenes(100, 1)), False),
        (scenes(1, 1).repeat(100, 1, 1, 1), False),
        (torch.randint(0, 256, (100, 16, 16, 3), dtype=torch.uint8), False),
        (torch.cat([TRAINING[:2], scenes(98, 1)]), False),
    ],
    ids=[
        "replay",
        "noisy replay",
        "a tenth replayed",
        "one image replayed",
        "honest",
        "honest and blurred",
        "collapsed to a new image",
        "noise",
        "two unlucky images",
    ],
)
def test_planted_generators(generated: Tensor, is_said: bool) -> None:
    found = find_neighbors(generated, TRAINING)
    assert (copies_called_out(found.copies) is not None) == is_said, found.copies


def test_a_replay_names_the_images_it_repeats() -> None:
    found = find_neighbors(TRAINING[[7, 8, 9]], TRAINING)
    assert found.nearest[:, 0].tolist() == [7, 8, 9]
    assert found.ratio.tolist() == pytest.approx([0, 0, 0], abs=0.01)
    assert found.copies.repeated == 3
    assert found.space == "pixels"


def test_repeats_within_the_training_set_accuse_nobody_and_protect_nobody() -> None:
    """Every image is there twice, and a third of them once more with a little noise."""
    full = torch.cat([TRAINING, TRAINING, with_noise(TRAINING[:100], 2)])
    honest = find_neighbors(scenes(100, 1), full)
    assert honest.copies.real_percent > 20
    assert copies_called_out(honest.copies) is None
    assert copies_called_out(find_neighbors(TRAINING[:100], full).copies) is not None


def test_a_copy_is_one_in_features_and_in_pixels() -> None:
    """Features that know nothing but the mean color take every image for a copy."""
    generated, colors = TRAINING[:50], scenes(50, 1)
    means = pixel_rows(TRAINING).reshape(COUNT, 3, -1).mean(2)
    as_copies = find_neighbors(colors, TRAINING, ("means", means[:50], means))
    assert as_copies.space == "means"
    assert as_copies.nearest[:, 0].tolist() == list(range(50))
    assert as_copies.copies.copies == 0
    both = find_neighbors(generated, TRAINING, ("means", means[:50], means))
    assert both.copies.copies == 50
    unlike = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    assert find_neighbors(generated, TRAINING, ("means", unlike, means)).copies.copies < 5


def test_surroundings_are_those_of_plain_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "BLOCK", 64)  # not a divisor of 300
    points = pixel_rows(scenes(20, 1))
    rows = pixel_rows(TRAINING)
    found = surroundings(points, Space("pixels", points, lambda some: rows[some], COUNT))
    distances = np.linalg.norm(points.numpy()[:, None] - rows.numpy(), axis=2)
    order = distances.argsort(1)
    assert found.nearest.tolist() == order[:, :3].tolist()
    near = np.sort(distances, 1)[:, :NEARBY]
    np.testing.assert_allclose(found.ratio.numpy(), near[:, 0] / near.mean(1), rtol=1e-4)


def test_small_and_uniform_sets_have_answers() -> None:
    pair = find_neighbors(TRAINING[:4], TRAINING[:2])
    assert pair.nearest.shape == (4, 2)
    assert pair.ratio.isfinite().all()
    same = find_neighbors(TRAINING[:4], TRAINING[:1].repeat(5, 1, 1, 1))
    assert same.ratio.isfinite().all()


def test_large_images_are_compared_at_32_pixels_a_side() -> None:
    large = TRAINING[:2].repeat_interleave(4, 1).repeat_interleave(4, 2)  # 64 pixels
    once = TRAINING[:2].repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(pixel_rows(large), pixel_rows(once))
    assert pixel_rows(large).shape == (2, 3 * 32 * 32)
