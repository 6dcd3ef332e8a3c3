"""Evaluate a trained run: draw images, compare them with the real ones, write the scores down."""

from __future__ import annotations

import logging
import statistics
import sys
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from gantool.data.selection import select
from gantool.errors import DataError, UsageError
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.example import read_example
from gantool.evaluation.scoring.features import FeatureNetwork
from gantool.evaluation.scoring.metrics import (
    choose_extractor,
    choose_metrics,
    measure,
    remarks_of,
)
from gantool.registry.calling import call
from gantool.runs.records import JsonLines
from gantool.runs.scores import SPREADS, Evaluation, Score
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.data.selection import TrainingImages
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evidence import Progress
    from gantool.evaluation.scoring.example import Example
    from gantool.interfaces.metric import Evidence, EvidenceShape, Metric
    from gantool.runs.scores import Protocol

FEWEST_IMAGES = 2
"""Training images of a class that can be compared with anything."""

log = logging.getLogger("gantool")


def evaluate(
    run: TrainedRun,
    *,
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    count: int | None = None,
    repetitions: int = 1,
    like: Example | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a checkpoint of a run and append the scores to its folder.

    Args:
        run: The run.
        metrics: Names of metrics; by default the recipe's, or all that can score it, without those
            that say `only_when_named`.
        extractor: Name of an extractor, "pixels" for none; by default the recipe's.
        count: Images to draw; by default as the recipe's `[evaluation]` says.
        repetitions: Sampling seeds, counted up from the recipe's, to repeat it with.
        like: An earlier evaluation to follow in all of this but named metrics.
        progress: Is told what is being done, how far it is, and how far it will go.

    Raises:
        UsageError: When the run is going on, or has no intact checkpoint; when its images have
            another number of channels than the extractor looks at; when a metric cannot score so
            few images, or use this extractor; when an example cannot be followed.
        PluginError: When there is no such metric or extractor, or it fails.
        MissingExtraError: When the extractor needs what is not installed.
        DataError: When the images have changed since the run was trained.
    """
    work = _Work.on(run, extractor, progress, like)
    evaluation = work.evaluator(metrics, count, repetitions).evaluation()
    evaluations = JsonLines(run.folder.evaluations)
    evaluations.cut_after(sys.maxsize)  # a line that a crash has torn
    evaluations.append(evaluation.as_data())
    evaluations.sync()
    return evaluation


def evaluate_alike(
    runs: Sequence[TrainedRun], *, progress: Progress | None = None, **first: Any
) -> None:
    """Evaluate the first run by arguments of `evaluate`, all others as it was."""
    evaluate(runs[0], progress=progress, **first)
    example = read_example(runs[0].folder.path)
    for run in runs[1:]:
        evaluate(run, like=example, progress=progress)


def evaluate_classes(
    run: TrainedRun,
    *,
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    count: int | None = None,
    repetitions: int = 1,
    progress: Progress | None = None,
) -> dict[str, Evaluation]:
    """Score each class of a conditional run by itself; nothing is written into its folder.

    The mean of a distance over the classes is what Miyato & Koyama (2018, section 5.1) call
    intra-FID: a generator that draws one picture a class, or the wrong class, cannot hide in it.
    Arguments are those of `evaluate`; `count` is of each class, by default its training images'.
    Classes that cannot be scored are named in a warning.

    Raises:
        UsageError: When the run is not conditional, or no class can be scored; as `evaluate` does.
        DataError: As `evaluate` does.
    """
    run.refuse_unconditional("none can be scored by itself")
    work = _Work.on(run, extractor, progress)
    found, reasons = {}, {}
    for label, name in enumerate(run.classes):
        try:
            found[name] = work.evaluator(metrics, count, repetitions, label).evaluation()
        except UsageError as error:
            reasons[name] = error
    for name, reason in reasons.items():
        if not found:
            raise UsageError(f"no class can be scored; '{name}': {reason.message}", reason.hint)
        log.warning("class '%s' is left out: %s", name, reason.message)
    return found


def mean_over_classes(evaluations: Collection[Evaluation]) -> Iterator[Score]:
    """Yield the mean of each score that all classes have."""
    by_name = [{score.name: score for score in each.scores} for each in evaluations]
    for name, first in by_name[0].items():
        if first.is_spread or not all(name in scores for scores in by_name):
            continue
        same = [scores[name] for scores in by_name]
        floors = [score.floor for score in same if score.floor is not None]
        values = zip(*(score.values for score in same), strict=True)
        floor = statistics.fmean(floors) if len(floors) == len(same) else None
        yield first.over(tuple(map(statistics.fmean, values)), floor)


@dataclass(frozen=True)
class _Work:
    """A run, its images, and the network that looks at them."""

    run: TrainedRun
    prepared: PreparedImages
    network: FeatureNetwork
    tell: Progress
    like: Example | None = None

    @classmethod
    def on(
        cls,
        run: TrainedRun,
        extractor: str | None,
        progress: Progress | None,
        like: Example | None = None,
    ) -> _Work:
        """Open a run that is not going on, and its images."""
        if like is not None:
            run = replace(run, settings=like.settings(run))
            extractor = like.protocol.extractor.name
        refuse_going(run.folder)
        chosen = choose_extractor(extractor, run.recipe, followed=like is not None)
        tell = progress or (lambda what, done, total: None)
        network = FeatureNetwork(chosen, run.device.device)
        return cls(run, images_of(run, tell), network, tell, like)

    def evaluator(
        self,
        metrics: Sequence[str],
        count: int | None,
        repetitions: int,
        label: int | None = None,
    ) -> _Evaluator:
        """Return the evaluator of all images, or of those of one class."""
        run, table = self.run, self.run.recipe.tables.evaluation
        images = self._images(label)
        witness = Witness(self.network, images, progress=self.tell)
        seeds = tuple(range(table.seed, table.seed + repetitions))
        if self.like is not None:
            count, seeds = self.like.protocol.fake, self.like.protocol.seeds
        if count is None:
            count = table.count if label is None else len(images.pixels)
        shape = witness.shape(count, run.latent_dim)
        fingerprint = self.prepared.fingerprint
        protocol = witness.protocol(run, shape, fingerprint=fingerprint, seeds=seeds)
        if self.like is not None:
            self.like.refuse_unmet(run, protocol)
        known = () if self.like is None else self.like.metrics
        chosen = choose_metrics(metrics, run.recipe, shape, known)
        return _Evaluator(run, witness, shape, chosen, protocol, self.tell, label)

    def _images(self, label: int | None) -> TrainingImages:
        """Return the images that were trained on and kept from it, of one class or all."""
        images = select(self.prepared, self.run.recipe.tables, label)
        if label is not None and (count := len(images.pixels)) < FEWEST_IMAGES:
            raise UsageError(f"{count} training images, at least {FEWEST_IMAGES} are needed")
        return images


def images_of(run: TrainedRun, tell: Progress) -> PreparedImages:
    """Return the images of a run's dataset, those kept from training among them.

    Their fingerprint is another than the run's own where that is from before contents counted.

    Raises:
        DataError: When they have changed since.
    """
    from gantool.data.prepare.preparing import prepare

    dataset, told = run.recipe.dataset, partial(tell, "preparing images")
    prepared = prepare(dataset, run.recipe.tables.image, progress=told)
    if not prepared.are(run.fingerprint):
        raise DataError(
            f"the images of dataset '{dataset.name}' have changed since {run.folder.path} was "
            f"trained: fingerprint {run.fingerprint} then, {prepared.fingerprint} now",
            "restore the images",
        )
    return prepared


@dataclass(frozen=True)
class _Evaluator:
    """Computes scores of a run's images, of all classes or of those with one label."""

    run: TrainedRun
    witness: Witness
    shape: EvidenceShape
    metrics: Sequence[Metric]
    protocol: Protocol
    tell: Progress
    label: int | None = None

    def evaluation(self) -> Evaluation:
        """Draw images and compute every score."""
        repetitions = [self._repetition(seed) for seed in self.protocol.seeds]
        by_metric = list(zip(*repetitions, strict=True))  # of each metric, all repetitions
        scored = list(zip(self.metrics, by_metric, strict=True))
        scores: list[Score] = []
        for number, pair in enumerate(scored):
            self.tell("comparing real images with each other", number, len(scored))
            scores += self._scores(*pair)
        remarks = [remark for pair in scored for remark in self._remarks(*pair)]
        return Evaluation(
            step=self.run.step, protocol=self.protocol, scores=tuple(scores), remarks=tuple(remarks)
        )

    def _repetition(self, seed: int) -> list[dict[str, float]]:
        """Return the scores that each metric gives to the images of one seed."""
        of_seed = f", seed {seed}" if len(self.protocol.seeds) > 1 else ""
        drawn = partial(self.tell, f"drawing images{of_seed}")
        evidence = self.witness.draw(
            self.run, self.shape.fake, seed, label=self.label, progress=drawn
        )
        found = []
        for number, metric in enumerate(self.metrics):
            self.tell(f"computing scores{of_seed}", number, len(self.metrics))
            found.append(self._measure(metric, evidence, seed))
        return found

    def _scores(self, metric: Metric, found: Sequence[Mapping[str, float]]) -> Iterator[Score]:
        """Yield a metric's scores over all repetitions, beside those of real images."""
        floor = self._floor(metric)
        options = metric.model_dump(mode="json")
        for name in found[0]:
            direction = "none" if name.endswith(SPREADS) else metric.direction
            score = Score(name, direction=direction, options=options)
            yield score.over(tuple(scores[name] for scores in found), floor.get(name))

    def _floor(self, metric: Metric) -> Mapping[str, float]:
        """Return the scores of one half of the real images against the other."""
        half = self.shape.real // 2
        try:
            call(metric, "check", replace(self.shape, real=half, fake=half, latent_dim=0))
        except UsageError:  # half of the images are too few, or it needs a generator
            return {}
        return self._measure(metric, self._halves, self.protocol.seeds[0])

    @cached_property
    def _halves(self) -> Evidence:
        return self.witness.real_halves(self.protocol.seeds[0])

    def _remarks(self, metric: Metric, found: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
        means = {
            name.partition("/")[2]: statistics.fmean(scores[name] for scores in found)
            for name in found[0]
        }
        return remarks_of(metric, means, self.shape)

    def _measure(self, metric: Metric, evidence: Evidence, seed: int) -> dict[str, float]:
        return measure(metric, evidence, seed=seed, extractor=self.witness.network.name)
