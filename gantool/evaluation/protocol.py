"""The protocol by which the scores of a run are about to be obtained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.runs.scores import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.interfaces.metric import EvidenceShape
    from gantool.recipe.schema import Recipe
    from gantool.runs.scores import ExtractorStamp


def protocol_of(
    recipe: Recipe,
    extractor: ExtractorStamp,
    shape: EvidenceShape,
    *,
    fingerprint: str,
    averaged: bool,
    seeds: Iterable[int],
) -> Protocol:
    """Return the protocol of scores of a run.

    Args:
        recipe: Of the run.
        extractor: What images are looked at with.
        shape: How much evidence there is.
        fingerprint: Of the prepared images.
        averaged: Whether the generator has averaged weights.
        seeds: Where the latents of each repetition start.
    """
    image = recipe.tables.image
    return Protocol(
        extractor=extractor,
        dataset=recipe.dataset.name,
        fingerprint=fingerprint,
        image=f"{image.shape}, {image.fit}",
        split="train",
        real=shape.real,
        held_out=shape.held_out,
        fake=shape.fake,
        generator="ema" if averaged else "raw",
        batch_statistics=recipe.tables.sampling.batch_statistics,
        seeds=tuple(seeds),
    )
