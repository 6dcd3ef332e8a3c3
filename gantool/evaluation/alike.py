"""Judge several runs alike, so that their scores can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.evaluation.following import read_example
from gantool.evaluation.judging import judge
from gantool.evaluation.trained import TrainedRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.evaluation.evidence import Progress
    from gantool.runs.folder import RunFolder


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
