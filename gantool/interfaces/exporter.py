"""Exporters: the forms in which a trained generator leaves its run."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gantool.interfaces.component import Bearing, Component

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from gantool.interfaces.dataset import ImageShape


@dataclass(frozen=True)
class Trained:
    """A trained generator as an exporter is given it: float32, on the CPU, without gradients.

    Attributes:
        name: What its run is called.
        network: Maps latents [N, latent_dim], and labels int64 [N] where there are classes, to
            images [N, C, H, W] in [-1, 1]. In evaluation mode, unless `batch_statistics` is
            "batch".
        weights: By name, what the network that `config` describes needs to draw the same images.
        image: Shape of every image.
        latent_dim: Numbers in one latent, each drawn from N(0, 1).
        classes: Names of the classes, by label; empty where the generator is not conditional.
        averaged: Whether the weights are averaged over training.
        batch_statistics: "running" where BatchNorm's statistics are among the weights, "batch"
            where they are each batch's own.
        step: Steps of training.
        config: The exported folder's `config.json`, on one line.
        inputs: `inputs(count, seed)` returns what the network is called with, as `gantool sample`
            draws it: latents, and labels where there are classes.
    """

    name: str
    network: nn.Module
    weights: Mapping[str, Tensor]
    image: ImageShape
    latent_dim: int
    classes: tuple[str, ...]
    averaged: bool
    batch_statistics: str
    step: int
    config: str
    inputs: Callable[[int, int], tuple[Tensor, ...]]


class Exporter(Component):
    """A form that `gantool export --to NAME` gives a trained generator."""

    kind: ClassVar[str] = "exporter"
    bears_upon: ClassVar[Bearing] = "nothing"
    needs_independent_images: ClassVar[bool] = False
    """Whether it refuses generators whose images depend on the others of their batch."""
    loadable: ClassVar[bool] = False
    """Whether `load` gives the weights back, so that `gantool.load` opens the folder."""

    def check(self) -> None:
        """Refuse to begin where a package is not installed; called before anything is made.

        Raises:
            MissingExtraError: When it is not; the hint is the command that installs it.
        """

    @abstractmethod
    def export(self, trained: Trained, folder: Path) -> str:
        """Write files into an empty folder, and return a line about them for the user.

        They are listed in the exported folder's `files.json` and moved there once all are
        written; `README.md`, `config.json` and `samples.png` come from gantool. Warnings and
        output of the libraries in use are kept from the user.

        Raises:
            UsageError: When the generator cannot be written in this form; the message says why.
        """

    @classmethod
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        """Return how the files are used, for the model card, in Markdown.

        Args:
            trained: What was exported.
            folder: Name of the folder.
            repository: OWNER/NAME on the Hugging Face Hub, if it is published there.
        """
        del trained, folder, repository
        return ""

    @classmethod
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        """Return `Trained.weights` as they were written; called where `loadable` is true.

        Args:
            folder: Of unknown origin. The files that were written are there, and plain, or links
                to such.

        Raises:
            UsageError: When a file is damaged; the message names it.
        """
        raise NotImplementedError
