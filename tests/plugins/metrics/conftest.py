from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import Evidence, Samples

PAINTINGS = Path(__file__).parents[4] / "shared" / "data" / "paintings"

Gather = Callable[..., Evidence]
Paintings = Callable[..., torch.Tensor]


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture
def gather(random: torch.Generator) -> Gather:
    """Return what makes evidence of features, or of images whose features are their pixels."""

    def samples(values: torch.Tensor) -> Samples:
        if values.dtype == torch.uint8:
            return Samples(values, values.flatten(1) / 255)
        return Samples(torch.zeros(len(values), 3, 1, 1, dtype=torch.uint8), values, values)

    def evidence(
        real: torch.Tensor, fake: torch.Tensor, held_out: torch.Tensor | None = None
    ) -> Evidence:
        unseen = None if held_out is None else samples(held_out)
        return Evidence(samples(real), samples(fake), unseen, random)

    return evidence


@pytest.fixture(scope="session")
def paintings() -> Paintings:
    """Return what reads real paintings of a style, uint8 [N, 3, 64, 64]."""
    if not PAINTINGS.is_dir():
        pytest.skip("the paintings are not here")

    def read(style: str, first: int, count: int) -> torch.Tensor:
        pictures = []
        for number in range(first, first + count):
            with Image.open(PAINTINGS / style / f"{style}_{number}.jpg") as picture:
                small = picture.convert("RGB").resize((64, 64), Image.Resampling.LANCZOS)
                pictures.append(torch.from_numpy(np.array(small)))
        return torch.stack(pictures).permute(0, 3, 1, 2).contiguous()

    return read
