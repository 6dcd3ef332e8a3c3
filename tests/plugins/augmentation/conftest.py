"""Random numbers that a test chooses, and real ones with a seed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


class Seeded:
    """Draws in float64 from a seed, as a regularizer's `step.random` does."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self._generator = None if device == "meta" else torch.Generator().manual_seed(seed)
        self._device = device

    def normal(self, *shape: int) -> Tensor:
        return self._draw(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        return self._draw(torch.rand, shape)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=self._generator, device=self._device)

    def _draw(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        options = {"generator": self._generator, "device": self._device, "dtype": torch.float64}
        return draw(shape, **options)


class Noting(Seeded):
    """Draws, and remembers what was drawn."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn: list[Tensor] = []

    def _draw(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        self.drawn.append(super()._draw(draw, shape))
        return self.drawn[-1]


@pytest.fixture
def seeded() -> type[Seeded]:
    return Seeded


@pytest.fixture
def noting() -> type[Noting]:
    return Noting


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """Return random images [N, C, H, W] in [-1, 1], none of whose values is 0."""

    def make(*shape: int) -> Tensor:
        source = torch.Generator().manual_seed(sum(shape))
        values = torch.rand(shape, generator=source, dtype=torch.float64)
        return (0.1 + 0.9 * values) * torch.where(values < 0.5, -1, 1)

    return make
