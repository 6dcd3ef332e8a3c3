"""The metrics of a run: their choice, their scores and the names of these."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from gantool.errors import UsageError
from gantool.registry.calling import call, described, misbehaved, owner_of, passes
from gantool.registry.catalog import installed
from gantool.runs.scores import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gantool.interfaces.metric import Evidence, EvidenceShape, Extractor, Metric
    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Offer

LOGGER = logging.getLogger("gantool.evaluation")
CHANNELS = 3
"""Channels of images for extractors."""


def choose_extractor(
    name: str | None, recipe: Recipe, *, followed: bool = False
) -> Extractor | None:
    """Return the extractor of a name, or of the recipe; None for the pixels themselves.

    A name that an earlier evaluation is followed by means gantool's own extractor first.

    Raises:
        PluginError: When no plugin offers it.
        UsageError: When the images have another number of channels than it looks at.
    """
    chosen = recipe.extractor if name is None else _extractor_named(name, ours_first=followed)
    if name is None and chosen is None:
        LOGGER.warning(
            "neither the recipe nor --extractor names one, so pixels are compared, which tells "
            "little about pictures; there are: %s",
            ", ".join(installed().names("extractor")) or "none",
        )
    channels = recipe.tables.image.channels
    if chosen is not None and channels != CHANNELS:
        raise UsageError(
            f"extractor '{chosen.name}' looks at images with {CHANNELS} channels, "
            f"those of this run have {channels}",
            f"compare the pixels themselves: --extractor {PIXELS}",
        )
    return chosen


def choose_metrics(
    names: Sequence[str], recipe: Recipe, shape: EvidenceShape, known: Sequence[Metric] = ()
) -> tuple[Metric, ...]:
    """Return the metrics to score a run by.

    They are those named, with the options that they are known by or the recipe gives them; without
    names, those known, or the recipe's, or every installed one that can score the run and
    need not be named; those that cannot are named in a warning.

    Raises:
        PluginError: When no plugin offers a metric.
        UsageError: When one cannot score that evidence, or needs options; when there is none.
    """
    own = (*known, *(each for each in recipe.metrics if type(each) not in map(type, known)))
    if not names and not own:
        if able := tuple(_able(shape)):
            return able
        raise UsageError("no installed metric can score this run", "gantool list-components metric")
    chosen = tuple(_named(name, own) for name in dict.fromkeys(names)) or tuple(known) or own
    for metric in chosen:
        call(metric, "check", shape)
    return chosen


def _extractor_named(name: str, *, ours_first: bool) -> Extractor | None:
    if name == PIXELS:
        return None
    return cast(
        "Extractor", _with_defaults(installed().find("extractor", name, ours_first=ours_first))
    )


def _named(name: str, known: Iterable[Metric]) -> Metric:
    """Return a metric as it is known, else with its default options."""
    offer = installed().find("metric", name)
    for metric in known:
        if type(metric) is offer.component:
            return metric
    return cast("Metric", _with_defaults(offer))


def _able(shape: EvidenceShape) -> Iterator[Metric]:
    """Yield every installed metric that can score it and need not be named.

    Of several with one name, gantool's own comes first.
    """
    catalog = installed()
    for offer in map(partial(catalog.meant, "metric"), catalog.names("metric")):
        if offer is None:  # several offer it, and none is ours
            continue
        if cast("type[Metric]", offer.component).only_when_named:
            continue
        try:
            metric = cast("Metric", _with_defaults(offer))
            call(metric, "check", shape)
        except UsageError as error:
            LOGGER.warning("left out: %s", error.message)
        else:
            yield metric


def _with_defaults(offer: Offer) -> Any:
    """Return a component with its default options.

    Raises:
        UsageError: When it has an option without a default.
    """
    try:
        return offer.component()
    except ValidationError as error:
        raise UsageError(
            f"{offer.kind} '{offer.name}' has options without a default",
            f"give them in the recipe of the next run; gantool describe {offer.kind}/{offer.name}",
        ) from error
    except Exception as error:  # a plugin may fail in any way
        if passes(error):
            raise
        raise owner_of(offer.component).failed("reading its options", error) from error


def measure(
    metric: Metric, evidence: Evidence, *, seed: int, extractor: str | None
) -> dict[str, float]:
    """Return a metric's scores of some evidence, as in "fid/distance".

    Its chance starts at the seed, whatever other metrics have drawn.

    Raises:
        PluginError: When the metric fails, or returns no numbers by name.
    """
    import torch  # comparisons ask for names alone

    own = replace(evidence, random=torch.Generator().manual_seed(seed))
    found = call(metric, "compute", own)
    name = score_name(metric, extractor)
    return {f"{name}/{score}": value for score, value in _numbers(metric, found)}


def score_name(metric: Metric, extractor: str | None) -> str:
    """Return the name of a metric's scores.

    Raises:
        PluginError: When the metric fails, or says no name.
    """
    found = call(metric, "score_name", extractor)
    if isinstance(found, str):
        return found
    raise misbehaved(metric, "score_name", described(found), "text")


def metrics_by_score(recipe: Recipe) -> dict[str, Metric]:
    """Return a recipe's metrics by what their scores are called."""
    extractor = None if recipe.extractor is None else recipe.extractor.name
    return {score_name(metric, extractor): metric for metric in recipe.metrics}


def metric_called(name: str, extractor: str) -> str | None:
    """Return the metric whose scores have a name, where it goes by another one itself.

    A metric's scores may be called after the features that they are of: those of published names
    are of published features only.
    """
    looked_with = None if extractor == PIXELS else extractor
    for offer in installed().of_kind("metric"):
        try:
            metric: Any = offer.component()
        except ValidationError:  # it has no defaults
            continue
        if name != offer.name and score_name(metric, looked_with) == name:
            return offer.name
    return None


def remarks_of(
    metric: Metric, scores: Mapping[str, float], shape: EvidenceShape
) -> tuple[str, ...]:
    """Return a metric's remarks on its scores.

    Raises:
        PluginError: When the metric fails, or returns something else.
    """
    found = call(metric, "remarks", scores, shape)
    if isinstance(found, tuple | list) and all(isinstance(remark, str) for remark in found):
        return tuple(found)
    raise misbehaved(metric, "remarks", described(found), "a tuple of sentences")


def _numbers(metric: Metric, found: Any) -> Iterator[tuple[str, float]]:
    """Yield scores by name, if that is what a metric has returned."""
    expected = "numbers by name"
    if not isinstance(found, Mapping):
        raise misbehaved(metric, "compute", described(found), expected)
    for name, value in found.items():
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError) as error:  # tensors of several values
            told = f"{described(value)} as {name!r}"
            raise misbehaved(metric, "compute", told, expected) from error
        if not isinstance(name, str) or isinstance(value, str):
            raise misbehaved(metric, "compute", f"{described(value)} as {name!r}", expected)
        yield name, number
