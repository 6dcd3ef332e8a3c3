"""Name what a recipe may say and probably should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.interfaces.architecture import Architecture
from gantool.interfaces.regularizer import Regularizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.recipe.building import Draft


def advise(draft: Draft) -> tuple[str, ...]:
    """Return one sentence for each thing that is allowed and probably unwise.

    Args:
        draft: A recipe without problems.
    """
    return (
        *_mixed_gradients(draft),
        *_idle_options(draft),
        *_odd_rates(draft),
        *_gray_metrics(draft),
    )


def _mixed_gradients(draft: Draft) -> Iterator[str]:
    """A gradient penalty means one image's own logit, which BatchNorm makes all images' logit."""
    chosen = draft.singles["architecture"]
    assert isinstance(chosen.component, Architecture)
    way_out = chosen.component.batch_coupling()
    for regularizer in draft.lists["regularizers"]:
        assert isinstance(regularizer.component, Regularizer)
        if way_out is None or not _is_on(regularizer.component):
            continue
        if regularizer.component.uses_image_gradient:
            yield (
                f"regularizer '{regularizer.use}' takes the gradient of each image's own logit, "
                f"but architecture '{chosen.use}' mixes the images of a batch: {way_out}"
            )


def _is_on(regularizer: Regularizer) -> bool:
    return regularizer.strength is None or getattr(regularizer, regularizer.strength) != 0


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
        extractor = draft.tables["evaluation"].extractor
        yield f"extractor '{extractor}' looks at 3 channels, but the images have {channels}"
