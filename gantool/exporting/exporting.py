"""Export a run: the files that exporters write, and what explains them."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import GantoolError, UsageError
from gantool.evaluation.sampling.draws import to_pixels
from gantool.exporting.card import SHOWN, model_card
from gantool.exporting.folder import ExportConfig, read_config
from gantool.exporting.trained import trained_generator
from gantool.files.disk import aside_of, make_folder, remove, sweep, write_durably
from gantool.files.plain import BusyError, occupied
from gantool.recipe.documents import bare
from gantool.registry.calling import call, described, misbehaved
from gantool.reporting.pictures.grids import save_grid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.folder import ExportedFolder
    from gantool.interfaces.exporter import Exporter, Trained


def export(
    run: TrainedRun,
    exporters: Mapping[str, Exporter],
    folder: ExportedFolder,
    *,
    repository: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Write a run's generator in some forms, with config, sample grid and model card.

    Args:
        run: The run, opened on the CPU.
        exporters: What writes it, by full name; what an earlier export left beside it stays.
        folder: Where to.
        repository: Where on the Hugging Face Hub it will be found, for the card.
        tell: Is told of each form in words.

    Raises:
        UsageError: When the folder holds something else, or the generator cannot leave its run.
        MissingExtraError: When a form needs what is not installed.
        OSError: When the disk is full or failing.
    """
    for exporter in exporters.values():
        call(exporter, "check")
        _refuse_coupled_images(exporter, run)
    folder.check_writable()
    trained = trained_generator(run)
    config = ExportConfig.model_validate_json(trained.config)
    with _alone_in(folder):
        folder.check_writable()
        if folder.forms() and _is_other(folder, config):
            folder.empty()
        write_durably(folder.config, config.model_dump_json(indent=2) + "\n")
        with _nothing_left_half_done(folder):
            for form, exporter in exporters.items():
                tell(_write(exporter, form, trained, folder))
        with torch.no_grad():
            pictures = trained.network(*trained.inputs(SHOWN, 0))
        save_grid(to_pixels(pictures), folder.picture)
        write_durably(folder.card, model_card(run, trained, folder, repository))


def _refuse_coupled_images(exporter: Exporter, run: TrainedRun) -> None:
    """Refuse a generator whose images depend on each other, where the exporter does."""
    if exporter.needs_independent_images and run.batch_statistics == "batch":
        raise UsageError(
            f"a run whose images depend on their batch cannot be exported as {exporter.name}",
            'set sampling.batch_statistics = "standing" in the run\'s recipe.toml',
        )


@contextmanager
def _alone_in(folder: ExportedFolder) -> Iterator[None]:
    """Keep other exports out of a folder, which is made; it goes again if it stays empty.

    Raises:
        UsageError: When another export is writing there.
    """
    make_folder(folder.path)
    try:
        with occupied(folder.path):
            sweep(folder.path)
            yield
    except BusyError as error:
        way_out = "wait until it is done, or choose another folder with --out"
        raise UsageError(f"another export is writing into {folder.path}", way_out) from error
    finally:
        with suppress(OSError):  # it holds something
            folder.path.rmdir()


@contextmanager
def _nothing_left_half_done(folder: ExportedFolder) -> Iterator[None]:
    """Take the config away again where no form could be written to go with it."""
    try:
        yield
    except BaseException:
        if not folder.forms():
            folder.empty()
            folder.config.unlink(missing_ok=True)
        raise


def _is_other(folder: ExportedFolder, config: ExportConfig) -> bool:
    """Whether a folder holds an export of another run or step."""
    try:
        return _known(read_config(folder.config)) != _known(config)
    except GantoolError:
        return True


def _known(config: ExportConfig) -> dict[str, Any]:
    """Return what a config says; earlier ones call the architecture by its bare name."""
    said = config.model_dump()
    said["architecture"]["use"] = bare(config.architecture.use)
    return said


def _write(exporter: Exporter, form: str, trained: Trained, folder: ExportedFolder) -> str:
    """Let an exporter write its files, and return what there is to say of them."""
    aside = aside_of(folder.path / form)
    aside.mkdir()
    try:
        said = written(exporter, trained, aside)
        folder.take(form, aside)
    finally:
        remove(aside)
    return said


def written(exporter: Exporter, trained: Trained, folder: Path) -> str:
    """Let an exporter write into an empty folder, and return its line.

    Raises:
        PluginError: When it fails, or returns something else.
        UsageError: When it refuses the generator.
    """
    with without_remarks():
        said = call(exporter, "export", trained, folder)
    if not isinstance(said, str) or len(said.splitlines()) != 1:
        raise misbehaved(exporter, "export", described(said), "a line of text")
    return said


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep warnings, log lines and output of libraries from the user, who could not act on them."""
    nowhere, before = io.StringIO(), logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # torch's loggers have levels and handlers of their own
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
