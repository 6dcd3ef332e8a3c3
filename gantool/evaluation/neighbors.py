"""The training images that generated images are nearest to, and whether they are copies of them.

An image is near to one training image in particular if its distance to that one is small against
its mean distance to the fifty nearest (in the manner of Carlini et al. 2023).
How small that ratio usually is differs from one set of images to another, so it is taken of real
images among the others too: a copy has less than half of their median ratio, in features and in
pixels where there are both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import adaptive_avg_pool2d

from gantool.data.prepare.preparing import prepared_before
from gantool.data.selection import select
from gantool.errors import DataError
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.features import FeatureNetwork
from gantool.runs.scores import PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.selection import Pixels, TrainingImages
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evidence import Progress

NEARBY = 50
"""Training images whose mean distance is the usual one around an image."""
SHOWN = 3
"""Nearest training images that are kept of each."""
COPY_RATIO = 0.5
REAL_IMAGES = 256
"""Real images looked at among the others, as far apart in their order as can be."""
BLOCK = 4096
SAME = 1e-6
"""Squared distance, in units of both squared norms, of images that are equal but for rounding."""
PIXELS_A_SIDE = 32
"""Larger images are averaged down to it, so that their grain does not count."""


@dataclass(frozen=True)
class Space:
    """The space in which distances are taken: an extractor's, or "pixels".

    It holds the generated images, [M, F], and gives some of the `count` training images, [n, F].
    """

    name: str
    generated: Tensor
    training: Callable[[slice | Tensor], Tensor]
    count: int


class Surroundings(NamedTuple):
    """The nearest training images, int64 [M, 3 or less], and the distance ratio, [M]."""

    nearest: Tensor
    ratio: Tensor


@dataclass(frozen=True)
class Copies:
    """Counts of images that repeat a training image.

    Of the `generated` images looked at, `copies` repeat `repeated` training images; of the `real`
    ones, each looked at among all others, `real_copies` repeat another one.
    """

    generated: int
    copies: int
    repeated: int
    real: int
    real_copies: int

    @property
    def percent(self) -> float:
        """Percentage of copies among the generated images."""
        return 100 * self.copies / self.generated if self.generated else 0.0

    @property
    def real_percent(self) -> float:
        """The same of real images, which tells how many near-repeats the training set holds."""
        return 100 * self.real_copies / self.real if self.real else 0.0


@dataclass(frozen=True)
class Neighborhood:
    """Generated images, uint8 [M, H, W, C], among the training images, by the space looked in.

    `nearest` are their nearest training images, [M, 3 or less], and `ratio` is the distance of the
    first of these in units of the usual one, [M].
    """

    space: str
    images: Tensor
    nearest: Tensor
    ratio: Tensor
    copies: Copies


def find_neighbors(
    images: Tensor,
    training: Pixels,
    features: tuple[str, Tensor, Tensor] | None = None,
) -> Neighborhood:
    """Look for the nearest training images, uint8 [N, H, W, C], of generated ones, [M, H, W, C].

    There are at least two training images. Where there are features, an extractor's name and its
    features of both, [M, F] and [N, F], these are compared as well as pixels.
    """
    pixels = pixel_rows(images)
    spaces = [Space(PIXELS, pixels, lambda rows: pixel_rows(training[rows]), len(training))]
    if features is not None:
        name, generated, known = features
        spaces.insert(0, Space(name, generated, lambda rows: known[rows], len(known)))
    some = torch.arange(0, len(training), -(-len(training) // REAL_IMAGES))
    views = [_view(space, some) for space in spaces]
    copied = torch.stack([ratio < COPY_RATIO for _, ratio, _ in views]).all(0)  # [M]
    real_copied = torch.stack([usual < COPY_RATIO for _, _, usual in views]).all(0)
    nearest, ratio, _ = views[0]
    copies = Copies(
        generated=len(images),
        copies=int(copied.sum()),
        repeated=len(set(nearest[copied, 0].tolist())),
        real=len(some),
        real_copies=int(real_copied.sum()),
    )
    return Neighborhood(spaces[0].name, images, nearest, ratio, copies)


def _view(space: Space, some: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what is nearest, and the distance ratios of generated and of some real images.

    Ratios are in units of their median among the real ones.
    """
    nearest, ratio = surroundings(space.generated, space)
    usual = surroundings(space.training(some), space, passing_over_same=True).ratio
    median = usual.median().clamp_min(torch.finfo(usual.dtype).tiny)
    return nearest, ratio / median, usual / median


def pixel_rows(images: Tensor) -> Tensor:
    """Return images uint8 [N, H, W, C], averaged down, as float32 [N, values] in [0, 1]."""
    height, width = (min(side, PIXELS_A_SIDE) for side in images.shape[1:3])
    small = adaptive_avg_pool2d(images.permute(0, 3, 1, 2).float() / 255, (height, width))
    return small.flatten(1)


def surroundings(points: Tensor, space: Space, *, passing_over_same: bool = False) -> Surroundings:
    """Return the training images nearest to points [M, F], looking at them block by block.

    Those equal to a point may be passed over, as a training image among the others is.
    """
    center = space.training(slice(0, BLOCK)).float().mean(0)  # small numbers round less
    points = points.float() - center
    squares = torch.empty(len(points), 0)
    indices = torch.empty(len(points), 0, dtype=torch.int64)
    for start in range(0, space.count, BLOCK):
        block = space.training(slice(start, start + BLOCK)).float() - center
        found = _square_distances(points, block, passing_over_same=passing_over_same)
        numbers = torch.arange(start, start + len(block)).expand(len(points), -1)
        squares = torch.cat([squares, found], 1)
        indices = torch.cat([indices, numbers], 1)
        squares, order = squares.topk(min(NEARBY, squares.shape[1]), dim=1, largest=False)
        indices = indices.gather(1, order)
    distances = squares.sqrt()  # [M, 50 or less], rising
    ratio = distances[:, 0] / _finite_mean(distances)
    return Surroundings(indices[:, :SHOWN], ratio.nan_to_num(nan=1.0))


def _square_distances(first: Tensor, second: Tensor, *, passing_over_same: bool) -> Tensor:
    """Return squared distances [N, M]; infinite between the same, if these are passed over."""
    norms = first.square().sum(1)[:, None] + second.square().sum(1)  # |x|² + |y|²
    squares = norms.addmm(first, second.T, alpha=-2).clamp_min(0)  # - 2 x·y
    if passing_over_same:
        squares[squares <= SAME * norms] = torch.inf
    return squares


def _finite_mean(distances: Tensor) -> Tensor:
    """Return the mean of each row's finite distances; NaN where there is none, or only zeros."""
    known = distances.isfinite()
    total = distances.where(known, torch.zeros(())).sum(1)
    mean = total / known.sum(1)
    return mean.where(mean > 0, torch.nan)


GENERATED = 256
"""Images that are drawn: of a generator with a tenth of copies, about 26 are."""
DRAWING = "drawing images"


def search(run: TrainedRun, progress: Progress) -> tuple[Neighborhood, Pixels]:
    """Return the neighborhood of images that a run draws, and the training images.

    Nothing is decoded: images that are not in the cache any more are not looked for elsewhere.

    Raises:
        DataError: When the images that it was trained on are not prepared on this machine.
        UsageError: When it has no intact checkpoint.
        MissingExtraError: When its extractor needs what is not installed.
    """
    images = _images(run)
    seed = run.recipe.tables.evaluation.seed
    drawn = run.draw(GENERATED, seed, lambda done, total: progress(DRAWING, done, total))
    if not run.recipe.metrics:  # no features are in the cache, and computing them takes long
        return look_around(drawn, images.pixels), images.pixels
    network = FeatureNetwork(run.recipe.extractor, run.device.device)
    witness = Witness(network, images, progress=progress)
    return look_around(drawn, images.pixels, witness), images.pixels


def look_around(drawn: Tensor, training: Pixels, witness: Witness | None = None) -> Neighborhood:
    """Return the neighborhood of images uint8 [M, H, W, C], by pixels alone without a witness.

    Raises:
        DataError: When there is no second training image.
    """
    if len(training) < 2:
        raise DataError("neighbors are looked for among at least 2 training images, got 1")
    if witness is None or witness.network.extractor is None:
        return find_neighbors(drawn, training)
    evidence = witness.evidence(drawn, seed=0)
    name = witness.network.extractor.name
    return find_neighbors(drawn, training, (name, evidence.fake.features, evidence.real.features))


def _images(run: TrainedRun) -> TrainingImages:
    dataset, tables = run.recipe.dataset, run.recipe.tables
    prepared = prepared_before(dataset.name, tables.image, run.fingerprint)
    if prepared is None:
        raise DataError(
            f"the images that {run.folder.path} was trained on are not prepared on this machine",
            f"gantool data prepare {run.folder.recipe}",
        )
    return select(prepared, tables)
