"""The observers that look on while a run is trained, put together."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

from gantool.errors import GantoolError
from gantool.interfaces.logger import RunDescription
from gantool.launch.folder import FolderGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console
    from torch import Tensor

    from gantool.data.selection import Pixels
    from gantool.evaluation.sampling.trained import GeneratorInTraining
    from gantool.launch.session import Session
    from gantool.reporting.console.messages import Level
    from gantool.reporting.console.run import ConsoleObserver
    from gantool.reporting.loggers import LoggersObserver
    from gantool.reporting.observers import FiguresObserver, GridsObserver
    from gantool.reporting.report.writing import Neighbors
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.training.observers import Observer
    from gantool.training.trainer import Trainer

IMAGES_COMPARED = 32
"""Images, generated and real, whose distances tell the watcher how varied they are."""
CLASSES_COMPARED, IMAGES_OF_A_CLASS = 8, 8
"""The same of a conditional run, whose images are compared within classes."""
MOST_IMAGES = 20_000
"""Training images among which neighbors are looked for when a run ends: about five seconds."""
TOO_MANY = (
    "They were not looked for among so many images at the end of the run; gantool report does it."
)


@contextmanager
def observed(
    session: Session, folder: RunFolder, status: RunStatus, console: Console, level: Level
) -> Iterator[list[Observer]]:
    """Start all that looks on, and end it however training ends."""
    from gantool.reporting.observers import ReportObserver

    trainer, setup = session.trainer, session.trainer.game.setup
    per_step = setup.discriminator_updates / trainer.game.batches.per_epoch  # epochs in a step
    images_per_step = round(trainer.game.batches.images_per_epoch * per_step)
    loggers = _loggers(session, folder, status)
    screen = _screen(session, folder, console, level, images_per_step)
    figures = _figures(session, folder, images_per_step)
    page = ReportObserver(folder, status)
    told = [*(each.images for each in loggers), page.after_grid]
    grids = _grids(session, folder, 1 / per_step, told, [screen.show_samples])
    for each in loggers:
        each.start()
    try:
        with screen:
            scored = [*(each.scores for each in loggers), screen.show_scores]
            scoring = _scoring(session, folder, 1 / per_step, scored)
            watching = _watching(session, folder)
            yield [figures, *scoring, grids, *loggers, screen, *watching, page]
    except KeyboardInterrupt:  # a second Ctrl-C waits for nobody
        raise
    except BaseException as error:
        for each in loggers:
            each.finish("failed")
        if not isinstance(error, FolderGoneError):  # what is in its place is another's
            page.finish(trainer.step, "failed")
        raise
    outcome = outcome_of(trainer)
    for each in loggers:
        each.finish(outcome)
    page.finish(trainer.step, outcome, partial(_look, session) if outcome == "completed" else None)


def _screen(
    session: Session, folder: RunFolder, console: Console, level: Level, images_per_step: int
) -> ConsoleObserver:
    """Return what a person sees while a run goes on; it knows what was recorded before."""
    from gantool.reporting.console.run import ConsoleObserver
    from gantool.runs.curves import read_curves
    from gantool.runs.documents import Damages

    trainer, batches = session.trainer, session.trainer.game.batches
    steps = trainer.game.setup.steps
    screen = ConsoleObserver(
        console,
        level,
        steps=steps,
        epochs=steps * trainer.game.setup.discriminator_updates / batches.per_epoch,
        images_per_step=images_per_step,
        device=str(session.device),
        start_step=trainer.step,
    )
    if trainer.step:
        screen.recall(read_curves(folder.metrics, Damages()))  # recording tells what is damaged
    return screen


def _figures(session: Session, folder: RunFolder, images_per_step: int) -> FiguresObserver:
    """Return what writes figures and times into the folder."""
    from gantool.reporting.observers import FiguresObserver
    from gantool.training.device.device import peak_memory

    return FiguresObserver(
        folder,
        images_per_step=images_per_step,
        start_step=session.trainer.step,
        peak_memory=partial(peak_memory, session.device.device),
    )


def _look(session: Session) -> Neighbors | str:
    """Look for the training images nearest to generated ones."""
    from gantool.evaluation.neighbors import GENERATED

    draw = _drawer(session, GENERATED, session.recipe.tables.evaluation.seed)
    return look_at_end(draw, session.images.pixels)


def look_at_end(draw: Callable[[], NDArray[np.uint8]], training: Pixels) -> Neighbors | str:
    """Return the nearest neighbors in pixels, or why there are none.

    All images are uint8 [N, H, W, C]; those that are drawn are looked for among the others.
    """
    import torch

    from gantool.evaluation.neighbors import look_around
    from gantool.reporting.report.writing import show_neighbors

    if len(training) > MOST_IMAGES:
        return TOO_MANY
    try:
        return show_neighbors(look_around(torch.from_numpy(draw()), training), training)
    except GantoolError as error:
        return f"They were not looked for: {error.message}."


def outcome_of(trainer: Trainer) -> Literal["completed", "stopped"]:
    """Return how training ended, when nothing went wrong."""
    return "completed" if trainer.is_finished() else "stopped"


def _loggers(session: Session, folder: RunFolder, status: RunStatus) -> list[LoggersObserver]:
    """Return what drives the recipe's loggers, if it names any; they know what was sent before."""
    if not session.recipe.loggers:
        return []
    from gantool.reporting.loggers import LoggersObserver, SentSteps

    description = RunDescription(
        identifier=status.identifier,
        name=folder.name,
        folder=folder.path.resolve(),
        recipe=session.recipe.document,
        resumed_from=session.trainer.step,
    )
    return [LoggersObserver(session.recipe.loggers, description, SentSteps(folder.sent))]


def _scoring(
    session: Session,
    folder: RunFolder,
    steps_per_epoch: float,
    told: Sequence[Callable[[int, Mapping[str, float]], None]],
) -> list[Observer]:
    """Return the observer that computes the recipe's metrics, if it names any."""
    from gantool.evaluation.scoring.evidence import Witness
    from gantool.evaluation.scoring.features import FeatureNetwork
    from gantool.evaluation.scoring.observer import ScoringObserver, scoring_moments

    recipe, trainer, images = session.recipe, session.trainer, session.images
    if not recipe.metrics:
        return []
    table, steps = recipe.tables.evaluation, trainer.game.setup.steps
    generator = _generator(session)
    witness = Witness(FeatureNetwork(recipe.extractor, session.device.device), images)
    fingerprint = session.prepared.fingerprint
    shape = witness.shape(table.count)
    protocol = witness.protocol(generator, shape, fingerprint=fingerprint, seeds=(table.seed,))
    scoring = ScoringObserver(
        recipe.metrics,
        witness,
        generator,
        scoring_moments(table.every_epochs, steps, steps_per_epoch),
        folder=folder,
        protocol=protocol,
        start_step=trainer.step,
    )
    scoring.told += told
    return [scoring]


def _watching(session: Session, folder: RunFolder) -> list[Observer]:
    """Return the observer that notices when a run leads nowhere, unless it is turned off."""
    from gantool.runs.records import JsonLines
    from gantool.training.health.watcher import HealthObserver, stakes_of

    policy = session.recipe.tables.health.policy
    if policy == "off":
        return []
    return [
        HealthObserver(
            stakes_of(session.recipe.loss),
            _distance(session),
            stops=policy == "stop",
            lines=JsonLines(folder.health),
            steps=session.trainer.game.setup.steps,
            within=session.images.labels is not None,
        )
    ]


def _distance(session: Session) -> Callable[[], float] | None:
    """Return what tells how varied images are: in a conditional run, those of one class."""
    import torch

    from gantool.training.health.watcher import classes_of, relative_distance, some_of_each, spread

    pixels, labels = session.images.pixels, session.images.labels
    seed = session.recipe.tables.training.seed
    if labels is None:
        some = list(spread(IMAGES_COMPARED, len(pixels)))
        return relative_distance(_drawer(session, IMAGES_COMPARED, seed), pixels[some])
    some = some_of_each(labels, CLASSES_COMPARED, IMAGES_OF_A_CLASS)
    real_labels = labels[some]
    drawn = torch.tensor(classes_of(real_labels), dtype=torch.int64)
    drawn = drawn.repeat_interleave(IMAGES_OF_A_CLASS)
    draw = _drawer(session, len(drawn), seed, drawn)
    return relative_distance(draw, pixels[some], drawn, real_labels)


def _grids(
    session: Session,
    folder: RunFolder,
    steps_per_epoch: float,
    told: Sequence[Callable[[int, Path], None]],
    viewers: Sequence[Callable[[int, NDArray[np.uint8]], None]],
) -> GridsObserver:
    """Return what draws the sample grids, and tells and shows them."""
    import torch

    from gantool.reporting.observers import GridsObserver, grid_moments

    table, setup = session.recipe.tables.sampling, session.trainer.game.setup
    labels = torch.arange(table.count) % setup.classes if setup.classes else None  # take turns
    draw = _drawer(session, table.count, session.recipe.tables.training.seed, labels)
    moments = grid_moments(table, setup.steps, steps_per_epoch)
    return GridsObserver(draw, moments, folder, told, viewers)


def _drawer(
    session: Session, count: int, seed: int, labels: Tensor | None = None
) -> Callable[[], NDArray[np.uint8]]:
    """Return what draws images uint8 [N, H, W, C] from latents that are always the same."""

    def draw() -> NDArray[np.uint8]:
        import numpy as np

        generator = _generator(session)
        given = generator.labels(count, seed) if labels is None else labels
        return np.concatenate(list(generator.pixel_chunks(generator.latents(count, seed), given)))

    return draw


def _generator(session: Session) -> GeneratorInTraining:
    from gantool.evaluation.sampling.trained import GeneratorInTraining

    classes = session.prepared.classes if session.images.classes else ()
    return GeneratorInTraining(session.trainer, session.recipe, classes, session.device)
