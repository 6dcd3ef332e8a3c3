"""One metric's scores, by the names under which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gantool.registry.calling import call, described, misbehaved

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
