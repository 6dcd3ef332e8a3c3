"""Checks across tables, as far as torch is not needed: faults, and advice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, cast

from gantool.errors import PluginError
from gantool.interfaces.architecture import Architecture
from gantool.interfaces.dataset import ImageShape
from gantool.interfaces.loss import Loss
from gantool.interfaces.regularizer import Regularizer
from gantool.registry.calling import call, calling, described, is_off, misbehaved, refusal_of
from gantool.registry.catalog import not_loaded
from gantool.registry.plugin import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

    from gantool.interfaces.optimizer import Optimizer
    from gantool.recipe.check.components import Chosen, Draft
    from gantool.recipe.schema import EmaTable, ImageTable, SamplingTable, TrainingTable
    from gantool.recipe.source.entries import Entry

SOME_CLASSES = 2
"""Stands for a number of classes that is unknown until the images are opened."""
Takes = Callable[[ImageShape, int], bool]
"""Whether an architecture can be built for a shape and a number of classes."""
SIDES = tuple(2**power for power in range(2, 11))
"""Sides of images that are tried: 4 to 1024."""
CHANNELS = (3, 1, 4)


def check_consistency(draft: Draft) -> None:
    """Name what does not go together in a draft, or in this environment."""
    requires = draft.document.table.get("requires")
    for entry in () if requires is None else requires.elements:
        if isinstance(entry.value, str):
            _check_requirement(entry, draft)
    _check_length(draft)
    _check_slices(draft)
    _check_average(draft)
    _check_shape(draft)
    _check_regularizers(draft)


def _check_requirement(entry: Entry, draft: Draft) -> None:
    """Name a package that is not installed in a version that fits, or whose plugin is broken."""
    from packaging.requirements import InvalidRequirement, Requirement

    place = entry.origin.value
    try:
        requirement = Requirement(entry.value)
    except InvalidRequirement:
        message = f"expected a package and its version, got {entry.value!r}"
        draft.problems.add(message, place, "as in 'gantool-wgan-gp>=0.1'")
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    needs = f"this recipe requires {requirement}"
    if fault := _fault(requirement):
        draft.problems.add(f"{needs}, {fault}", place, f"pip install '{requirement}'")
    elif broken := _broken(requirement, draft):
        draft.problems.add(needs, place, broken)


def _fault(requirement: Requirement) -> str | None:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return "which is not installed"
    return None if fits(requirement, installed) else f"found {installed}"


def _broken(requirement: Requirement, draft: Draft) -> str | None:
    """Return which plugin of an installed package could not be loaded, and why; or None."""
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(requirement.name)
    broken = (plugin for plugin in draft.catalog.plugins if plugin.failure)
    of_package = (each for each in broken if canonicalize_name(each.distribution) == wanted)
    return next(map(not_loaded, of_package), None)


def _check_length(draft: Draft) -> None:
    training: TrainingTable | None = draft.tables["training"]
    if training is not None and training.epochs is None and training.steps is None:
        origin = draft.origin("training")
        place = origin.header if "training" in draft.document.table else origin.end
        message = "missing option 'epochs' or 'steps' in [training]"
        draft.problems.missing(message, place.of("training"))


def _check_slices(draft: Draft) -> None:
    training: TrainingTable | None = draft.tables["training"]
    if training is None or training.batch_size % training.accumulate == 0:
        return
    message = (
        f"a batch of {training.batch_size} images does not divide into "
        f"{training.accumulate} equal slices"
    )
    draft.problems.add(message, draft.origin("training", "accumulate").value)


def _check_average(draft: Draft) -> None:
    sampling: SamplingTable | None = draft.tables["sampling"]
    ema: EmaTable | None = draft.tables["ema"]
    if sampling is None or ema is None or sampling.weights != "ema":
        return
    if ema.half_life_images is None:
        place = draft.origin("sampling", "weights").value
        message = "no average of the weights is kept to sample from"
        draft.problems.missing(message, place, "set `half_life_images` in [ema]")


def _check_shape(draft: Draft) -> None:
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
    path, way_out = culprit(partial(_takes, chosen), image.shape, classes)
    if path is None or not draft.says(*path):
        draft.problems.add(message, chosen.table.origin.header)
    else:
        draft.problems.add(message, draft.origin(*path).value.of(*path), way_out)


def culprit(
    takes: Takes, shape: ImageShape, classes: int
) -> tuple[tuple[str, str], str] | tuple[None, None]:
    """Return the option that is to blame, and the way out, where another value of it would do."""
    sides = [side for side in SIDES if takes(ImageShape(shape.channels, side, side), classes)]
    if sides:
        below = [each for each in sides if each <= max(shape[1:])]
        above = [each for each in sides if each > max(shape[1:])]
        nearest = " or ".join(map(str, [*below[-1:], *above[:1]]))
        return ("image", "size"), f"set it to {nearest}"
    for channels in CHANNELS:
        if takes(shape._replace(channels=channels), classes):
            return ("image", "channels"), f"set it to {channels}"
    if classes and takes(shape, 0):
        return ("training", "conditional"), "set it to false"
    return None, None


def _takes(chosen: Chosen, shape: ImageShape, classes: int) -> bool:
    try:
        return _refusal(chosen, shape, classes) is None
    except PluginError:
        return False


def _refusal(chosen: Chosen, shape: ImageShape, classes: int) -> str | None:
    architecture = cast("Architecture", chosen.component)
    try:
        with calling(architecture, "check", plugin=chosen.offer.plugin, may_raise=(ValueError,)):
            architecture.check(shape, classes)
    except ValueError as error:
        return str(error)
    return None


def _check_regularizers(draft: Draft) -> None:
    """Ask each regularizer whether it can be used for such images, classes and latents."""
    image: ImageTable | None = draft.tables["image"]
    training: TrainingTable | None = draft.tables["training"]
    architecture = draft.singles.get("architecture")
    if image is None or training is None or architecture is None:
        return
    classes = SOME_CLASSES if training.conditional else 0
    latent_dim = cast("Architecture", architecture.component).latent_dim
    for chosen in draft.lists["regularizers"]:
        regularizer = cast("Regularizer", chosen.component)
        with calling(regularizer, "check", plugin=chosen.offer.plugin):
            refusal = refusal_of(regularizer, image.shape, classes, latent_dim)
        if refusal is not None:
            message = f"regularizer '{chosen.use}': {refusal}"
            draft.problems.add(message, chosen.table.origin.header)


def advise(draft: Draft) -> tuple[str, ...]:
    """Return one sentence for each thing in a sound draft that is allowed and probably unwise."""
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


def _mixing(
    draft: Draft, regularizers: Iterable[tuple[str, Regularizer]]
) -> Iterator[tuple[str, str]]:
    """Yield what makes logits depend on other images, and how to keep it from that."""
    chosen = draft.singles["architecture"]
    components = [(f"architecture '{chosen.use}'", chosen.component)]
    components += [(f"regularizer '{use}'", each) for use, each in regularizers]
    for name, component in components:
        way_out = call(component, "batch_coupling")
        if isinstance(way_out, str):
            yield name, way_out
        elif way_out is not None:
            raise misbehaved(component, "batch_coupling", described(way_out), "text or None")


def _divided(draft: Draft) -> Iterator[str]:
    """Yield the components that compare images with a batch of which they see a slice."""
    chosen, training = draft.singles["loss"], draft.tables["training"]
    couples_batch = cast("Loss", chosen.component).couples_batch
    coupling = [f"loss '{chosen.use}'"] if couples_batch else []
    coupling += [f"regularizer '{use}'" for use, each in _active(draft) if each.couples_batch]
    together = training.batch_size // training.accumulate
    for culprit in coupling if training.accumulate > 1 else ():
        yield (
            f"{culprit} compares images with the whole batch, but accumulate = "
            f"{training.accumulate} lets it see {together} of {training.batch_size} at once"
        )


def _active(draft: Draft) -> Iterator[tuple[str, Regularizer]]:
    """Yield the regularizers that are on, with the names that the recipe gives them."""
    for chosen in draft.lists["regularizers"]:
        regularizer = cast("Regularizer", chosen.component)
        if not is_off(regularizer):
            yield chosen.use, regularizer


def _idle_options(draft: Draft) -> Iterator[str]:
    ema, training, evaluation = (draft.tables[each] for each in ("ema", "training", "evaluation"))
    no_average, no_metrics = ema.half_life_images is None, not draft.lists["metrics"]
    unused_labels = not training.conditional and training.label_sampling != "data"
    unused_extractor = no_metrics and evaluation.extractor
    never_scored = no_metrics and evaluation.every_epochs
    idle = {
        "[ema] start_step has no effect without half_life_images": no_average and ema.start_step,
        "[ema] ramp_up has no effect without half_life_images": no_average and ema.ramp_up,
        "[training] label_sampling has no effect unless conditional = true": unused_labels,
        "[evaluation] every_epochs has no effect without [[metrics]]": never_scored,
        "[evaluation] extractor has no effect without [[metrics]]": unused_extractor,
    }
    yield from (sentence for sentence, holds in idle.items() if holds)


def _odd_rates(draft: Draft) -> Iterator[str]:
    assert draft.optimizers is not None
    players = {p: cast("Optimizer", o.component) for p, o in draft.optimizers.players.items()}
    for player, optimizer in players.items():
        first, last = optimizer.rate.start, optimizer.rate.value(1)
        if optimizer.schedule == "constant" and optimizer.final_learning_rate:
            yield f"the {player}'s final_learning_rate has no effect with schedule = 'constant'"
        elif last > first:
            yield f"the {player}'s learning rate rises, from {first:g} to {last:g}"
    if not any(optimizer.rate for optimizer in players.values()):
        yield "both learning rates are 0: nothing is trained"


def _gray_metrics(draft: Draft) -> Iterator[str]:
    channels = draft.tables["image"].channels
    if draft.extractor is not None and channels != 3:
        extractor = draft.extractor.name
        yield f"extractor '{extractor}' looks at 3 channels, but the images have {channels}"
