"""One metric's scores, by the names under which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gantool.registry.calling import call, described, misbehaved
from gantool.registry.catalog import installed
from gantool.runs.scores import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.interfaces.metric import Evidence, EvidenceShape, Metric


def measure(
    metric: Metric, evidence: Evidence, *, seed: int, extractor: str | None
) -> dict[str, float]:
    """Return a metric's scores, as in "fid/distance".

    Args:
        metric: What computes them.
        evidence: What it judges by.
        seed: Where its chance starts, whatever other metrics have drawn.
        extractor: Name of the extractor that the features are from; None for pixels.

    Raises:
        PluginError: When the metric fails, or returns no numbers by name.
    """
    import torch  # comparisons ask for names alone

    own = replace(evidence, random=torch.Generator().manual_seed(seed))
    found = call(metric, "compute", own)
    name = score_name(metric, extractor)
    return {f"{name}/{score}": value for score, value in _numbers(metric, found)}


def score_name(metric: Metric, extractor: str | None) -> str:
    """Return what a metric's scores are called.

    Raises:
        PluginError: When the metric fails, or says no name.
    """
    found = call(metric, "score_name", extractor)
    if isinstance(found, str):
        return found
    raise misbehaved(metric, "score_name", described(found), "text")


def metric_called(name: str, extractor: str) -> str | None:
    """Return the metric whose scores have a name, where it goes by another one itself.

    A metric's scores may be called after the features that they are of: those of published names
    are of published features only.

    Args:
        name: What stands before the slash.
        extractor: Whose features they are of, or "pixels".
    """
    looked_with = None if extractor == PIXELS else extractor
    for offer in installed().of_kind("metric"):
        try:
            metric: Any = offer.component()
        except ValidationError:  # it has no defaults
            continue
        if name != offer.name and score_name(metric, looked_with) == name:
            return offer.name
    return None


def remarks_of(
    metric: Metric, scores: Mapping[str, float], shape: EvidenceShape
) -> tuple[str, ...]:
    """Return what a metric has to say of its scores in words.

    Raises:
        PluginError: When the metric fails, or returns something else.
    """
    found = call(metric, "remarks", scores, shape)
    if isinstance(found, tuple | list) and all(isinstance(remark, str) for remark in found):
        return tuple(found)
    raise misbehaved(metric, "remarks", described(found), "a tuple of sentences")


def _numbers(metric: Metric, found: Any) -> Iterator[tuple[str, float]]:
    """Yield scores by name, if that is what a metric has returned."""
    expected = "numbers by name"
    if not isinstance(found, Mapping):
        raise misbehaved(metric, "compute", described(found), expected)
    for name, value in found.items():
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError) as error:  # tensors of several values
            told = f"{described(value)} as {name!r}"
            raise misbehaved(metric, "compute", told, expected) from error
        if not isinstance(name, str) or isinstance(value, str):
            raise misbehaved(metric, "compute", f"{described(value)} as {name!r}", expected)
        yield name, number
