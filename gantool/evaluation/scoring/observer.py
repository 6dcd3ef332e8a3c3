"""Scores during training, written into the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

from gantool.evaluation.scoring.metrics import measure
from gantool.registry.calling import call
from gantool.runs.records import JsonLines
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gantool.evaluation.scoring.evidence import Witness
    from gantool.interfaces.metric import Metric
    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol


def scoring_moments(every_epochs: int | None, steps: int, steps_per_epoch: float) -> set[int]:
    """Return the steps after which to score; the last step is always among them.

    Args:
        every_epochs: Epochs from one score to the next; None for the last step alone.
        steps: Steps of the whole run.
        steps_per_epoch: Steps in which every image is seen once, with fractions.
    """
    if every_epochs is None:
        return {steps}
    every = every_epochs * steps_per_epoch
    return {steps, *(round(every * number) for number in range(1, int(steps / every) + 1))}


class ScoringObserver(Observer):
    """Computes the recipe's metrics at given steps.

    The first score of the first metric that has a direction rates the checkpoints; the best
    one is kept. The extractor is loaded, and metrics are asked whether they can score what
    there will be, before the first step.

    Attributes:
        told: Are given each step that is scored, and its scores by name.

    Args:
        metrics: Those of the recipe.
        witness: Turns images into evidence.
        draw: Makes the generated images, uint8 [N, H, W, C].
        moments: Steps after which to score.
        seed: Where the metrics' chance starts.
        folder: The run's folder.
        start_step: Steps completed before this process; scores of later ones are dropped.
        protocol: How the scores are obtained, which is written beside them, and by how many
            generated images, which metrics are then asked about.

    Raises:
        MissingExtraError: When the extractor needs what is not installed.
        UsageError: When a metric cannot score so few images, or use this extractor.
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
        protocol: Protocol | None = None,
    ) -> None:
        shape = witness.shape(0 if protocol is None else protocol.fake)
        for metric in metrics if protocol is not None else ():
            call(metric, "check", shape)
        self._metrics = metrics
        self._witness = witness
        self._draw = draw
        self._moments = frozenset(moments)
        self._seed = seed
        self.told: list[Callable[[int, Mapping[str, float]], None]] = []
        self._scores = JsonLines(folder.scores)
        self._scores.cut_after(start_step)
        self._stated = {} if protocol is None else {"protocol": protocol.as_data()}
        self._rating: tuple[int, float] | None = None

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        self._scores.cut_after(step)
        self._rating = None

    @override
    def memory(self) -> Mapping[str, Any]:
        self._scores.sync()
        return {}

    @override
    def after_step(self, step: int) -> None:
        if step not in self._moments:
            return
        evidence = self._witness.evidence(torch.from_numpy(self._draw()), self._seed)
        scores: dict[str, float] = {}
        for metric in self._metrics:
            extractor = self._witness.network.name
            found = measure(metric, evidence, seed=self._seed, extractor=extractor)
            scores |= found
            if self._rating is None or self._rating[0] != step:
                self._rate(metric, step, found)
        self._scores.append({"step": step, **scores, **self._stated})
        for tell in self.told:
            tell(step, scores)

    @override
    def rating(self, step: int) -> float | None:
        if self._rating is None or self._rating[0] != step:
            return None
        return self._rating[1]

    def _rate(self, metric: Metric, step: int, found: dict[str, float]) -> None:
        """Remember the step's rating, lower being better."""
        if metric.direction != "none" and found:
            value = next(iter(found.values()))
            self._rating = (step, value if metric.direction == "lower" else -value)
