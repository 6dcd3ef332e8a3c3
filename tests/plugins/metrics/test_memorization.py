from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from gantool import EvidenceShape, UsageError
from gantool_metrics.copying import SmallImages, distinct
from gantool_metrics.frechet import frechet_distance
from gantool_metrics.metrics import Memorization

if TYPE_CHECKING:
    from tests.plugins.metrics.conftest import Gather

SHAPE = EvidenceShape(real=60, fake=60, held_out=0, features=48)


def noise(count: int, random: torch.Generator) -> Tensor:
    return torch.randint(0, 256, (count, 3, 4, 4), dtype=torch.uint8, generator=random)


def judge(gather: Gather, *sets: Tensor) -> dict[str, float]:
    return Memorization().compute(gather(*sets))


def test_a_replayed_training_set_is_called_out_in_spite_of_its_distance(
    gather: Gather, random: torch.Generator
) -> None:
    train = noise(60, random)
    replay = train[torch.randperm(60, generator=random)]
    scores = judge(gather, train, replay)
    assert frechet_distance(train.flatten(1), replay.flatten(1)) == pytest.approx(0, abs=1e-6)
    assert scores == {"authpct": 0, "pixel-authpct": 0, "copies-pct": 100}
    (remark,) = Memorization().remarks(scores, SHAPE)
    assert "repeats its training set: 100 % of its images" in remark


def test_unseen_images_are_not_called_out(gather: Gather, random: torch.Generator) -> None:
    scores = judge(gather, noise(60, random), noise(60, random), noise(60, random))
    assert scores["copies-pct"] <= 100 / 60
    assert scores["authpct"] > 30
    assert scores["held-out-ratio"] == pytest.approx(1, abs=0.05)
    assert Memorization().remarks(scores, SHAPE) == ()


def test_copies_are_counted(gather: Gather, random: torch.Generator) -> None:
    train = noise(60, random)
    fake = torch.cat([train[:10], noise(30, random)])
    fake[:5, 0, 0, 0] ^= 3  # copies need not be exact
    assert judge(gather, train, fake)["copies-pct"] == pytest.approx(25)


def test_what_is_close_in_features_alone_is_no_copy(
    gather: Gather, random: torch.Generator
) -> None:
    train = noise(60, random)
    evidence = gather(train, noise(60, random))
    evidence.fake.features.copy_(evidence.real.features)
    scores = Memorization().compute(evidence)
    assert scores["authpct"] == 0
    assert scores["pixel-authpct"] > 30
    assert scores["copies-pct"] == 0


def test_repeats_in_the_training_set_hide_no_copies(
    gather: Gather, random: torch.Generator
) -> None:
    train = noise(30, random)
    scores = judge(gather, torch.cat([train, train]), train)
    assert scores == {"authpct": 0, "pixel-authpct": 0, "copies-pct": 100}
    assert distinct(torch.cat([train, train])).tolist() == list(range(30))


def test_images_nearer_than_unseen_ones_are_called_out(
    gather: Gather, random: torch.Generator
) -> None:
    train, unseen = noise(60, random), noise(60, random)
    near = (train.float() + 0.5 * (noise(60, random).float() - train.float())).to(torch.uint8)
    scores = judge(gather, train, near, unseen)
    assert scores["held-out-ratio"] < 0.7
    (remark,) = Memorization().remarks({**scores, "copies-pct": 0}, SHAPE)
    assert f"({scores['held-out-ratio']:.2f} of their distance)" in remark


def test_pixels_are_averaged_down(random: torch.Generator) -> None:
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=random)
    values = SmallImages(images)[:].reshape(2, 3, 32, 32)
    assert values[1, 2, 5, 7] == images[1, 2, 10:12, 14:16].float().mean()
    assert torch.equal(
        SmallImages(images[:, :, :4, :4])[:], images[:, :, :4, :4].float().flatten(1)
    )


def test_one_image_many_times_cannot_be_judged(gather: Gather, random: torch.Generator) -> None:
    image = noise(1, random)
    with pytest.raises(UsageError, match="2 different training images"):
        judge(gather, image.repeat(5, 1, 1, 1), image)
