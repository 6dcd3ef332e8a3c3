"""Check what no table can check alone, as far as it can be known without torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gantool.errors import PluginError
from gantool.interfaces.architecture import Architecture
from gantool.interfaces.regularizer import Regularizer, refusal_of
from gantool.recipe.culprits import culprit
from gantool.recipe.requirements import check_requirements
from gantool.registry.calling import calling

if TYPE_CHECKING:
    from gantool.interfaces.image import ImageShape
    from gantool.recipe.building import Draft
    from gantool.recipe.choosing import Chosen
    from gantool.recipe.problems import Problems
    from gantool.recipe.schema import EmaTable, ImageTable, SamplingTable, TrainingTable
    from gantool.registry.catalog import Catalog

SOME_CLASSES = 2
"""Stands for a number of classes that is unknown until the images are opened."""


def check_consistency(draft: Draft, catalog: Catalog, problems: Problems) -> None:
    """Name what does not go together in a draft, or in this environment."""
    check_requirements(draft.document.table.get("requires"), catalog, problems)
    _check_length(draft, problems)
    _check_slices(draft, problems)
    _check_average(draft, problems)
    _check_shape(draft, problems)
    _check_regularizers(draft, problems)


def _check_length(draft: Draft, problems: Problems) -> None:
    training: TrainingTable | None = draft.tables["training"]
    if training is not None and training.epochs is None and training.steps is None:
        origin = draft.origin("training")
        place = origin.header if "training" in draft.document.table else origin.end
        message = "missing option 'epochs' or 'steps' in [training]"
        problems.missing(message, place, ("training",))


def _check_slices(draft: Draft, problems: Problems) -> None:
    training: TrainingTable | None = draft.tables["training"]
    if training is None or training.batch_size % training.accumulate == 0:
        return
    origin = draft.origin("training", "accumulate")
    message = (
        f"a batch of {training.batch_size} images does not divide into "
        f"{training.accumulate} equal slices"
    )
    problems.add(message, origin.value, origin.path)


def _check_average(draft: Draft, problems: Problems) -> None:
    sampling: SamplingTable | None = draft.tables["sampling"]
    ema: EmaTable | None = draft.tables["ema"]
    if sampling is None or ema is None or sampling.weights != "ema":
        return
    if ema.half_life_images is None:
        origin = draft.origin("sampling", "weights")
        message = "no average of the weights is kept to sample from"
        problems.missing(message, origin.value, origin.path, "set `half_life_images` in [ema]")


def _check_shape(draft: Draft, problems: Problems) -> None:
    """Ask the architecture whether it can make such images, and be conditional if it must."""
    image: ImageTable | None = draft.tables["image"]
    training: TrainingTable | None = draft.tables["training"]
    chosen = draft.singles.get("architecture")
    if image is None or training is None or chosen is None:
        return
    classes = SOME_CLASSES if training.conditional else 0
    refusal = _refusal(chosen, image.shape, classes)
    if refusal is None:
        return
    message = f"architecture '{chosen.use}': {refusal}"
    found = culprit(partial(_takes, chosen), image.shape, classes)
    if found is None or not draft.says(*found.path):
        problems.add(message, chosen.table.origin.header, chosen.table.origin.path)
    else:
        problems.add(message, draft.origin(*found.path).value, found.path, found.way_out)


def _takes(chosen: Chosen, shape: ImageShape, classes: int) -> bool:
    """Whether an architecture can be built so; one that fails otherwise cannot."""
    try:
        return _refusal(chosen, shape, classes) is None
    except PluginError:
        return False


def _refusal(chosen: Chosen, shape: ImageShape, classes: int) -> str | None:
    """Return why an architecture cannot be built so, or None where it can."""
    architecture = chosen.component
    assert isinstance(architecture, Architecture)
    try:
        with calling(architecture, "check", plugin=chosen.offer.plugin, may_raise=(ValueError,)):
            architecture.check(shape, classes)
    except ValueError as error:
        return str(error)
    return None


def _check_regularizers(draft: Draft, problems: Problems) -> None:
    """Ask each regularizer whether it can be used for such images, classes and latents."""
    image: ImageTable | None = draft.tables["image"]
    training: TrainingTable | None = draft.tables["training"]
    architecture = draft.singles.get("architecture")
    if image is None or training is None or architecture is None:
        return
    assert isinstance(architecture.component, Architecture)
    classes = SOME_CLASSES if training.conditional else 0
    latent_dim = architecture.component.latent_dim
    for chosen in draft.lists["regularizers"]:
        regularizer, origin = chosen.component, chosen.table.origin
        assert isinstance(regularizer, Regularizer)
        with calling(regularizer, "check", plugin=chosen.offer.plugin):
            refusal = refusal_of(regularizer, image.shape, classes, latent_dim)
        if refusal is not None:
            problems.add(f"regularizer '{chosen.use}': {refusal}", origin.header, origin.path)
