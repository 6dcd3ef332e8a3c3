"""A run from which pictures can be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.evaluation.sampling import (
    draw_labels,
    draw_latents,
    generate,
    generate_chunks,
    to_pixels,
)
from gantool.recipe.reading import read_recipe
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.status import read_status
from gantool.training.building import build_regularization, build_setup
from gantool.training.device import open_device
from gantool.training.players import build_network
from gantool.training.state import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder
    from gantool.training.device import Device


@dataclass(frozen=True)
class TrainedRun:
    """A run's newest intact checkpoint, opened when it is first needed.

    Attributes:
        folder: The run folder.
        device_name: What to compute with; None for what the recipe says.
    """

    folder: RunFolder
    device_name: str | None = None

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe of the run."""
        overrides = [f'device.name="{self.device_name}"'] if self.device_name else []
        return read_recipe(self.folder.recipe, overrides)

    @property
    def step(self) -> int:
        """Steps completed at the checkpoint."""
        return int(self._state["step"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of a conditional run, by label; empty otherwise."""
        return tuple(self._state["about"]["classes"])

    def sample(self, count: int = 16, seed: int = 0, label: int | str | None = None) -> Tensor:
        """Draw images from the trained generator.

        Args:
            count: Number of images.
            seed: Where the latents start; the same seed gives the same images.
            label: Index or name of a class, in a conditional run; None for classes by chance.

        Returns:
            float32 [count, C, H, W] in [-1, 1] on the CPU.

        Raises:
            UsageError: When the run has no intact checkpoint, or not that class.
        """
        latents = draw_latents(seed, count, self.recipe.architecture.latent_dim)
        return self.generate(latents, self._labels(count, seed, label))

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the images of latents [N, latent_dim] (and labels [N]), as `sample` does."""
        return generate(
            self._generator, latents, labels, self.device, batch_statistics=self._statistics
        )

    def draw(
        self, count: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """Draw the images that `sample` draws, as pixels: many of them fit into memory.

        Args:
            count: Number of images.
            seed: Where the latents start.
            progress: Called with the images drawn so far and the images in all.

        Returns:
            uint8 [count, H, W, C] on the CPU.

        Raises:
            UsageError: When the run has no intact checkpoint.
        """
        import torch

        latents = draw_latents(seed, count, self.recipe.architecture.latent_dim)
        labels = self._labels(count, seed, None)
        chunks = generate_chunks(
            self._generator, latents, labels, self.device, batch_statistics=self._statistics
        )
        drawn, done = [], 0
        for images in chunks:
            drawn.append(torch.from_numpy(to_pixels(images)))
            done += len(images)
            if progress is not None:
                progress(done, count)
        return torch.cat(drawn)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the prepared images that the run was trained on."""
        return str(self._state["about"]["fingerprint"])

    @property
    def averaged(self) -> bool:
        """Whether images are drawn with averaged weights, as the recipe's `[sampling]` says."""
        kept = self._state["average"] is not None
        return kept and self.recipe.tables.sampling.weights != "raw"

    @cached_property
    def device(self) -> Device:
        """What images are drawn with."""
        return open_device(self.recipe.tables.device)

    @property
    def _statistics(self) -> str:
        return self.recipe.tables.sampling.batch_statistics

    @cached_property
    def _state(self) -> dict[str, Any]:
        return newest_state(self.folder)

    @cached_property
    def _generator(self) -> nn.Module:
        """The generator, averaged or raw as the recipe's `[sampling]` says, on the device."""
        classes = len(self.classes)
        setup = build_setup(self.recipe, classes, self.device, steps=1)
        regularization = build_regularization(self.recipe, setup, self.device)
        network = build_network(
            self.recipe.architecture, "generator", setup, regularization, seed=0
        )
        state = self._state
        weights = state["average"] if self.averaged else state["networks"]["generator"]
        load_weights(network, weights, "generator")
        return self.device.place(network).requires_grad_(requires_grad=False)

    def _labels(self, count: int, seed: int, label: int | str | None) -> Tensor | None:
        """Return a label for each image, or None for an unconditional run."""
        import torch

        if not self.classes:
            if label is not None:
                raise UsageError(
                    f"run '{self.folder.name}' knows no classes, so none can be chosen",
                    "train one with: --set training.conditional=true",
                )
            return None
        if label is None:
            return draw_labels(seed, count, len(self.classes))
        return torch.full((count,), self._label_number(label))

    def _label_number(self, label: int | str) -> int:
        """Return the label of a class's name or number."""
        if label in self.classes:
            return self.classes.index(str(label))
        if str(label).isdecimal() and int(label) < len(self.classes):
            return int(label)
        raise UsageError(
            f"run '{self.folder.name}' has no class '{label}'",
            f"classes: {', '.join(self.classes)}",
        )


def newest_state(folder: RunFolder) -> dict[str, Any]:
    """Return the newest intact state of a run; damaged ones are named and passed over.

    Raises:
        UsageError: When no checkpoint is intact.
    """
    import logging

    checkpoint, damages = Checkpoints(folder.checkpoints, read_status(folder).identifier).newest()
    for damage in damages:
        logging.getLogger("gantool").warning("checkpoint passed over: %s", damage)
    if checkpoint is None:
        found = "; ".join(damages) or "none was saved"
        raise UsageError(f"run {folder.path} has no intact checkpoint: {found}")
    return checkpoint.load()
