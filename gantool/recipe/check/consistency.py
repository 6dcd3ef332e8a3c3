"""Check what no table can check alone, as far as it can be known without torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple, cast

from gantool.errors import PluginError
from gantool.interfaces.architecture import Architecture
from gantool.interfaces.dataset import ImageShape
from gantool.interfaces.loss import Loss
from gantool.interfaces.regularizer import Regularizer, is_off, refusal_of
from gantool.registry.calling import call, calling, described, misbehaved
from gantool.registry.catalog import not_loaded
from gantool.registry.plugin import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

    from gantool.interfaces.optimizer import Optimizer
    from gantool.recipe.check.components import Chosen, Draft
    from gantool.recipe.schema import EmaTable, ImageTable, SamplingTable, TrainingTable
    from gantool.recipe.source.entries import Entry
    from gantool.recipe.source.problems import Problems
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


def check_requirements(requires: Entry | None, catalog: Catalog, problems: Problems) -> None:
    """Name each entry of `requires` that is not installed in a version it allows, or is broken."""
    if requires is None:
        return
    for entry in requires.elements:
        if isinstance(entry.value, str):
            _check(entry, catalog, problems)


def _check(entry: Entry, catalog: Catalog, problems: Problems) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    place, path = entry.origin.value, entry.origin.path
    try:
        requirement = Requirement(entry.value)
    except InvalidRequirement:
        message = f"expected a package and its version, got {entry.value!r}"
        problems.add(message, place, path, "as in 'gantool-wgan-gp>=0.1'")
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    if fault := _fault(requirement):
        problems.add(fault, place, path, f"pip install '{requirement}'")
    elif broken := _broken(requirement, catalog):
        problems.add(f"this recipe requires {requirement}", place, path, broken)


def _fault(requirement: Requirement) -> str | None:
    """Return why an installed package does not do, or None."""
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"this recipe requires {requirement}, which is not installed"
    fault = f"this recipe requires {requirement}, found {found}"
    return None if fits(requirement, found) else fault


def _broken(requirement: Requirement, catalog: Catalog) -> str | None:
    """Return which plugin of an installed package could not be loaded, and why; or None."""
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(requirement.name)
    for plugin in catalog.plugins:
        if plugin.failure and canonicalize_name(plugin.distribution) == wanted:
            return not_loaded(plugin)
    return None


class Advice(NamedTuple):
    """What does something unwise, and the way out."""

    culprit: str
    way_out: str


def advise(draft: Draft) -> tuple[str, ...]:
    """Return one sentence for each thing that is allowed and probably unwise.

    Args:
        draft: A recipe without problems.
    """
    return (
        *_mixed_gradients(draft),
        *_divided(draft),
        *_idle_options(draft),
        *_odd_rates(draft),
        *_gray_metrics(draft),
    )


def _mixed_gradients(draft: Draft) -> Iterator[str]:
    """A gradient penalty means one image's own logit, which BatchNorm makes all images' logit."""
    regularizers = list(_active(draft))
    for use, regularizer in regularizers:
        if not regularizer.uses_image_gradient:
            continue
        for culprit, way_out in _mixing(draft, regularizers):
            yield (
                f"regularizer '{use}' takes the gradient of each image's own logit, "
                f"but {culprit} mixes the images of a batch: {way_out}"
            )


def _mixing(draft: Draft, regularizers: Iterable[tuple[str, Regularizer]]) -> Iterator[Advice]:
    """Yield what makes logits depend on other images, and how to keep it from that."""
    chosen = draft.singles["architecture"]
    assert isinstance(chosen.component, Architecture)
    if (way_out := _coupling_of(chosen.component)) is not None:
        yield Advice(f"architecture '{chosen.use}'", way_out)
    for use, regularizer in regularizers:
        if (way_out := _coupling_of(regularizer)) is not None:
            yield Advice(f"regularizer '{use}'", way_out)


def _coupling_of(component: Architecture | Regularizer) -> str | None:
    """Return how to keep a component from mixing the images of a batch, if it does."""
    found = call(component, "batch_coupling")
    if found is None or isinstance(found, str):
        return found
    raise misbehaved(component, "batch_coupling", described(found), "text or None")


def _divided(draft: Draft) -> Iterator[str]:
    """What compares the images of a batch does another thing where the batch is sliced."""
    chosen, training = draft.singles["loss"], draft.tables["training"]
    assert isinstance(chosen.component, Loss)
    coupling = [f"loss '{chosen.use}'"] if chosen.component.couples_batch else []
    coupling += [f"regularizer '{use}'" for use, each in _active(draft) if each.couples_batch]
    together = training.batch_size // training.accumulate
    for culprit in coupling if training.accumulate > 1 else ():
        yield (
            f"{culprit} compares images with the whole batch, but accumulate = "
            f"{training.accumulate} lets it see {together} of {training.batch_size} at once"
        )


def _active(draft: Draft) -> Iterator[tuple[str, Regularizer]]:
    """Yield the regularizers that are on, with the names that the recipe gives them."""
    for regularizer in draft.lists["regularizers"]:
        assert isinstance(regularizer.component, Regularizer)
        if not is_off(regularizer.component):
            yield regularizer.use, regularizer.component


def _idle_options(draft: Draft) -> Iterator[str]:
    """Yield the options that differ from their default and have no effect."""
    ema, training = draft.tables["ema"], draft.tables["training"]
    evaluation = draft.tables["evaluation"]
    no_average = ema.half_life_images is None
    no_metrics = not draft.lists["metrics"]
    idle = {
        "[ema] start_step has no effect without half_life_images": no_average and ema.start_step,
        "[ema] ramp_up has no effect without half_life_images": no_average and ema.ramp_up,
        "[training] label_sampling has no effect unless conditional = true": (
            not training.conditional and training.label_sampling != "data"
        ),
        "[evaluation] every_epochs has no effect without [[metrics]]": (
            no_metrics and evaluation.every_epochs
        ),
        "[evaluation] extractor has no effect without [[metrics]]": (
            no_metrics and evaluation.extractor
        ),
    }
    yield from (sentence for sentence, holds in idle.items() if holds)


def _odd_rates(draft: Draft) -> Iterator[str]:
    """Yield what is odd about the learning rates."""
    assert draft.optimizers is not None
    players = {p: cast("Optimizer", o.component) for p, o in draft.optimizers.players.items()}
    for player, optimizer in players.items():
        first, last = optimizer.learning_rate, optimizer.final_learning_rate
        if optimizer.schedule == "constant" and last:
            yield f"the {player}'s final_learning_rate has no effect with schedule = 'constant'"
        elif optimizer.schedule != "constant" and last > first:
            yield f"the {player}'s learning rate rises, from {first:g} to {last:g}"
    if not any(optimizer.learning_rate for optimizer in players.values()):
        yield "both learning rates are 0: nothing is trained"


def _gray_metrics(draft: Draft) -> Iterator[str]:
    channels = draft.tables["image"].channels
    if draft.extractor is not None and channels != 3:
        extractor = draft.extractor.name
        yield f"extractor '{extractor}' looks at 3 channels, but the images have {channels}"
