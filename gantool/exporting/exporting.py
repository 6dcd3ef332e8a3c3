"""Export a run: the files that were asked for, and what explains them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import GantoolError, UsageError
from gantool.evaluation.sampling.draws import to_pixels
from gantool.exporting.browser.page import write_page
from gantool.exporting.card import SHOWN, model_card
from gantool.exporting.onnx_graph import check_extra, write_graph
from gantool.exporting.plain import plain_generator
from gantool.exporting.weights import write_weights
from gantool.files.durable import make_folder, sweep, write_durably
from gantool.files.locks import BusyError, occupied
from gantool.recipe.documents import bare
from gantool.reporting.pictures.grids import save_grid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.config import ExportConfig
    from gantool.exporting.folder import ExportedFolder, Format
    from gantool.exporting.plain import PlainGenerator


def export(
    run: TrainedRun,
    formats: Sequence[Format],
    folder: ExportedFolder,
    *,
    repository: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Write a run's generator in some formats, with config, sample grid and model card.

    Args:
        run: The run, opened on the CPU.
        formats: What to write; what an earlier export left beside it stays.
        folder: Where to.
        repository: Where on the Hugging Face Hub it will be found, for the card.
        tell: Is told of each file in words.

    Raises:
        UsageError: When the folder holds something else, or the generator cannot leave its run.
        MissingExtraError: When a format needs what is not installed.
        OSError: When the disk is full or failing.
    """
    if "onnx" in formats:
        check_extra()
    folder.check_writable()
    plain = plain_generator(run)
    with _alone_in(folder):
        folder.check_writable()
        if folder.formats() and _is_other(folder, plain):
            for form in folder.formats():  # files of another generator must not stand beside ours
                folder.file(form).unlink()
        write_durably(folder.config, plain.config.model_dump_json(indent=2) + "\n")
        with _nothing_left_half_done(folder):
            for form in formats:
                tell(_write(plain, run.name, form, folder))
        with torch.no_grad():
            pictures = plain.network(*plain.inputs(SHOWN))
        save_grid(to_pixels(pictures), folder.picture)
        write_durably(folder.card, model_card(run, plain.config, folder, repository))


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
    """Take the config away again where no format could be written to go with it."""
    try:
        yield
    except BaseException:
        if not folder.formats():
            folder.config.unlink(missing_ok=True)
        raise


def _is_other(folder: ExportedFolder, plain: PlainGenerator) -> bool:
    """Whether a folder holds an export of another run or step."""
    from gantool.exporting.config import read_config

    try:
        return _known(read_config(folder.config)) != _known(plain.config)
    except GantoolError:
        return True


def _known(config: ExportConfig) -> dict[str, Any]:
    """Return what a config says; earlier ones call the architecture by its bare name."""
    said = config.model_dump()
    said["architecture"]["use"] = bare(config.architecture.use)
    return said


def _write(plain: PlainGenerator, name: str, form: Format, folder: ExportedFolder) -> str:
    """Write one format and return what there is to say of it."""
    match form:
        case "safetensors":
            write_weights(plain.network, folder.weights, {"format": "pt"})
            return "weights and config: gantool.load opens the folder"
        case "onnx":
            difference = write_graph(plain, folder.graph)
            return f"ONNX checked with onnxruntime: at most {difference:.1e} from torch"
        case "html":
            facts = write_page(plain, name, folder.page)
            return f"page with {facts.weights:,} weights in {facts.precision}"
