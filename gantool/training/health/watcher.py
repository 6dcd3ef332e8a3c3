"""The health watcher: a run that is alive and leads nowhere is named in plain words."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from pydantic import BaseModel, Field, ValidationError, field_validator
from typing_extensions import override

from gantool.errors import UsageError
from gantool.training.game import terms_of
from gantool.training.health.signs import (
    WINDOW_STEPS,
    Stakes,
    Window,
    alike_at_end,
    discriminator_won,
    generator_collapsed,
    nothing_moves,
)
from gantool.training.observers import Observer, Record
from gantool.training.state.form import first_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from gantool.interfaces.loss import Loss
    from gantool.runs.records import JsonLines

log = logging.getLogger("gantool")

KEY = "health"
FIGURES = (
    "discriminator_loss",
    "generator_loss",
    "real_score",
    "fake_score",
    "generator_gradient_norm",
)
"""What is read of each record."""
WEAKEN = (
    "weaken the discriminator: weight decay (L2) or spectral normalization on it, or a learning "
    "rate of its own, below the generator's, in [optimizer.discriminator]"
)
REMEDIES: Mapping[str, str] = {
    "discriminator": f"{WEAKEN}; a checkpoint from before may draw better pictures than the next",
    "generator": (
        "go on from a checkpoint before it, and give the generator less to gain from one image: "
        "lower learning rates, spectral normalization or a gradient penalty on the discriminator"
    ),
    "standstill": f"go on from a checkpoint before it with a lower learning rate, or {WEAKEN}",
}
"""What helped, by what was found; the report behind the shipped recipes tried the first three."""
SIZES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 40.0)
LOGITS = (*SIZES, *(-size for size in SIZES[1:]))
"""Logits that losses are tried out with; sigmoids are 0 and 1 at both ends."""


class _Memory(BaseModel):
    """What the watcher keeps in the checkpoints."""

    window: Window = Field(default_factory=Window)
    found: tuple[str, ...] = ()
    looked: int = 0

    @field_validator("window")
    @classmethod
    def _is_whole(cls, window: Window) -> Window:
        if len(window.steps) != len(window.figures):
            raise ValueError(f"{len(window.steps)} steps with {len(window.figures)} records")
        return window

    @classmethod
    def of(cls, kept: object) -> _Memory:
        """Return what a checkpoint kept; something else is a usage error."""
        try:
            return cls.model_validate(kept)
        except ValidationError as error:
            problem = first_problem(error, KEY)
            raise UsageError(
                f"the saved memory of the watcher is something else: {problem}",
                "go on without it: --set health.policy=off",
            ) from error


@dataclass
class HealthObserver(Observer):
    """Watches a run by what its steps have computed anyway.

    Only the variety of images is looked at anew, once in `WINDOW_STEPS` steps. What was found is
    said once, and again only after it was over. All that it knows is in the checkpoints, so that
    a resumed run says the same as one that never stopped.

    Attributes:
        stakes: How far the discriminator's loss can move; None where that is not bounded.
        distance: Returns how far apart the images of fixed latents are, as a share of real ones'.
        stops: Whether training stops at what is found.
        lines: Where findings are written, if anywhere.
        steps: Of the whole run, where its end is to be judged.
        within: Whether `distance` compares images within classes.
        reason: Why training should stop now, or None.
    """

    stakes: Stakes | None
    distance: Callable[[], float] | None = None
    stops: bool = False
    lines: JsonLines | None = None
    steps: int | None = None
    within: bool = False
    reason: str | None = None
    _window: Window = field(default_factory=Window)
    _found: set[str] = field(default_factory=set)
    _looked: int = 0

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        known = _Memory.of(memory.get(KEY, {}))
        self._window, self._found, self._looked = known.window, set(known.found), known.looked
        if self.lines is not None:
            self.lines.cut_after(step)

    @override
    def memory(self) -> Mapping[str, Any]:
        if self.lines is not None:
            self.lines.sync()
        found, looked = sorted(self._found), self._looked
        return {KEY: {"window": asdict(self._window), "found": found, "looked": looked}}

    @override
    def at_log(self, record: Record) -> None:
        """Look for every sign; a record that is not finite is none of them and is passed over."""
        values = {name: record.values[name] for name in FIGURES if name in record.values}
        if not all(map(math.isfinite, values.values())):
            return
        self._window.add(record.step, values)
        if self.distance is not None and record.step // WINDOW_STEPS > self._looked:
            self._looked = record.step // WINDOW_STEPS
            self._window.distances.append(self.distance())
        window, found = self._window, self._found
        won = discriminator_won(window, self.stakes, before="discriminator" in found)
        self._judge(record.step, "discriminator", won)
        collapsed = generator_collapsed(window, before="generator" in found)
        self._judge(record.step, "generator", collapsed)
        still = nothing_moves(window, before="standstill" in found)
        self._judge(record.step, "standstill", still)

    @override
    def after_step(self, step: int) -> None:
        """Judge the last images of a run that is long enough, whenever it was looked at last.

        What is kept for later steps stays as it is: a run that is prolonged is a longer run.
        """
        if step != self.steps or step < WINDOW_STEPS or self.distance is None:
            return
        message = alike_at_end(self.distance(), within=self.within)
        if message is not None and "generator" not in self._found:
            self._say(step, "generator", message)

    @override
    def wants_stop(self) -> str | None:
        return self.reason

    def _judge(self, step: int, sign: str, message: str | None) -> None:
        """Say what is new, and forget what is over."""
        if message is None:
            self._found.discard(sign)
        elif sign not in self._found:
            self._found.add(sign)
            self._say(step, sign, message)
            self.reason = message if self.stops else None

    def _say(self, step: int, sign: str, message: str) -> None:
        log.warning("step %d: %s\n%s", step, message, REMEDIES[sign])
        if self.lines is not None:
            self.lines.append({"step": step, "sign": sign, "message": message})


def stakes_of(loss: Loss) -> Stakes | None:
    """Return between which values a discriminator's loss can move, by trying logits out.

    None for a loss without a floor, as Wasserstein critics have it: a large distance between
    their logits means nothing by itself.
    """
    ends = (-2 * max(LOGITS), 2 * max(LOGITS))
    undecided = _least(loss, zip(LOGITS, LOGITS, strict=True))
    floor = _least(loss, product(LOGITS, LOGITS))
    beyond = _least(loss, product(ends, ends))
    is_bounded = floor - beyond <= 1e-3 * (undecided - floor)
    return Stakes(undecided, floor) if is_bounded and undecided > floor else None


@torch.no_grad()
def _least(loss: Loss, pairs: Iterable[tuple[float, float]]) -> float:
    """Return the least loss of a discriminator that gives all images of a kind the same logit.

    A loss that takes each image by itself is asked once for all pairs of real and generated logits.
    """
    logits = torch.tensor([*pairs])  # [P, 2]
    if not loss.couples_batch:
        return float(terms_of(loss, "discriminator", *logits.unbind(1)).min())
    pairs_of_two = (pair.repeat(2, 1).unbind(1) for pair in logits)
    values = (terms_of(loss, "discriminator", *two).mean() for two in pairs_of_two)
    return float(torch.stack([*values]).min())


def mean_distance(images: Tensor, labels: Tensor | None = None) -> float:
    """Return the mean distance of all pairs of images, in root-mean-square levels.

    Args:
        images: uint8 [N, H, W, C], N at least 2.
        labels: int64 [N]; only pairs of the same class count then, and every class counts alike.
            Of classes with one image nothing is known: 0 where no class has two.
    """
    if labels is not None:
        groups = [images[labels == label] for label in classes_of(labels)]
        means = [mean_distance(group) for group in groups if len(group) > 1]
        return sum(means) / len(means) if means else 0.0
    flat = images.flatten(1).to(torch.float32)  # [N, H * W * C]
    distances: Tensor = torch.nn.functional.pdist(flat)  # [N * (N - 1) / 2]
    return float(distances.mean()) / math.sqrt(flat.shape[1])


def relative_distance(
    draw: Callable[[], Any],
    real: Tensor,
    drawn_labels: Tensor | None = None,
    real_labels: Tensor | None = None,
) -> Callable[[], float] | None:
    """Return what measures drawn images against real ones; None if those do not differ.

    Args:
        draw: Makes images, uint8 [N, H, W, C], of latents that are always the same.
        real: Some real images, uint8 [M, H, W, C].
        drawn_labels: int64 [N], where images are compared within classes.
        real_labels: int64 [M], of the same classes.
    """
    whole = mean_distance(real, real_labels) if len(real) > 1 else 0.0
    if whole == 0:
        return None
    return lambda: mean_distance(torch.from_numpy(draw()), drawn_labels) / whole


def classes_of(labels: Tensor) -> list[int]:
    """Return the classes among labels, in order."""
    return sorted(set(labels.tolist()))


def some_of_each(labels: Tensor, classes: int, images: int) -> list[int]:
    """Return indices of some images of some classes, all as far apart as they can be.

    Args:
        labels: int64 [N].
        classes: Classes at most; those with fewer than two images are passed over.
        images: Images of a class at most.
    """
    places = [(labels == label).nonzero()[:, 0].tolist() for label in classes_of(labels)]
    several = [of_class for of_class in places if len(of_class) > 1]
    chosen = [several[index] for index in spread(classes, len(several))]
    return [each[index] for each in chosen for index in spread(images, len(each))]


def spread(count: int, of: int) -> Iterable[int]:
    """Return up to `count` indices below `of`, as far apart as they can be."""
    return range(0, of, max(1, -(-of // count)))
