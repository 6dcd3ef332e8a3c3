"""Scores of a generator."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """Images and their features, in the same order, on the CPU.

    Attributes:
        images: uint8 [N, C, H, W].
        features: [N, F], as the run's extractor gives them; the images' own values, flattened and
            scaled to [0, 1], where the recipe names no extractor.
    """

    images: Tensor
    features: Tensor


@dataclass(frozen=True)
class Evidence:
    """What a metric judges by.

    Attributes:
        real: The images of the training set.
        fake: Generated images.
        held_out: Real images kept from training; None where the recipe keeps none.
        random: A seeded CPU generator, the only source of chance a metric may use.
    """

    real: Samples
    fake: Samples
    held_out: Samples | None
    random: torch.Generator


class Metric(Component):
    """A way to score generated images against real ones."""

    kind: ClassVar[str] = "metric"
    direction: ClassVar[Literal["lower", "higher", "none"]]
    """Which way is better; "none" where neither is."""

    @abstractmethod
    def compute(self, evidence: Evidence) -> dict[str, float]:
        """Return the scores by name."""
