"""Scores of a generator, and the networks whose features they compare."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from gantool.interfaces.component import Bearing, Component

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import Tensor, nn

DIRECTIONS = ("lower", "higher", "none")
"""Which way of a metric's scores may be better; "none" where neither is."""


class Rows(Protocol):
    """What is read some rows at a time, as a tensor is; a tensor is such a thing."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all rows together."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Tensor:
        """Return the rows of a slice, or of indices int64 [n]."""


@dataclass(frozen=True)
class Samples:
    """Images and their features, in the same order, on the CPU.

    Of many images, `images` and `features` may not fit into memory, and are read when they are
    first asked for: `image_rows` and `feature_rows` hold the same and are read block by block.

    Attributes:
        images: uint8 [N, C, H, W].
        features: [N, F], as the run's extractor gives them; the images' own values, flattened and
            scaled to [0, 1], where the recipe names no extractor.
        logits: [N, K], where the extractor is a classifier; else None.
        labels: int64 [N], the class of each image in a conditional run; else None.
    """

    images: Tensor
    features: Tensor
    logits: Tensor | None = None
    labels: Tensor | None = None

    @property
    def image_rows(self) -> Rows:
        """The images, uint8 [N, C, H, W], to be read some at a time."""
        return self.images

    @property
    def feature_rows(self) -> Rows:
        """The features, [N, F], to be read some at a time."""
        return self.features


class Sampler(Protocol):
    """A generator in evaluation, to draw more images from."""

    @property
    def latent_dim(self) -> int:
        """Numbers in one latent, each from N(0, 1)."""

    @property
    def classes(self) -> int:
        """Number of classes; 0 where it is not conditional."""

    def __call__(self, latents: Tensor, labels: Tensor | None = None, /) -> Samples:
        """Return images with their features.

        They are 8-bit images, as extractors see them: very near latents give the same.

        Args:
            latents: [N, latent_dim].
            labels: int64 [N], where it is conditional.
        """


@dataclass(frozen=True)
class Evidence:
    """The images that a metric scores, and what goes with them.

    Attributes:
        real: The images of the training set.
        fake: Generated images.
        held_out: Real images kept from training; None where the recipe keeps none.
        random: A seeded CPU generator, the only source of chance a metric may use. Each metric
            has one of its own.
        generator: Made the generated images; None where these are real ones, half of the training
            images in the place of fakes.
    """

    real: Samples
    fake: Samples
    held_out: Samples | None
    random: torch.Generator
    generator: Sampler | None = None


@dataclass(frozen=True)
class EvidenceShape:
    """How much evidence there will be, known before any of it is computed.

    Attributes:
        real: Number of training images.
        fake: Number of generated images.
        held_out: Number of real images kept from training.
        features: Number of features of an image.
        logits: Number of classes that the extractor tells apart; 0 where it is no classifier.
        classes: Number of classes of a conditional run, whose images have labels; else 0.
        latent_dim: Numbers in a latent of the generator; 0 where there is none.
    """

    real: int
    fake: int
    held_out: int
    features: int
    logits: int = 0
    classes: int = 0
    latent_dim: int = 0


class Metric(Component):
    """A way to score generated images against real ones."""

    kind: ClassVar[str] = "metric"
    bears_upon: ClassVar[Bearing] = "nothing"
    direction: ClassVar[Literal["lower", "higher", "none"]]
    """Which way is better; "none" where neither is."""
    only_when_named: ClassVar[bool] = False
    """Whether it is left out where all metrics score a run: one that draws images of its own."""

    @abstractmethod
    def compute(self, evidence: Evidence) -> dict[str, float]:
        """Return the scores by name; the first one rates checkpoints, where a direction is better.

        Spreads are called "sd", or end in "-sd": no direction of them is better.
        """

    def check(self, shape: EvidenceShape) -> None:
        """Refuse evidence that is too little, or of the wrong kind, before it is gathered.

        Raises:
            UsageError: When it cannot be scored; the message says what is needed.
        """

    def score_name(self, extractor: str | None) -> str:
        """Return what the scores are called with the features of an extractor, by default `name`.

        A score that has its name from one extractor, as the Fréchet Inception Distance has, must
        have another name with others.

        Args:
            extractor: The extractor's name; None for the pixels themselves.
        """
        del extractor
        return self.name

    def remarks(self, scores: Mapping[str, float], shape: EvidenceShape) -> tuple[str, ...]:
        """Return what there is to say in words, a sentence or two each; by default nothing.

        Args:
            scores: By name, as `compute` returned them.
            shape: How much evidence they are from.
        """
        del scores, shape
        return ()


class Extractor(Component):
    """A fixed feature network."""

    kind: ClassVar[str] = "extractor"
    bears_upon: ClassVar[Bearing] = "nothing"
    resizer: ClassVar[str] = "none"
    """How it resizes images before it looks at them; every score states it."""

    @abstractmethod
    def load(self) -> nn.Module:
        """Return a module that maps uint8 images [N, 3, H, W] to features [N, F].

        A network that also classifies returns two tensors: the features, and logits [N, K].

        Raises:
            MissingExtraError: When the package or the weights it needs are not installed.
        """

    def weights_digest(self) -> str | None:
        """Return the SHA-256 of the file of weights, which every score states.

        None, as by default, where there is no such file: then the weights themselves are hashed.
        """
        return None
