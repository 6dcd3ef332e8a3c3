"""Latents, labels, and the images that a generator makes of them without being disturbed."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from gantool.errors import UsageError
from gantool.registry.calling import described
from gantool.text import near, one_of
from gantool.training.randomness import seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from torch import Tensor

    from gantool.training.device.device import Device

CHUNK = 64
"""Images generated at a time, and latents drawn from one seed."""
STANDING_CHUNKS = 16
"""Chunks of fakes over which standing statistics are gathered."""
CLASSES_LISTED = 20
"""Classes that a message names at most."""


def draw_latents(seed: int, count: int, latent_dim: int) -> Tensor:
    """Return latents [count, latent_dim] from N(0, 1), on the CPU.

    The first latents of a seed are the same whatever the count.
    """
    chunks = []
    for chunk in range(-(-count // CHUNK)):
        generator = torch.Generator().manual_seed(seed_of(seed, "sample latents", chunk))
        chunks.append(torch.randn(CHUNK, latent_dim, generator=generator))
    return torch.cat(chunks)[:count] if chunks else torch.empty(0, latent_dim)


def truncate(latents: Tensor, threshold: float, seed: int) -> Tensor:
    """Draw again what is farther than the threshold from 0, until it is not.

    The truncation trick of Brock et al. (2019, section 3.1). What is drawn again comes from the
    truncated distribution itself, by the inverse of its distribution function: drawing until one
    number fits gives the same distribution and would take forever for a small threshold.
    """
    fresh = draw_latents(seed_of(seed, "truncated latents"), *latents.shape)  # [N, latent_dim]
    share = torch.special.erf(fresh.double() / math.sqrt(2))  # uniform in (-1, 1)
    inside = math.sqrt(2) * torch.special.erfinv(share * math.erf(threshold / math.sqrt(2)))
    return torch.where(latents.abs() > threshold, inside.to(latents.dtype), latents)


def draw_labels(seed: int, count: int, classes: int) -> Tensor:
    """Return labels, int64 [count], all classes equally likely, on the CPU."""
    generator = torch.Generator().manual_seed(seed_of(seed, "sample labels"))
    return torch.randint(classes, (count,), generator=generator)


def label_of(chosen: int | str, classes: Sequence[str], owner: str) -> int:
    """Return the label of a class's name, without regard to case, or of its number.

    A name as it is written comes first, then a number, then a name in other letters. Messages call
    the generator by its owner's name.

    Raises:
        UsageError: When there is no such class, or more than one.
    """
    name = str(chosen)
    if name in classes:
        return classes.index(name)
    if name.isdecimal() and int(name) < len(classes):
        return int(name)
    folded = [each.casefold() for each in classes]
    match [number for number, each in enumerate(folded) if each == name.casefold()]:
        case [number]:
            return number
        case [_, *_] as several:
            names = one_of(classes[number] for number in several)
            raise UsageError(f"'{name}' may be any of several classes", f"say {names}")
    raise UsageError(f"'{owner}' has no class '{name}'", _suggestion(name, classes))


def _suggestion(name: str, classes: Sequence[str]) -> str:
    """Return the classes that were probably meant, and what classes there are."""
    said = name.casefold()
    folded = {each.casefold(): each for each in classes}
    parts = [each for key, each in folded.items() if said in key]
    alike = [
        each for key, each in folded.items() if near(said, [key, *key.split()])
    ]  # the whole name, or one word of it
    meant = f"did you mean {one_of((parts or alike)[:3])}? " if parts or alike else ""
    more = len(classes) - CLASSES_LISTED
    others = f" and {more:,} more" if more > 0 else ""
    return f"{meant}classes: {', '.join(classes[:CLASSES_LISTED])}{others}"


def generate_chunks(
    generator: nn.Module,
    latents: Tensor,
    labels: Tensor | None,
    device: Device,
    *,
    classes: int,
    batch_statistics: str = "running",
) -> Iterator[Tensor]:
    """Yield the images of latents [N, latent_dim], float32 [64, C, H, W] in [-1, 1] on the CPU.

    A copy of the generator does the work. Its BatchNorm takes the "running" statistics of training,
    "standing" ones over many fakes of all classes (Brock et al. 2019, section 3.1), or those of
    each "batch" of 64 images.
    """
    network = copy.deepcopy(generator)
    if batch_statistics == "standing":
        gather_statistics(network, latents.shape[1], classes, device)
    network.train(batch_statistics == "batch")
    yield from _chunks(network, latents, labels, device)


def to_pixels(images: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return images [N, C, H, W] in [-1, 1] as uint8 [N, H, W, C], rounded and clamped."""
    values = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return values.permute(0, 2, 3, 1).contiguous().numpy()


def _chunks(
    network: nn.Module, latents: Tensor, labels: Tensor | None, device: Device
) -> Iterator[Tensor]:
    """Yield the images of each chunk of latents, on the CPU."""
    for start in range(0, len(latents), CHUNK):
        rows = slice(start, start + CHUNK)
        arguments = [latents[rows].to(device.device, device.dtype)]
        if labels is not None:
            arguments.append(labels[rows].to(device.device))
        with torch.no_grad(), device.forward_precision():
            found = network(*arguments)
        if not (
            isinstance(found, torch.Tensor) and found.dim() == 4 and len(found) == len(arguments[0])
        ):
            expected = f"images [{len(arguments[0])}, C, H, W]"
            raise TypeError(f"the generator returned {described(found)}, expected {expected}")
        yield found.float().cpu().clamp(-1, 1)  # not all generators are bounded


def gather_statistics(network: nn.Module, latent_dim: int, classes: int, device: Device) -> None:
    """Let BatchNorm average over many fakes, of all classes alike, instead of over training.

    The network is left in training mode.
    """
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # a plain average over all that follows
    network.train()
    count = STANDING_CHUNKS * CHUNK
    latents = draw_latents(seed_of("standing statistics"), count, latent_dim)
    labels = draw_labels(seed_of("standing labels"), count, classes) if classes else None
    for _ in _chunks(network, latents, labels, device):
        pass  # only the statistics are wanted


LATENTS = 4096
"""Latents over which the mean style is taken."""


class TruncatedStyles(nn.Module):
    """A generator whose styles are drawn towards their mean (Karras et al. 2019, section B).

    w' = mean + psi (w - mean). A conditional generator has one mean for each class.
    """

    means: Tensor

    def __init__(self, generator: nn.Module, psi: float, latent_dim: int, classes: int) -> None:
        super().__init__()
        self.generator = generator
        self.psi = psi
        self.register_buffer("means", _mean_styles(generator, latent_dim, classes))

    def forward(self, latents: Tensor, *labels: Tensor) -> Tensor:
        """Return the images of latents [N, latent_dim] (and labels [N])."""
        styles = _part(self.generator, "mapping")(latents, *labels)  # [N, ...]
        means = self.means[labels[0]] if labels else self.means  # [N, ...] or [1, ...]
        return _part(self.generator, "synthesis")(torch.lerp(means, styles, self.psi), *labels)


@torch.no_grad()
def _mean_styles(generator: nn.Module, latent_dim: int, classes: int) -> Tensor:
    """Return the mean style of each class, or the only one, [classes or 1, ...]."""
    first = next(generator.parameters())
    latents = draw_latents(seed_of("mean style"), LATENTS, latent_dim).to(first)
    mapping = _part(generator, "mapping")
    if not classes:
        return mapping(latents).mean(0, keepdim=True)
    every = [torch.full((LATENTS,), label, device=first.device) for label in range(classes)]
    return torch.stack([mapping(latents, labels).mean(0) for labels in every])


def _part(generator: nn.Module, name: str) -> Callable[..., Tensor]:
    part: Callable[..., Tensor] = getattr(generator, name)
    return part
