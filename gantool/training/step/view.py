"""An update as its regularizers see it: the engine's side of `gantool.interfaces.step`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from typing_extensions import override

from gantool.errors import PluginError
from gantool.interfaces.step import DiscriminatorStep, GameLosses, GeneratorStep
from gantool.registry.calling import owner_of
from gantool.training.players import PlayerSnapshot
from gantool.training.randomness import Draws

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    from torch import Tensor, nn

    from gantool.data.batches import Rows
    from gantool.interfaces.step import Features, Player
    from gantool.training.game import Game
    from gantool.training.randomness import Streams
    from gantool.training.regularization import Active

State = TypeVar("State", bound="nn.Module")


class Shown(NamedTuple):
    """Images of an update, the place where their transforms draw, and what D sees of them."""

    images: Tensor
    place: str
    result: Tensor


class Slope(NamedTuple):
    """The gradient of the logits in images with labels, through the transforms or without them."""

    images: Tensor
    labels: Tensor | None
    transformed: bool
    gradient: Tensor


@dataclass
class Seen:
    """Results of an update so far, on some rows of its batch; absent until computed."""

    real: Tensor | None = None
    fake: Tensor | None = None
    real_labels: Tensor | None = None
    fake_labels: Tensor | None = None
    latents: Tensor | None = None
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None
    real_features: Features | None = None
    fake_features: Features | None = None
    shown: list[Shown] = field(default_factory=list)
    slopes: list[Slope] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    @classmethod
    def joined(cls, slices: Sequence[Self]) -> Self:
        """Return the results of all slices of a batch, one after the other, without graphs."""
        whole = cls()
        for name in (each.name for each in fields(cls)):
            parts = [getattr(seen, name) for seen in slices]
            if parts and all(isinstance(part, torch.Tensor | tuple) for part in parts):
                setattr(whole, name, _joined(parts))
        return whole


def _joined(parts: Sequence[Any]) -> Any:
    """Return the rows of tensors, or of tuples of tensors, one after the other."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts)).detach()
    return tuple(map(_joined, zip(*parts, strict=True)))


class UpdateStep(DiscriminatorStep, GeneratorStep):
    """The `step` that one regularizer is given at one place; all share what was computed.

    Attributes:
        game: Networks, loss, regularizers.
        rows: Which rows of the batch it is about.
        seen: What was computed so far.
    """

    def __init__(
        self, game: Game, player: Player, rows: Rows, seen: Seen, streams: Streams | None = None
    ) -> None:
        self.game = game
        self.rows = rows
        self._player: Player = player
        self._streams = streams or game.streams
        self.seen = seen
        self._viewer: Active | None = None
        self._place = ""
        self._again = 0

    def for_(self, viewer: Active, place: str, again: int = 0) -> UpdateStep:
        """Return the same step as a regularizer sees it at a place; its draws there, once again."""
        view = copy.copy(self)
        view._viewer, view._place, view._again = viewer, place, again
        return view

    @property
    @override
    def player(self) -> Player:
        return self._player

    @property
    @override
    def real(self) -> Tensor:
        return self._there(self.seen.real, "real")

    @property
    @override
    def fake(self) -> Tensor:
        return self._there(self.seen.fake, "fake")

    @property
    @override
    def real_labels(self) -> Tensor | None:
        return self.seen.real_labels

    @property
    @override
    def fake_labels(self) -> Tensor | None:
        return self.seen.fake_labels

    @property
    @override
    def latents(self) -> Tensor:
        return self._there(self.seen.latents, "latents")

    @property
    @override
    def real_logits(self) -> Tensor:
        return self._there(self.seen.real_logits, "real_logits")

    @property
    @override
    def fake_logits(self) -> Tensor:
        return self._there(self.seen.fake_logits, "fake_logits")

    @property
    @override
    def real_features(self) -> Features:
        if self.seen.real_features is None:
            raise self._absent("real_features")
        return self.seen.real_features

    @property
    @override
    def fake_features(self) -> Features:
        if self.seen.fake_features is None:
            raise self._absent("fake_features")
        return self.seen.fake_features

    @property
    @override
    def number(self) -> Tensor:
        return self.game.number

    @property
    @override
    def progress(self) -> Tensor:
        if self._viewer is not None:
            self.game.followers.add(self._viewer.stream)
        return self.game.progress

    @property
    @override
    def random(self) -> Draws:
        stream = self._viewer.stream if self._viewer else "engine"
        return Draws(self._streams, stream, self._place, self.rows, self._again)

    @override
    def constant(self, value: float) -> Tensor:
        return torch.full_like(self.game.progress, value)

    @override
    def network(self, player: Player) -> nn.Module:
        return self.game.network(player)

    @override
    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        if transformed:
            images = self._transformed(images, self._next_place("discriminate"))
        with self.noisy("discriminator"):
            return self.game.probe("discriminator", images, labels)

    @override
    def features(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        if transformed:
            images = self.transform(images)
        with self.noisy("discriminator"):
            return self.game.probe("discriminator", images, labels, method="features")

    @override
    def transform(self, images: Tensor, *, like: Tensor | None = None) -> Tensor:
        if like is None:
            known = self._shown(images)
            if known is not None:
                return known.result
            return self._transformed(images, self._next_place("transform"))
        known = self._shown(like)
        if known is None:
            what = "calls step.transform like images that are not of this update"
            raise self._refused(what, "give it step.real or step.fake itself, inside the update")
        return self._transformed(images, known.place)

    @override
    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        with self.noisy("generator"):
            return self.game.probe("generator", latents, labels)

    @override
    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if not self.game.generator_is_split:
            return latents
        with self.noisy("generator"):
            return self.game.probe("generator", latents, labels, method="mapping")

    @override
    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        method = "synthesis" if self.game.generator_is_split else "forward"
        with self.noisy("generator"):
            return self.game.probe("generator", styles, labels, method=method)

    @override
    def image_gradient(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        transformed = transformed and bool(self._transforming)
        for known in self.seen.slopes:
            same = known.images is images and known.labels is labels
            if same and known.transformed == transformed:
                return known.gradient
        take = self._gradient_through_transforms if transformed else self.game.image_gradient
        gradient = take(images, labels)
        self.seen.slopes.append(Slope(images, labels, transformed, gradient))
        return gradient

    @override
    def game_losses(self) -> GameLosses:
        if not self.game.regularization.need_both_graphs:
            raise self._refused("calls game_losses without needs_both_graphs = True")
        logits = self.real_logits, self.fake_logits
        return GameLosses(**{p: self.game.terms(p, *logits).mean() for p in self.game.competitors})

    @override
    def snapshot(self, player: Player) -> PlayerSnapshot:
        return PlayerSnapshot(self.game.competitors[player])

    @override
    def state(self, kind: type[State]) -> State:
        state = self._viewer.state if self._viewer else None
        if not isinstance(state, kind):
            found = "none" if state is None else type(state).__name__
            raise self._refused(f"asks for the state {kind.__name__} and has {found}")
        return state

    @override
    def average(self, value: Tensor) -> Tensor:
        return self.game.ranks.mean(value, self.rows.count)

    def show(self, images: Tensor, name: str) -> Tensor:
        """Return what the discriminator sees of the update's own images, and remember it."""
        shown = self._transformed(images, name)
        self.seen.shown.append(Shown(images, name, shown))
        return shown

    @property
    def _transforming(self) -> list[Active]:
        """Regularizers that change images before the discriminator sees them, in turn."""
        return self.game.regularization.having("transform", self._player)

    def _transformed(self, images: Tensor, name: str) -> Tensor:
        """Return images as everybody's transform changes them, by the same draws each time."""
        place = f"transform {name}"
        self.seen.calls[place] = calls = self.seen.calls.get(place, 0) + 1
        for active in self._transforming:
            images = active.changed("transform", images, self.for_(active, place, calls - 1))
        return images

    def _shown(self, images: Tensor) -> Shown | None:
        """Return what the discriminator was shown of images that are the update's own."""
        return next((shown for shown in self.seen.shown if shown.images is images), None)

    def _gradient_through_transforms(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Return d sum D(T(x)) / dx: the gradient at T(x), led back through T."""
        known = self._shown(images)
        name = known.place if known is not None else self._next_place("image_gradient")
        inputs = images if images.requires_grad else images.detach().requires_grad_()
        with torch.enable_grad():
            shown = self._transformed(inputs, name)
            if not shown.requires_grad:
                streams = ", ".join(f"'{active.stream}'" for active in self._transforming)
                raise PluginError(f"what regularizer {streams} transforms has lost its graph")
            with self.noisy("discriminator"):
                slopes = self.game.image_gradient(shown, labels)
            (gradient,) = torch.autograd.grad(shown, inputs, slopes, create_graph=True)
        return gradient

    def noisy(self, player: Player, place: str | None = None) -> AbstractContextManager[None]:
        """Let the noise sources of a player's network draw for our rows inside, at a place."""
        return self.game.drawing(
            player, self._streams, place or self._next_place("noise"), self.rows
        )

    def _next_place(self, call: str) -> str:
        """Name a place of use: caller, call, and its number among such calls in this update."""
        caller = f"{self._viewer.stream if self._viewer else ''} {self._place} {call}"
        self.seen.calls[caller] = number = self.seen.calls.get(caller, 0) + 1
        return f"{caller} {number}"

    def _there(self, value: Tensor | None, name: str) -> Tensor:
        if value is None:
            raise self._absent(name)
        return value

    def _absent(self, name: str) -> PluginError:
        """Return the error that says what an update does not have, and how to get it."""
        way_out = None
        if name.endswith("features") and not self.game.regularization.need_features:
            way_out = "set needs_features = True on its class"
        elif name.startswith("real") and not self.game.competitors[self._player].turn.takes_batches:
            way_out = "set needs_real_in_generator = True on its class"
        what = f"asks for step.{name}, which a {self._player} update does not have here"
        return self._refused(what, way_out)

    def _refused(self, what: str, way_out: str | None = None) -> PluginError:
        """Return the error that says who asks for what cannot be had, and in which hook."""
        if self._viewer is None:
            return PluginError(f"the engine {what}", way_out)
        owner = owner_of(self._viewer.component, self._viewer.stream)
        hook = self._place.partition(" ")[0]
        return PluginError(f"{owner.title} {what} (in {hook})", way_out or owner.way_out)
