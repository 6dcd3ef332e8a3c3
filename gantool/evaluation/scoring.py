"""Scores during training, written into the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from typing_extensions import override

from gantool.runs.records import JsonLines
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gantool.evaluation.evidence import Witness
    from gantool.interfaces.metric import Metric
    from gantool.runs.folder import RunFolder


class ScoringObserver(Observer):
    """Computes the recipe's metrics at given steps.

    The first score of the first metric that has a direction rates the checkpoints; the best
    one is kept.

    Args:
        metrics: Those of the recipe.
        witness: Turns images into evidence.
        draw: Makes the generated images, uint8 [N, H, W, C].
        moments: Steps after which to score.
        seed: Where the metrics' chance starts.
        folder: The run's folder.
        start_step: Steps completed before this process; scores of later ones are dropped.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        witness: Witness,
        draw: Callable[[], NDArray[np.uint8]],
        moments: Iterable[int],
        *,
        seed: int,
        folder: RunFolder,
        start_step: int = 0,
    ) -> None:
        self._metrics = metrics
        self._witness = witness
        self._draw = draw
        self._moments = frozenset(moments)
        self._seed = seed
        self._scores = JsonLines(folder.scores)
        self._scores.cut_after(start_step)
        self._rating: tuple[int, float] | None = None

    @override
    def after_step(self, step: int) -> None:
        if step not in self._moments:
            return
        evidence = self._witness.evidence(torch.from_numpy(self._draw()), self._seed)
        scores: dict[str, float] = {}
        for metric in self._metrics:
            found = metric.compute(evidence)
            scores |= {f"{metric.name}/{name}": value for name, value in found.items()}
            if self._rating is None or self._rating[0] != step:
                self._rate(metric, step, found)
        self._scores.append({"step": step, **scores})

    @override
    def at_checkpoint(self, step: int) -> float | None:
        if self._rating is None or self._rating[0] != step:
            return None
        return self._rating[1]

    def _rate(self, metric: Metric, step: int, found: dict[str, float]) -> None:
        """Remember the step's rating, lower being better."""
        if metric.direction != "none" and found:
            value = next(iter(found.values()))
            self._rating = (step, value if metric.direction == "lower" else -value)
