"""Random numbers inside networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Numbers(Protocol):
    """Draws random numbers."""

    def normal(self, *shape: int) -> Tensor:
        """Draw from N(0, 1)."""

    def uniform(self, *shape: int) -> Tensor:
        """Draw from U[0, 1)."""


class NoiseSource(nn.Module):
    """A module without parameters that a network draws random numbers from.

    In training they come from the engine, which seeds them anew for each update and call: they
    depend on the run's seed and the module's name alone, on nothing that was drawn before, and
    each rank gets those of its rows. Anywhere else, in sampling and exports, they are fixed: the
    same for each image and each call, so that an image is a function of its latent.

    The first dimension of a shape counts the images.

    Args:
        seed: Tells the fixed numbers from those of other sources in the network.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.numbers: Numbers | None = None
        self._fixed: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}
        self._like = torch.zeros(())

    def normal(self, *shape: int) -> Tensor:
        """Draw from N(0, 1), on the network's device."""
        if self.numbers is not None:
            return self.numbers.normal(*shape)
        return self._constant("standard_normal", shape)

    def uniform(self, *shape: int) -> Tensor:
        """Draw from U[0, 1), on the network's device."""
        if self.numbers is not None:
            return self.numbers.uniform(*shape)
        return self._constant("random", shape)

    def _constant(self, draw: str, shape: tuple[int, ...]) -> Tensor:
        """Return fixed numbers: NumPy's, which tracing takes for a constant."""
        key = draw, tuple(map(int, shape[1:]))
        if key not in self._fixed:
            generator = np.random.default_rng(self.seed)
            self._fixed[key] = getattr(generator, draw)((1, *key[1]), dtype=np.float32)
        numbers, like = torch.from_numpy(self._fixed[key]), self._like
        if (numbers.device, numbers.dtype) != (like.device, like.dtype):
            numbers = numbers.to(like.device, like.dtype)
        return numbers.expand(*shape)

    @override
    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> NoiseSource:
        self._like = fn(self._like)
        return self


class Dropout(NoiseSource):
    """Sets each number to 0 with a probability, in training alone (Srivastava et al. 2014).

    What is left is scaled up by 1 / (1 - probability).

    Args:
        probability: In [0, 1).
        seed: As of `NoiseSource`.
    """

    def __init__(self, probability: float = 0.5, seed: int = 0) -> None:
        super().__init__(seed)
        self.probability = probability

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs [N, ...] with some of them 0."""
        if not self.training or self.probability == 0:
            return inputs
        kept = self.uniform(*inputs.shape) >= self.probability
        return inputs * kept / (1 - self.probability)


def sources_of(network: nn.Module) -> dict[str, NoiseSource]:
    """Return a network's sources by name."""
    modules = network.named_modules()
    return {name: module for name, module in modules if isinstance(module, NoiseSource)}
