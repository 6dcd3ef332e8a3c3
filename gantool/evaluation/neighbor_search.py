"""Draw images from a trained run and look for the training images nearest to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.data.preparing import prepared_before
from gantool.data.selection import select
from gantool.errors import DataError
from gantool.evaluation.evidence import Witness
from gantool.evaluation.neighbors import find_neighbors

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.data.pixels import Pixels
    from gantool.data.selection import TrainingImages
    from gantool.evaluation.evidence import Progress
    from gantool.evaluation.neighbors import Neighborhood
    from gantool.evaluation.trained import TrainedRun

GENERATED = 256
"""Images that are drawn: of a generator with a tenth of copies, about 26 are."""
DRAWING = "drawing images"


def search(run: TrainedRun, progress: Progress) -> tuple[Neighborhood, Pixels]:
    """Return what lies around generated images, and the training images.

    Nothing is decoded: images that are not in the cache any more are not looked for elsewhere.

    Args:
        run: Whose newest checkpoint draws the images.
        progress: Is told what is being done, how far it is, and how far it will go.

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
    witness = Witness(
        run.recipe.extractor,
        images.pixels,
        images.held_out,
        run.device.device,
        progress=progress,
    )
    return look_around(drawn, images.pixels, witness), images.pixels


def look_around(drawn: Tensor, training: Pixels, witness: Witness | None = None) -> Neighborhood:
    """Return what lies around generated images.

    Args:
        drawn: uint8 [M, H, W, C].
        training: uint8 [N, H, W, C].
        witness: What knows the features of the training images; None for pixels alone.

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
    return select(
        prepared, held_out=tables.image.held_out, seed=tables.training.seed, conditional=False
    )
