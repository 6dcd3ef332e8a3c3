"""Name what a recipe may say and probably should not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gantool.interfaces.architecture import Architecture
from gantool.interfaces.loss import Loss
from gantool.interfaces.regularizer import Regularizer, is_off
from gantool.registry.calling import call, described, misbehaved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gantool.recipe.building import Draft


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
    players = draft.optimizers.players
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
