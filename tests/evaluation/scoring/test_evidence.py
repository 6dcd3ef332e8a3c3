"""Evidence on more images than should be in memory at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool import Evidence, Metric, Samples
from gantool.data.selection import MappedPixels, TrainingImages
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.features import FeatureNetwork
from gantool.evaluation.scoring.metrics import measure
from gantool_metrics.metrics import FID, KID, DensityCoverage, Memorization, PrecisionRecall

COUNT = 5000
MOST = 4096
"""Images in the largest block."""
CPU = torch.device("cpu")


class Watched(MappedPixels):
    """Pixels that tell how many of them were asked for at a time."""

    def __init__(self, pixels: Tensor) -> None:
        super().__init__(pixels.numpy(), np.arange(len(pixels)))
        self.pixels = pixels
        self.most = 0

    def __getitem__(self, rows: Any, /) -> Tensor:
        found = super().__getitem__(rows)
        self.most = max(self.most, len(found))
        return found


def pixels(seed: int, count: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 2, 2, 3), dtype=torch.uint8, generator=random)


def whole(values: Tensor) -> Samples:
    images = values.permute(0, 3, 1, 2).contiguous()
    return Samples(images, images.flatten(1).float() / 255)


@pytest.mark.parametrize(
    "metric", [FID(), KID(subsets=2), PrecisionRecall(), DensityCoverage(), Memorization()]
)
def test_no_metric_of_pixels_has_all_images_in_memory(metric: Metric) -> None:
    real, held_out = Watched(pixels(1, COUNT)), Watched(pixels(2, 300))
    fake = pixels(3, 700) // 2
    witness = Witness(FeatureNetwork(None, CPU), TrainingImages(real, held_out))
    found = measure(metric, witness.evidence(fake, 0), seed=1, extractor=None)
    halves = measure(metric, witness.real_halves(0), seed=1, extractor=None)
    assert 0 < real.most <= MOST
    random = torch.Generator()
    evidence = Evidence(whole(real.pixels), whole(fake), whole(held_out.pixels), random)
    assert found == pytest.approx(measure(metric, evidence, seed=1, extractor=None), rel=1e-9)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
    first, second = (whole(real.pixels[part]) for part in order.chunk(2))
    parted = Evidence(first, second, whole(held_out.pixels), random)
    assert halves == pytest.approx(measure(metric, parted, seed=1, extractor=None), rel=1e-9)


def test_who_asks_for_all_images_gets_them() -> None:
    real = pixels(1, 6)
    seen = Witness(FeatureNetwork(None, CPU), TrainingImages(real, real[:0])).real
    expected = whole(real)
    assert torch.equal(seen.images, expected.images)
    assert torch.equal(seen.features, expected.features)
    part = seen.part(torch.tensor([4, 1, 3])).part(torch.tensor([2, 0]))
    assert torch.equal(part.images, expected.images[[3, 4]])
    assert torch.equal(part.feature_rows[1:], expected.features[[4]])
    assert part.feature_rows.shape == (2, 12)
