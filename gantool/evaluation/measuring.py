"""One metric's scores, by the names under which they are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from gantool.errors import GantoolError, PluginError

if TYPE_CHECKING:
    from gantool.interfaces.metric import Evidence, Metric


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
        PluginError: When the metric fails.
    """
    own = replace(evidence, random=torch.Generator().manual_seed(seed))
    try:
        found = metric.compute(own)
    except GantoolError:
        raise
    except Exception as error:  # a plugin may fail in any way
        raise PluginError(
            f"metric '{metric.name}' failed: {type(error).__name__}: {error}"
        ) from error
    name = metric.score_name(extractor)
    return {f"{name}/{score}": float(value) for score, value in found.items()}
