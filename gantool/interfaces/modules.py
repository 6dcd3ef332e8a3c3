"""Modules for networks: parts that are never trained, and sources of random numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

SHA256 = "sha256"
"""Name under which a `state_dict` holds the hash of weights that it leaves out: uint8 [32]."""


class Frozen(nn.Module):
    """A module inside a network or a regularizer's state that is never trained.

    It computes as in evaluation, and gradients pass through it to what comes before. It moves with
    the network to another device, precision or memory order. Nobody else sees it: its weights are
    not among `parameters()`, `buffers()` or `modules()` of the network around it, and so in no
    optimizer, average, snapshot, count or weight decay, and no regularizer prepares its layers.

    Pretrained weights are left out of checkpoints and exports, which hold their SHA-256 instead:
    the architecture reads them again, and others than the run was trained with are refused. Weights
    that are drawn, such as random projections, would be others the next time: with `saved` they are
    kept in checkpoints and exports.

    Args:
        module: The module; its weights are final, and it is set to evaluation here.
        saved: Whether its weights are kept in checkpoints and exports.
    """

    def __init__(self, module: nn.Module, *, saved: bool = False) -> None:
        super().__init__()
        self.saved = saved
        self._held = (module.eval().requires_grad_(requires_grad=False),)  # not a submodule
        self._sha256 = None if saved else _sha256(module.state_dict())

    @property
    def module(self) -> nn.Module:
        """The module itself."""
        return self._held[0]

    @property
    def sha256(self) -> Tensor:
        """The hash of weights that are not saved, uint8 [32]."""
        return torch.tensor([*(self._sha256 or b"")], dtype=torch.uint8)

    def forward(self, *inputs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs)

    def __getattr__(self, name: str) -> Any:
        """Reach the module's own attributes, methods and submodules."""
        if name == "_held":  # a copy that is being made
            raise AttributeError(name)
        return getattr(self.module, name)

    @override
    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(mode=False)

    @override
    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.module._apply(fn)  # type: ignore[no-untyped-call]
        return self

    @override
    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        held = {SHA256: self.sha256}
        if self.saved:
            held = self.module.state_dict(keep_vars=keep_vars)
        destination |= {f"{prefix}{name}": tensor for name, tensor in held.items()}

    @override
    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *_: object) -> None:
        """Take saved weights, or compare the hash of those that are here.

        Raises:
            UsageError: When the weights are others.
        """
        saved = {
            name.removeprefix(prefix): tensor
            for name, tensor in state_dict.items()
            if name.startswith(prefix)
        }
        if self._sha256 is None:
            self.module.load_state_dict(saved)
            return
        known = bytes(saved[SHA256].tolist())
        if known != self._sha256:
            raise UsageError(
                f"the frozen weights of '{prefix.removesuffix('.')}' are others than those trained "
                f"with: SHA-256 {known.hex()[:12]} then, {self._sha256.hex()[:12]} now",
                "bring back the file that they were read from",
            )


def _sha256(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the hash of tensors, with their names and types; of none where nothing is computed."""
    whole = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        if tensor.is_meta:
            return bytes(whole.digest_size)
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        whole.update(
            tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        )
    return whole.digest()


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

    The first dimension of a shape counts the images: `x.shape[0]`, not `len(x)`, where exports to
    ONNX lose it.

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
