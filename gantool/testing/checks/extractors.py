"""Promises of every extractor."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import torch

from gantool.errors import MissingExtraError
from gantool.evaluation.scoring.features import digest_of
from gantool.testing.harness.isolation import (
    global_random_state_kept,
    no_network,
    seed_global_random_state,
)
from gantool.testing.promises import promise, require, require_finite, require_same

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.interfaces.metric import Extractor
    from gantool.testing.promises import Subject

SIZES = ((16, 16), (32, 48))
COUNT = 5
TOLERANCE = 1e-4
"""Largest difference of features, as a share of the largest, from another order of sums."""
SHA256 = re.compile(r"[0-9a-f]{64}")


@promise("extractor")
def loads_without_a_network(subject: Subject[Extractor]) -> None:
    """Without a network it loads, or says by a MissingExtraError what has to be installed."""
    with suppress(MissingExtraError):
        _load(subject)


@promise("extractor")
def gives_features(subject: Subject[Extractor]) -> None:
    """It maps uint8 images [N, 3, H, W] of any size to finite features [N, F], with one F."""
    network = _load(subject)
    widths = set()
    for size in SIZES:
        for count in (1, COUNT):
            outputs = _outputs(network, _images(size)[:count])
            for what, output in outputs.items():
                shape = list(output.shape)
                pair = len(shape) == 2 and shape[0] == count
                require(pair, f"{count} images give {what} of shape {shape}")
                require_finite(output, what)
            widths.add(outputs["features"].shape[1])
    require(len(widths) == 1, f"images give features of {sorted(widths)} numbers")


@promise("extractor")
def gives_the_same_features_again(subject: Subject[Extractor]) -> None:
    """The same images have the same features each time, also loaded again under another seed."""
    images = _images(SIZES[0])
    with global_random_state_kept():
        seed_global_random_state(1)
        network = _load(subject)
        first = _outputs(network, images)
        require_same(_outputs(network, images), first, "looking at the same images again")
        seed_global_random_state(2)
        require_same(_outputs(_load(subject), images), first, "loaded again")


@promise("extractor")
def looks_at_images_one_by_one(subject: Subject[Extractor]) -> None:
    """An image has the same features alone as among others."""
    network, images = _load(subject), _images(SIZES[0])
    together = _features(network, images)
    alone = torch.cat([_features(network, image[None]) for image in images])
    error = float((together - alone).abs().max() / together.abs().max().clamp(min=1e-12))
    require(error <= TOLERANCE, f"features differ by {error:.2g} when images come one by one")


@promise("extractor")
def states_its_weights(subject: Subject[Extractor]) -> None:
    """Its weights have one SHA-256: that of their file, if it states one, or else their own."""
    with global_random_state_kept():
        seed_global_random_state(1)
        first = _digest(subject)
        seed_global_random_state(2)
        again = _digest(subject)
    require(SHA256.fullmatch(first) is not None, f"`weights_digest` returns {first!r}")
    require(first == again, f"the SHA-256 of its weights is {first[:12]} and then {again[:12]}")


@promise("extractor")
def states_how_it_resizes(subject: Subject[Extractor]) -> None:
    """Its `resizer` says in one line how it resizes images, or "none"."""
    resizer = subject.component.resizer
    said = bool(resizer.strip()) and len(resizer.splitlines()) == 1
    require(said, f"`resizer` is {resizer!r}")


def _load(subject: Subject[Extractor]) -> nn.Module:
    """Load the example's network as the engine does, never downloading anything."""
    with no_network():
        return subject.example().load().eval()


def _digest(subject: Subject[Extractor]) -> str:
    return subject.example().weights_digest() or digest_of(_load(subject))


def _images(size: tuple[int, int]) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (COUNT, 3, *size), dtype=torch.uint8, generator=chance)


@torch.no_grad()
def _outputs(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return features and, of a network that classifies, logits."""
    returned = network(images)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    return dict(zip(("features", "logits"), outputs, strict=False))


def _features(network: nn.Module, images: Tensor) -> Tensor:
    return _outputs(network, images)["features"]
