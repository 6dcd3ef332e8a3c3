"""Judge a conditional run class by class: its images of a class against the real ones of it."""

from __future__ import annotations

import logging
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gantool.data.selection import MappedPixels, split
from gantool.errors import UsageError
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.features import FeatureNetwork
from gantool.evaluation.scoring.judging import Evaluation, ignore, images_of, stated
from gantool.evaluation.scoring.metrics import choose_extractor, choose_metrics
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evidence import Progress
    from gantool.evaluation.scoring.judgment import Judgment, Score

FEWEST_IMAGES = 2
"""Training images of a class that can be compared with anything."""

log = logging.getLogger("gantool")


def judge_classes(
    run: TrainedRun,
    *,
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    count: int | None = None,
    repetitions: int = 1,
    progress: Progress | None = None,
) -> dict[str, Judgment]:
    """Score each class of a conditional run by itself; nothing is written into its folder.

    The mean of a distance over the classes is what Miyato & Koyama (2018, section 5.1) call
    intra-FID: a generator that draws one picture a class, or the wrong class, cannot hide in it.

    Args:
        run: What to judge.
        metrics: As of `judge`.
        extractor: As of `judge`.
        count: Images to draw of each class; by default as many as its training images.
        repetitions: As of `judge`.
        progress: Is told what is being done, how far it is, and how far it will go.

    Returns:
        The judgment of each class by its name. Those that cannot be judged are named in a warning.

    Raises:
        UsageError: When the run is not conditional, or no class can be judged; as `judge` does.
        DataError: As `judge` does.
    """
    if not run.classes:
        way_out = "train one with: --set training.conditional=true"
        raise UsageError(f"'{run.name}' knows no classes, so none can be judged by itself", way_out)
    refuse_going(run.folder)
    tell = progress or ignore
    prepared = images_of(run, tell)
    network = FeatureNetwork(choose_extractor(extractor, run.recipe), run.device.device)
    found, reasons = {}, {}
    for label, name in enumerate(run.classes):
        within = ClassOfRun(run, prepared, label, network, tell)
        try:
            found[name] = within.evaluation(metrics, count, repetitions).judgment()
        except UsageError as error:
            reasons[name] = error
    for name, reason in reasons.items():
        if not found:
            raise UsageError(f"no class can be judged; '{name}': {reason.message}", reason.hint)
        log.warning("class '%s' is left out: %s", name, reason.message)
    return found


@dataclass(frozen=True)
class ClassOfRun:
    """One class of a conditional run.

    Attributes:
        run: The run.
        prepared: Images of its dataset.
        label: The class.
        network: What looks at images.
        tell: Is told what is being done.
    """

    run: TrainedRun
    prepared: PreparedImages
    label: int
    network: FeatureNetwork
    tell: Progress

    def evaluation(self, metrics: Sequence[str], count: int | None, repetitions: int) -> Evaluation:
        """Return what judges the class, as `judge_classes` is asked to.

        Raises:
            UsageError: When there are too few images of it.
        """
        run, tables = self.run, self.run.recipe.tables
        train, kept = map(
            self._of_class, split(self.prepared.names, tables.image.held_out, tables.training.seed)
        )
        if len(train) < FEWEST_IMAGES:
            raise UsageError(f"{len(train)} training images, at least {FEWEST_IMAGES} are needed")
        device, network = run.device.device, self.network
        witness = Witness(None, train, kept, device, progress=self.tell, network=network)
        shape = witness.shape(len(train) if count is None else count)
        chosen = choose_metrics(metrics, run.recipe, shape)
        seeds = tuple(range(tables.evaluation.seed, tables.evaluation.seed + repetitions))
        protocol = stated(run, witness, shape, seeds, self.prepared.fingerprint)
        return Evaluation(run, witness, shape, chosen, protocol, self.tell, label=self.label)

    def _of_class(self, rows: NDArray[np.int64]) -> MappedPixels:
        return MappedPixels(self.prepared.images, rows[self.prepared.labels[rows] == self.label])


def mean_over_classes(judgments: Collection[Judgment]) -> Iterator[Score]:
    """Yield the mean of each score that all classes have."""
    by_name = [{score.name: score for score in each.scores} for each in judgments]
    for name, first in by_name[0].items():
        if not all(name in scores for scores in by_name) or first.name.endswith(("/sd", "-sd")):
            continue
        same = [scores[name] for scores in by_name]
        floors = [score.floor for score in same if score.floor is not None]
        yield replace(
            first,
            values=tuple(map(statistics.fmean, zip(*(s.values for s in same), strict=True))),
            floor=statistics.fmean(floors) if len(floors) == len(same) else None,
        )
