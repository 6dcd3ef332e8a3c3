"""Promises of every architecture about the images and classes that it supports."""

from __future__ import annotations

from itertools import combinations
from statistics import mean
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import softplus

from gantool.interfaces.dataset import ImageShape
from gantool.testing.harness.isolation import imports_torch_to_check
from gantool.testing.harness.players import (
    CLASSES,
    COUNT,
    SIDES,
    Players,
    build,
    build_conditional,
    disturbed,
    failure_of,
    refusal_of,
    supported_image,
)
from gantool.testing.promises import promise, require

if TYPE_CHECKING:
    from gantool.interfaces.architecture import Architecture
    from gantool.testing.promises import Subject

CHANNELS = (1, 3, 4)
TRIES = 4
"""Seeds over which first losses are averaged."""
FIRST_BATCH = 12
SWAMPED = 2.0
"""Factor by which a first loss with classes may exceed 1 plus the one without."""


@promise("architecture")
def checks_what_can_be_built(subject: Subject[Architecture]) -> None:
    """Networks of every shape that `check` accepts work, and of no size between that it refuses."""
    architecture = subject.example()
    image = supported_image(architecture)
    squares = [image._replace(height=side, width=side) for side in SIDES]
    accepted = [square for square in squares if refusal_of(architecture, square) is None]
    oblongs = [one._replace(width=other.width) for one in accepted for other in accepted]
    for shape in [*accepted, *oblongs[:4]]:
        refusal, failure = refusal_of(architecture, shape), failure_of(architecture, shape)
        require(refusal is not None or failure is None, f"`check` accepts {shape}: {failure}")
    for square in squares:
        if square not in accepted and accepted[:1] < [square] < accepted[-1:]:
            works = failure_of(architecture, square) is None
            require(not works, f"`check` refuses {square}, for which the networks work")


@promise("architecture")
def checks_without_torch(subject: Subject[Architecture]) -> None:
    """`check` does not import torch, so that `gantool validate` stays instant."""
    arguments = (ImageShape(3, 64, 64), 0)
    imported = imports_torch_to_check(subject.example(), arguments, subject.folder())
    require(not imported, "`check` imports torch")


@promise("architecture")
def works_with_any_channels(subject: Subject[Architecture]) -> None:
    """Networks for 1, 3 and 4 channels work, unless `check` refuses the number."""
    architecture = subject.example()
    for channels in CHANNELS:
        image = supported_image(architecture)._replace(channels=channels)
        if refusal_of(architecture, image) is None:
            failure = failure_of(architecture, image)
            require(failure is None, f"`check` accepts {image}: {failure}")


@promise("architecture")
def works_with_labels(subject: Subject[Architecture]) -> None:
    """Conditional networks of any weights give other images, and other logits, for each label."""
    players = disturbed(build_conditional(subject.example())).evaluating()
    for network, inputs in (
        (players.generator, players.latents),
        (players.discriminator, players.images),
    ):
        outputs = [network(inputs, torch.full((COUNT,), label)) for label in range(CLASSES)]
        name = type(network).__name__
        for (one, first), (other, second) in combinations(enumerate(outputs), 2):
            alike = torch.equal(first, second)
            require(not alike, f"the {name} takes label {one} and label {other} for the same")


@promise("architecture")
def begins_alike_with_classes(subject: Subject[Architecture]) -> None:
    """The discriminator's first losses with and without classes are alike: none swamps the rest."""
    architecture = subject.example()
    build_conditional(architecture)  # or this is skipped
    without = mean(_first_loss(build(architecture, seed=seed)) for seed in range(TRIES))
    found = mean(
        _first_loss(build(architecture, conditional=True, seed=seed)) for seed in range(TRIES)
    )
    require(
        found <= SWAMPED * (without + 1),
        f"the discriminator's first loss is {found:.3g} with classes and {without:.3g} without; "
        "draw the weights that a class is projected on as small as those of the head",
    )


@torch.no_grad()
def _first_loss(players: Players) -> float:
    """Return the discriminator's binary cross-entropy before any training."""
    chance = torch.Generator().manual_seed(2)
    latents = torch.randn(FIRST_BATCH, players.latents.shape[1], generator=chance)
    real = 2 * torch.rand(FIRST_BATCH, *players.image, generator=chance) - 1
    labels = () if players.labels is None else (torch.arange(FIRST_BATCH) % CLASSES,)
    fake = players.generator(latents, *labels)
    judged = (players.discriminator(images, *labels) for images in (real, fake))
    losses = [softplus(sign * logits).mean() for sign, logits in zip((-1, 1), judged, strict=True)]
    return float(sum(losses))
