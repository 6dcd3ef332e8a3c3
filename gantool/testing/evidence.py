"""Evidence for metrics to judge: real images, good fakes and bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gantool.interfaces.metric import Evidence, EvidenceShape, Samples

COUNT = 64
"""Images of each sort."""
SIDE = 16
FEATURES = 16
LOGITS = 10
KIND = 40
"""Images of the first of two kinds."""
REAL, HELD_OUT, FLAT = 101, 102, 103
"""Seeds of pictures that are no fakes."""


def gather(fake: Tensor, *, held_out: bool = True, logits: bool = True) -> Evidence:
    """Return evidence on fakes.

    Args:
        fake: uint8 [N, C, H, W]; there are as many real images, of the same channels.
        held_out: Whether there are as many images held out.
        logits: Whether there are logits.
    """
    count, channels = len(fake), fake.shape[1]
    unseen = pictures(HELD_OUT, channels=channels, count=count)
    return Evidence(
        real=_samples(pictures(REAL, channels=channels, count=count), logits=logits),
        fake=_samples(fake, logits=logits),
        held_out=_samples(unseen, logits=logits) if held_out else None,
        random=torch.Generator().manual_seed(0),
    )


def mixed(order: Sequence[int], among: str) -> Evidence:
    """Return evidence of which one sort of images is of two kinds, in some order.

    Args:
        order: Of the 64 images; the first 40 are like the others, the rest with much less contrast.
        among: "real", "fake" or "held_out".
    """
    evidence = gather(pictures(1))
    flat = pictures(FLAT) // 8 + 112
    both = torch.cat([getattr(evidence, among).images[:KIND], flat[KIND:]])
    parts: dict[str, Any] = {among: _samples(both[torch.tensor(order)], logits=True)}
    return replace(evidence, **parts)


def shape_of(evidence: Evidence) -> EvidenceShape:
    """Return how much evidence there is."""
    held_out, logits = evidence.held_out, evidence.fake.logits
    return EvidenceShape(
        real=len(evidence.real.images),
        fake=len(evidence.fake.images),
        held_out=0 if held_out is None else len(held_out.images),
        features=evidence.real.features.shape[1],
        logits=0 if logits is None else logits.shape[1],
    )


def pictures(seed: int, *, channels: int = 3, count: int = COUNT) -> Tensor:
    """Draw images of one distribution, smooth waves of any direction; uint8 [N, C, H, W]."""
    chance = torch.Generator().manual_seed(seed)
    slopes = 2 * torch.randn(2, count, channels, 1, 1, generator=chance)
    phases = 6 * torch.rand(count, channels, 1, 1, generator=chance)
    place = torch.linspace(0, 1, SIDE)
    waves = (slopes[0] * place[:, None] + slopes[1] * place + phases).sin()  # [N, C, H, W]
    return (127.5 + 100 * waves).round().to(torch.uint8)


def dull_pictures() -> Tensor:
    """Draw images that no generator should make, dark and nearly equal; uint8 [N, 3, H, W]."""
    chance = torch.Generator().manual_seed(1)
    return torch.randint(0, 4, (COUNT, 3, SIDE, SIDE), dtype=torch.uint8, generator=chance)


def _samples(images: Tensor, *, logits: bool) -> Samples:
    """Return images with what a fixed random network makes of them."""
    chance = torch.Generator().manual_seed(2)
    values = images.flatten(1).float() / 127.5 - 1  # [N, C * H * W]
    weights = torch.randn(values.shape[1], FEATURES, generator=chance) / values.shape[1] ** 0.5
    features = (values @ weights).tanh()  # [N, F]
    classifier = 4 * torch.randn(FEATURES, LOGITS, generator=chance)
    return Samples(images, features, features @ classifier if logits else None)
