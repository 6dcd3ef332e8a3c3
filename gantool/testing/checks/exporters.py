"""Promises of every exporter."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING

import torch

from gantool.errors import MissingExtraError, UsageError
from gantool.exporting.exporting import as_trained, written
from gantool.exporting.folder import (
    ArchitectureConfig,
    ExportConfig,
    ExportedFolder,
    ImageConfig,
)
from gantool.interfaces.dataset import ImageShape
from gantool.testing.harness.isolation import (
    global_random_state_kept,
    no_network,
    seed_global_random_state,
)
from gantool.testing.harness.networks import SmallNetworks
from gantool.testing.promises import promise, require, require_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gantool.interfaces.exporter import Exporter, Trained
    from gantool.testing.promises import Subject

SHAPES = (ImageShape(3, 8, 8), ImageShape(1, 8, 12))
CLASSES = ("dawn", "dusk, or <night>")


@promise("exporter")
def writes_files(subject: Subject[Exporter]) -> None:
    """It writes plain files into the folder that it is given, under names that gantool leaves."""
    for trained in _generators():
        _exported(subject, trained)


@promise("exporter")
def keeps_to_its_folder(subject: Subject[Exporter]) -> None:
    """It writes nothing beside the folder that it is given."""
    folder = subject.folder()
    inside = folder / "inside"
    inside.mkdir()
    exporter = subject.example()
    exporter.check()
    written(exporter, next(_generators()), inside)
    left = sorted(path.name for path in folder.iterdir() if path != inside)
    require(not left, f"beside the folder there is {', '.join(left)}")


@promise("exporter")
def works_without_a_network(subject: Subject[Exporter]) -> None:
    """Without a network it exports, or says by a MissingExtraError what has to be installed."""
    exporter, trained, folder = subject.example(), next(_generators()), subject.folder()
    with no_network(), suppress(MissingExtraError):
        exporter.check()
        written(exporter, trained, folder)


@promise("exporter")
def leaves_the_generator_as_it_was(subject: Subject[Exporter]) -> None:
    """It leaves weights, buffers and mode of the network as they were."""
    for trained in _generators():
        network = trained.network
        before = {name: each.clone() for name, each in network.state_dict().items()}
        _exported(subject, trained)
        require_same(dict(network.state_dict()), before, "after the export")
        require(not network.training, "after the export the network is in training mode")


@promise("exporter")
def writes_the_same_again(subject: Subject[Exporter]) -> None:
    """The same generator gives the same files, byte for byte, whatever else draws numbers."""
    with global_random_state_kept():
        contents = []
        for seed in (1, 2):
            seed_global_random_state(seed)
            folder = _exported(subject, next(_generators()))
            contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    first, second = contents
    names = sorted(first.keys() ^ second.keys())
    require(not names, f"only one of two exports has {', '.join(names)}")
    others = [name for name in first if first[name] != second[name]]
    require(not others, f"two exports differ in {', '.join(others)}")


@promise("exporter")
def says_how_its_files_are_used(subject: Subject[Exporter]) -> None:
    """Its `usage` is Markdown for the model card, published or not, or nothing."""
    for trained in _generators():
        for repository in (None, "owner/name"):
            usage: object = subject.component.usage(trained, "folder", repository)
            found = type(usage).__name__
            require(isinstance(usage, str), f"`usage` returns {found}, not text")


@promise("exporter", when=lambda component: component.loadable)
def gives_its_weights_back(subject: Subject[Exporter]) -> None:
    """Its `load` returns the weights that it was given, bit for bit, by their names."""
    for trained in _generators():
        found = dict(subject.component.load(_exported(subject, trained)))
        require_same(found, trained.weights, "loaded again")


@promise("exporter", when=lambda component: component.loadable)
def refuses_damaged_files(subject: Subject[Exporter]) -> None:
    """Its `load` refuses files that are empty, cut or something else, by a UsageError."""
    damages: dict[str, Callable[[bytes], bytes]] = {
        "empty files": lambda content: b"",
        "halves of files": lambda content: content[: len(content) // 2],
        "pickles": lambda content: pickle.dumps({}),
    }
    for what, damage in damages.items():
        folder = _exported(subject, next(_generators()))
        for path in folder.iterdir():
            path.write_bytes(damage(path.read_bytes()))
        try:
            subject.component.load(folder)
        except UsageError:
            continue
        except Exception as error:
            require(False, f"{what} end in {type(error).__name__}: {error}")
        require(False, f"{what} are loaded as if they were whole")


def _generators() -> Iterator[Trained]:
    """Yield trained generators: of colors and of gray, without and with classes."""
    kinds: tuple[tuple[str, ...], ...] = ((), CLASSES)
    for image, classes in zip(SHAPES, kinds, strict=True):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            architecture = SmallNetworks(norm="batch")
            network = architecture.generator(image, len(classes)).eval()
        config = ExportConfig(
            architecture=ArchitectureConfig(use="small", options=architecture.model_dump()),
            image=ImageConfig.model_validate(image._asdict()),
            latent_dim=architecture.latent_dim,
            classes=classes,
        )
        yield as_trained(network.requires_grad_(requires_grad=False), config, "a run & <its> name")


def _exported(subject: Subject[Exporter], trained: Trained) -> Path:
    """Return the folder with what the example writes, which gantool would take."""
    exporter, aside, folder = subject.example(), subject.folder(), subject.folder()
    exporter.check()
    written(exporter, trained, aside)
    ExportedFolder(folder).take(f"{subject.plugin.name}:{exporter.name}", aside)
    (folder / ExportedFolder(folder).manifest.name).unlink()
    return folder
