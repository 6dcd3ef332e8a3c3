"""Judge a trained run: draw images, compare them with the real ones, write down what was found."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gantool.errors import DataError, UsageError
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.evaluation.scoring.evidence import Witness, protocol_of
from gantool.evaluation.scoring.example import read_example
from gantool.evaluation.scoring.judgment import Judgment, Score
from gantool.evaluation.scoring.metrics import choose_extractor, choose_metrics, measure, remarks_of
from gantool.registry.calling import call
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.evaluation.scoring.evidence import Progress
    from gantool.evaluation.scoring.example import Example
    from gantool.interfaces.metric import Evidence, EvidenceShape, Metric
    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol

PREPARING = "preparing images"
DRAWING = "drawing images"
COMPUTING = "computing scores"
COMPARING = "comparing real images with each other"


def judge(
    run: TrainedRun,
    *,
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    count: int | None = None,
    repetitions: int = 1,
    like: Example | None = None,
    progress: Progress | None = None,
) -> Judgment:
    """Score a checkpoint of a run and append the scores to its folder.

    Args:
        run: What to judge.
        metrics: Names of metrics; by default the recipe's, or all that can judge.
        extractor: Name of an extractor, "pixels" for none; by default the recipe's.
        count: Images to draw; by default as the recipe's `[evaluation]` says.
        repetitions: Sampling seeds, counted up from the recipe's, to repeat it with.
        like: What was judged before and is to be followed in all of this but named metrics.
        progress: Is told what is being done, how far it is, and how far it will go.

    Raises:
        UsageError: When the run is going on, or has no intact checkpoint; when its images have
            another number of channels than the extractor looks at; when a metric cannot judge by
            so few images, or with this extractor; when an example cannot be followed.
        PluginError: When there is no such metric or extractor, or it fails.
        MissingExtraError: When the extractor needs what is not installed.
        DataError: When the images have changed since the run was trained.
    """
    from gantool.data.selection import select

    if like is not None:
        run = replace(run, settings=like.settings(run))
    refuse_going(run.folder)
    tell = progress or ignore
    table = run.recipe.tables.evaluation
    seeds: tuple[int, ...] = tuple(range(table.seed, table.seed + repetitions))
    if like is not None:
        said = like.protocol
        extractor, count, seeds = said.extractor.name, said.fake, said.seeds
    looking = choose_extractor(extractor, run.recipe, followed=like is not None)
    prepared, tables = images_of(run, tell), run.recipe.tables
    images = select(
        prepared, held_out=tables.image.held_out, seed=tables.training.seed, conditional=False
    )
    witness = Witness(looking, images.pixels, images.held_out, run.device.device, progress=tell)
    shape = witness.shape(table.count if count is None else count)
    protocol = stated(run, witness, shape, seeds, prepared.fingerprint)
    if like is not None:
        like.refuse_unmet(run, protocol)
    known = () if like is None else like.metrics
    chosen = choose_metrics(metrics, run.recipe, shape, known)
    judgment = Evaluation(run, witness, shape, chosen, protocol, tell).judgment()
    judgment.record(run.folder)
    return judgment


def judge_alike(
    folders: Sequence[RunFolder],
    *,
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    count: int | None = None,
    repetitions: int = 1,
    device: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Judge the first run as told, and all others as it was judged.

    Args:
        folders: Of the runs.
        metrics: Names of metrics; by default the first run's, or all that can judge.
        extractor: Name of an extractor, "pixels" for none; by default the first run's.
        count: Images to draw; by default as the first run's recipe says.
        repetitions: Sampling seeds to repeat it with.
        device: Compute with this device instead of the recipes'.
        progress: Is told what is being done, how far it is, and how far it will go.

    Raises:
        GantoolError: Whatever `judge` would refuse in one of the runs.
    """
    first, *others = folders
    judge(
        TrainedRun(first, device),
        metrics=metrics,
        extractor=extractor,
        count=count,
        repetitions=repetitions,
        progress=progress,
    )
    example = read_example(first.path)
    for folder in others:
        judge(TrainedRun(folder, device), like=example, progress=progress)


def stated(
    run: TrainedRun,
    witness: Witness,
    shape: EvidenceShape,
    seeds: tuple[int, ...],
    fingerprint: str,
) -> Protocol:
    """Return how scores of a run are about to be obtained."""
    return protocol_of(
        run.recipe,
        witness.network.stamp,
        shape,
        fingerprint=fingerprint,
        averaged=run.averaged,
        seeds=seeds,
    )


def images_of(run: TrainedRun, tell: Progress) -> PreparedImages:
    """Return the images of a run's dataset, those kept from training among them.

    Their fingerprint is another than the run's own where that is from before contents counted.

    Raises:
        DataError: When they have changed since.
    """
    from gantool.data.prepare.preparing import prepare

    dataset = run.recipe.dataset
    prepared = prepare(
        dataset, run.recipe.tables.image, progress=lambda done, total: tell(PREPARING, done, total)
    )
    if not prepared.are(run.fingerprint):
        raise DataError(
            f"the images of dataset '{dataset.name}' have changed since {run.folder.path} was "
            f"trained: fingerprint {run.fingerprint} then, {prepared.fingerprint} now",
            "restore the images",
        )
    return prepared


def ignore(what: str, done: int, total: int) -> None:
    """Tell nobody."""
    del what, done, total


@dataclass(frozen=True)
class Evaluation:
    """What is about to be judged, by which metrics.

    Attributes:
        run: Whose images.
        witness: Turns them into evidence.
        shape: How much evidence there is.
        metrics: All able to judge by it.
        protocol: How they are to be judged.
        tell: Is told what is being done.
        label: Of all images that are judged; None where they are of all classes.
    """

    run: TrainedRun
    witness: Witness
    shape: EvidenceShape
    metrics: Sequence[Metric]
    protocol: Protocol
    tell: Progress
    label: int | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the latents, one for each repetition."""
        return self.protocol.seeds

    def judgment(self) -> Judgment:
        """Draw images and compute every score."""
        repetitions = [self._repetition(seed) for seed in self.seeds]
        by_metric = list(zip(*repetitions, strict=True))  # of each metric, all repetitions
        judged = list(zip(self.metrics, by_metric, strict=True))
        scores: list[Score] = []
        for number, pair in enumerate(judged):
            self.tell(COMPARING, number, len(judged))
            scores += self._scores(*pair)
        remarks = [remark for pair in judged for remark in self._remarks(*pair)]
        return Judgment(self.run.step, self.protocol, tuple(scores), tuple(remarks))

    def _repetition(self, seed: int) -> list[dict[str, float]]:
        """Return the scores that each metric gives to the images of one seed."""
        of_seed = f", seed {seed}" if len(self.seeds) > 1 else ""

        def drawn(done: int, total: int) -> None:
            self.tell(f"{DRAWING}{of_seed}", done, total)

        fakes = self.run.draw(self.shape.fake, seed, drawn, self.label)
        evidence = self.witness.evidence(fakes, seed)
        found = []
        for number, metric in enumerate(self.metrics):
            self.tell(f"{COMPUTING}{of_seed}", number, len(self.metrics))
            found.append(self._measure(metric, evidence, seed))
        return found

    def _scores(self, metric: Metric, found: Sequence[Mapping[str, float]]) -> Iterator[Score]:
        """Yield a metric's scores over all repetitions, beside those of real images."""
        floor = self._floor(metric)
        options = metric.model_dump(mode="json")
        for name in found[0]:
            spread = name.endswith(("/sd", "-sd"))
            yield Score(
                name=name,
                direction="none" if spread else metric.direction,
                values=tuple(scores[name] for scores in found),
                floor=floor.get(name),
                options=options,
            )

    def _floor(self, metric: Metric) -> Mapping[str, float]:
        """Return what a metric says of one half of the real images against the other."""
        half = self.shape.real // 2
        try:
            call(metric, "check", replace(self.shape, real=half, fake=half))
        except UsageError:  # half of the images are too few
            return {}
        return self._measure(metric, self._halves, self.seeds[0])

    @cached_property
    def _halves(self) -> Evidence:
        return self.witness.real_halves(self.seeds[0])

    def _remarks(self, metric: Metric, found: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
        means = {
            name.partition("/")[2]: statistics.fmean(scores[name] for scores in found)
            for name in found[0]
        }
        return remarks_of(metric, means, self.shape)

    def _measure(self, metric: Metric, evidence: Evidence, seed: int) -> dict[str, float]:
        return measure(metric, evidence, seed=seed, extractor=self.witness.network.name)
