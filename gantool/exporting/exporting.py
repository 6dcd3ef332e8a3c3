"""Export a run: its generator by itself, the files that exporters write, and what explains them."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gantool.errors import GantoolError, UsageError
from gantool.evaluation.sampling.draws import (
    draw_labels,
    draw_latents,
    gather_statistics,
    to_pixels,
)
from gantool.exporting.card import SHOWN, model_card
from gantool.exporting.exported import fingerprint_of
from gantool.exporting.folder import ArchitectureConfig, ExportConfig, ImageConfig, read_config
from gantool.files.disk import aside_of, make_folder, remove, sweep, write_durably
from gantool.files.plain import BusyError, occupied
from gantool.interfaces.exporter import Trained
from gantool.recipe.documents import bare
from gantool.registry.calling import call, described, misbehaved
from gantool.reporting.pictures.grids import save_grid
from gantool.training.device.device import Device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.folder import ExportedFolder
    from gantool.interfaces.exporter import Exporter

TRIED = 8
"""Latents by which two generators are compared."""
TOLERANCE = 1e-4
HERE = Device(torch.device("cpu"), layout=torch.contiguous_format)


def export(
    run: TrainedRun,
    exporters: Mapping[str, Exporter],
    folder: ExportedFolder,
    *,
    repository: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Write a generator in some forms, with config, sample grid and model card.

    What an earlier export of the same generator left in the folder stays there.

    Args:
        run: The run, opened on the CPU.
        exporters: What writes it, by full name.
        folder: Where to.
        repository: Where on the Hugging Face Hub it will be found, for the card.
        tell: Is told of each form in words.
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
    """Keep other exports out of a folder, which is made; it goes again if it stays empty."""
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
    """Let an exporter write into an empty folder, and return its line."""
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
        with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def trained_generator(run: TrainedRun) -> Trained:
    """Return a run's generator as its architecture alone builds it.

    Weights are what the regularizers made of them: of a spectrally normalized layer, the
    normalized ones. A wrapper that a regularizer has put around it is left out, if it does nothing
    to the images in evaluation. Standing statistics are gathered once and take the place of the
    running ones. Refused is a generator that a regularizer changed in a way that its weights alone
    do not say.
    """
    trained = HERE.place(copy.deepcopy(run.network))
    if run.batch_statistics == "standing":
        gather_statistics(trained, run.latent_dim, len(run.classes), HERE)
    trained.train(run.batch_statistics == "batch")
    network = call(run.architecture, "generator", run.image, len(run.classes))
    with torch.no_grad():
        _copy_weights(_inner(trained, network), network, run)
    network.train(trained.training).requires_grad_(requires_grad=False)
    config = _config_of(run, fingerprint_of(network.state_dict()))
    made = as_trained(network, config, run.name, bounded=call(run.architecture, "is_bounded"))
    with torch.no_grad():
        inputs = made.inputs(TRIED, 0)
        again = copy.deepcopy(network)(*inputs)  # BatchNorm may count what it sees
        difference = float((trained(*inputs) - again).abs().max())
    if not difference <= TOLERANCE:
        raise _altered(run, f"its images would differ by {difference:.2g}")
    return made


class Clamped(nn.Module):
    """A generator without a bound, whose images are clamped as those of every sample are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images in [-1, 1]."""
        given = (latents,) if labels is None else (latents, labels)
        images: Tensor = self.network(*given)
        return images.clamp(-1, 1)


def as_trained(
    network: nn.Module, config: ExportConfig, name: str, *, bounded: bool = True
) -> Trained:
    """Return what an exporter is given of a network: float32, on the CPU, ready to draw."""

    def inputs(count: int, seed: int) -> tuple[Tensor, ...]:
        latents = draw_latents(seed, count, config.latent_dim)
        classes = len(config.classes)
        return (latents, draw_labels(seed, count, classes)) if classes else (latents,)

    return Trained(
        name=name,
        network=network if bounded else Clamped(network).train(network.training),
        weights=network.state_dict(),
        image=config.shape,
        latent_dim=config.latent_dim,
        classes=config.classes,
        averaged=config.weights == "ema",
        batch_statistics=config.batch_statistics,
        step=config.step,
        config=config.model_dump_json(),
        inputs=inputs,
    )


def _config_of(run: TrainedRun, fingerprint: str) -> ExportConfig:
    use = str(run.recipe.document["architecture"]["use"])
    options = run.recipe.architecture.model_dump(mode="json")
    return ExportConfig(
        architecture=ArchitectureConfig(use=use, options=options),
        image=ImageConfig.model_validate(run.image._asdict()),
        latent_dim=run.latent_dim,
        classes=run.classes,
        weights="ema" if run.averaged else "raw",
        batch_statistics="batch" if run.batch_statistics == "batch" else "running",
        step=run.step,
        fingerprint=fingerprint,
    )


def _inner(trained: nn.Module, network: nn.Module) -> nn.Module:
    """Return the architecture's own generator inside a trained one: itself, or what it wraps."""
    names = network.state_dict().keys()
    for part in trained.modules():
        if type(part) is type(network) and all(_has(part, name) for name in names):
            return part
    return trained


def _has(network: nn.Module, name: str) -> bool:
    """Whether a network has a weight or buffer of a dotted name, parametrized or not."""
    path, _, attribute = name.rpartition(".")
    try:
        return hasattr(network.get_submodule(path), attribute)
    except AttributeError:
        return False


def _copy_weights(trained: nn.Module, network: nn.Module, run: TrainedRun) -> None:
    """Give a fresh generator the weights of the trained one, parametrized ones as they are used."""
    for name, own in network.state_dict().items():
        path, _, attribute = name.rpartition(".")
        try:
            own.copy_(getattr(trained.get_submodule(path), attribute))
        except (AttributeError, RuntimeError) as error:
            raise _altered(run, f"it has no {name} of that shape") from error


def _altered(run: TrainedRun, reason: str) -> UsageError:
    names = ", ".join(regularizer.name for regularizer in run.recipe.regularizers) or "none"
    return UsageError(
        f"the generator of '{run.name}' is more than its architecture builds: {reason}",
        f"regularizers that may have changed it: {names}",
    )
