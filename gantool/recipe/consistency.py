"""Check what no table can check alone, as far as it can be known without torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gantool.errors import PluginError
from gantool.interfaces.architecture import Architecture
from gantool.interfaces.dataset import ImageShape
from gantool.interfaces.regularizer import Regularizer, refusal_of
from gantool.recipe.requirements import check_requirements
from gantool.registry.calling import calling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.recipe.building import Draft
    from gantool.recipe.choosing import Chosen
    from gantool.recipe.problems import Problems
    from gantool.recipe.schema import EmaTable, ImageTable, SamplingTable, TrainingTable
    from gantool.registry.catalog import Catalog

SOME_CLASSES = 2
"""Stands for a number of classes that is unknown until the images are opened."""
Takes = Callable[[ImageShape, int], bool]
"""Whether an architecture can be built for a shape and a number of classes."""

SIDES = tuple(2**power for power in range(2, 11))
"""Sides of images that are tried: 4 to 1024."""
CHANNELS = (3, 1, 4)


class Culprit(NamedTuple):
    """An option and, where one is known, a value that would do."""

    path: tuple[str, ...]
    way_out: str | None


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


def culprit(takes: Takes, shape: ImageShape, classes: int) -> Culprit | None:
    """Return the option that is to blame; None where no other value of a single one would do.

    Args:
        takes: Asks the architecture.
        shape: What it has refused.
        classes: Likewise.
    """
    return next(_culprits(takes, shape, classes), None)


def _culprits(takes: Takes, shape: ImageShape, classes: int) -> Iterator[Culprit]:
    sides = [side for side in SIDES if takes(ImageShape(shape.channels, side, side), classes)]
    if sides:
        yield Culprit(("image", "size"), f"set it to {_around(max(shape[1:]), sides)}")
    for channels in CHANNELS:
        if takes(shape._replace(channels=channels), classes):
            yield Culprit(("image", "channels"), f"set it to {channels}")
    if classes and takes(shape, 0):
        yield Culprit(("training", "conditional"), "set it to false")


def _around(side: int, sides: list[int]) -> str:
    """Return the nearest sides below and above one."""
    below, above = [each for each in sides if each <= side], [each for each in sides if each > side]
    return " or ".join(map(str, [*below[-1:], *above[:1]]))


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
