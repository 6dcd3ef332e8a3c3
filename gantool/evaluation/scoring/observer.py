"""Scores during training, written into the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.evaluation.scoring.metrics import measure
from gantool.registry.calling import call
from gantool.runs.records import JsonLines
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gantool.evaluation.sampling.generator import TrainedGenerator
    from gantool.evaluation.scoring.evidence import Witness
    from gantool.interfaces.metric import Metric
    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol


def scoring_moments(every_epochs: int | None, steps: int, steps_per_epoch: float) -> set[int]:
    """Return the steps after which to score: every so many epochs, and the last step."""
    if every_epochs is None:
        return {steps}
    every = every_epochs * steps_per_epoch
    return {steps, *(round(every * number) for number in range(1, int(steps / every) + 1))}


class ScoringObserver(Observer):
    """Computes the recipe's metrics at given steps.

    The first score of the first metric that has a direction rates the checkpoints; the best
    one is kept. The extractor is loaded, and metrics are asked whether they can score what
    there will be, before the first step. Scores of steps after the first one are dropped.

    Attributes:
        told: Are given each step that is scored, and its scores by name.

    Raises:
        MissingExtraError: When the extractor needs what is not installed.
        UsageError: When a metric cannot score so few images, or use this extractor.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        witness: Witness,
        generator: TrainedGenerator,
        moments: Iterable[int],
        *,
        folder: RunFolder,
        protocol: Protocol,
        start_step: int = 0,
    ) -> None:
        shape = witness.shape(protocol.fake, generator.latent_dim)
        for metric in metrics:
            call(metric, "check", shape)
        self._metrics = metrics
        self._witness = witness
        self._generator = generator
        self._moments = frozenset(moments)
        self.told: list[Callable[[int, Mapping[str, float]], None]] = []
        self._scores = JsonLines(folder.scores)
        self._scores.cut_after(start_step)
        self._protocol = protocol
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
        count, (seed,) = self._protocol.fake, self._protocol.seeds
        evidence = self._witness.draw(self._generator, count, seed)
        scores: dict[str, float] = {}
        for metric in self._metrics:
            extractor = self._witness.network.name
            found = measure(metric, evidence, seed=seed, extractor=extractor)
            scores |= found
            if self._rating is None or self._rating[0] != step:
                self._rate(metric, step, found)
        self._scores.append({"step": step, **scores, "protocol": self._protocol.as_data()})
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
