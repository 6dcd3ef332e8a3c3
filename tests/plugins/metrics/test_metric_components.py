from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from gantool import EvidenceShape, Metric, UsageError
from gantool_metrics.metrics import (
    FID,
    KID,
    DensityCoverage,
    InceptionScore,
    Memorization,
    PrecisionRecall,
)

if TYPE_CHECKING:
    from tests.plugins.metrics.conftest import Gather

ALL = (FID(), KID(), InceptionScore(), PrecisionRecall(), DensityCoverage(), Memorization())


def shape(real: int = 100, fake: int = 100, logits: int = 10) -> EvidenceShape:
    return EvidenceShape(real=real, fake=fake, held_out=0, features=64, logits=logits)


def test_only_the_networks_own_names_are_those_of_the_literature() -> None:
    named = {metric.name: metric.score_name("inception") for metric in ALL}
    assert all(name == score for name, score in named.items())
    others = [m.score_name("efficientnet-lite0") for m in (FID(), KID(), InceptionScore())]
    assert others == [
        "fd-efficientnet-lite0",
        "kd-efficientnet-lite0",
        "class-score-efficientnet-lite0",
    ]
    assert FID().score_name(None) == "fd-pixels"


@pytest.mark.parametrize(
    ("metric", "real", "fake"),
    [
        (FID(), 2, 2),
        (KID(), 2, 2),
        (InceptionScore(splits=4), 0, 8),
        (PrecisionRecall(k=3), 4, 4),
        (DensityCoverage(k=5), 6, 1),
        (Memorization(), 2, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_the_fewest_images_can_be_judged_and_fewer_are_refused(
    metric: Metric, real: int, fake: int, gather: Gather, random: torch.Generator
) -> None:
    metric.check(shape(real, fake))
    images = torch.randint(0, 256, (real + fake, 3, 2, 2), dtype=torch.uint8, generator=random)
    evidence = gather(images[:real], images[real:])
    if metric.name == "inception-score":
        evidence = gather(torch.rand(2, 5), torch.rand(fake, 5))
    found = metric.compute(evidence)
    assert all(map(math.isfinite, found.values()))
    with pytest.raises(UsageError, match=rf"metric '{metric.name}' needs at least \d+ generated"):
        metric.check(shape(real, fake - 1))
    if real:
        with pytest.raises(UsageError, match=r"training images .*got \d"):
            metric.check(shape(real - 1, fake))


def test_class_scores_need_classes() -> None:
    with pytest.raises(UsageError, match="tells classes apart"):
        InceptionScore().check(shape(logits=0))


def test_fewer_images_than_features_are_remarked_on() -> None:
    (remark,) = FID().remarks({"distance": 1.0}, shape(real=1000, fake=63))
    assert "64 features of only 63 images" in remark
    assert FID().remarks({"distance": 1.0}, shape()) == ()


def test_few_images_make_one_subset(gather: Gather) -> None:
    features = torch.linspace(0, 1, 120).reshape(30, 4)
    found = KID(subset_size=1000).compute(gather(features, features + 1))
    assert found["distance"] > 0
    assert found["sd"] == 0
    several = KID(subset_size=20, subsets=5).compute(gather(features, features + 1))
    assert several["sd"] > 0


def test_harmonic_mean_of_nothing_is_nothing(gather: Gather, random: torch.Generator) -> None:
    real = torch.randn(20, 4, generator=random)
    found = PrecisionRecall().compute(gather(real, real + 1000))
    assert found == {"f-score": 0, "precision": 0, "recall": 0}
    assert PrecisionRecall().compute(gather(real, real)) == dict.fromkeys(found, 1)
    halved = PrecisionRecall().compute(gather(real, torch.cat([real[:10], real[:10] + 1000])))
    both = 2 * halved["precision"] * halved["recall"] / (halved["precision"] + halved["recall"])
    assert halved["f-score"] == pytest.approx(both)
