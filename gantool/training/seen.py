"""The results that an update has so far, for whoever comes next in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Shown(NamedTuple):
    """Images of an update, the place where their transforms draw, and what D sees of them."""

    images: Tensor
    place: str
    result: Tensor


class Slope(NamedTuple):
    """The gradient of the logits in images with labels, through the transforms or without them."""

    images: Tensor
    labels: Tensor | None
    transformed: bool
    gradient: Tensor


@dataclass
class Seen:
    """Results of an update so far, on some rows of its batch; absent until computed."""

    real: Tensor | None = None
    fake: Tensor | None = None
    real_labels: Tensor | None = None
    fake_labels: Tensor | None = None
    latents: Tensor | None = None
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None
    shown: list[Shown] = field(default_factory=list)
    slopes: list[Slope] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)


def joined(slices: Sequence[Seen]) -> Seen:
    """Return what all slices of a batch have seen, one after the other, without graphs."""
    whole = Seen()
    for name in (
        "real",
        "fake",
        "real_labels",
        "fake_labels",
        "latents",
        "real_logits",
        "fake_logits",
    ):
        parts = [part for seen in slices if (part := getattr(seen, name)) is not None]
        if len(parts) == len(slices) and parts:
            setattr(whole, name, torch.cat(parts).detach())
    return whole
