"""An update as its regularizers see it: the engine's side of `gantool.interfaces.step`."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch
from typing_extensions import override

from gantool.errors import PluginError
from gantool.interfaces.step import DiscriminatorStep, GameLosses, GeneratorStep
from gantool.training.randomness import Draws
from gantool.training.snapshot import PlayerSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from gantool.data.rows import Rows
    from gantool.interfaces.step import Player
    from gantool.training.game import Game
    from gantool.training.randomness import Streams
    from gantool.training.regularization import Active

State = TypeVar("State", bound="nn.Module")


@dataclass
class Seen:
    """What an update has computed so far, on some rows of its batch; absent until then."""

    real: Tensor | None = None
    fake: Tensor | None = None
    real_labels: Tensor | None = None
    fake_labels: Tensor | None = None
    latents: Tensor | None = None
    real_logits: Tensor | None = None
    fake_logits: Tensor | None = None
    gradients: list[tuple[Tensor, Tensor | None, Tensor]] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)


class UpdateStep(DiscriminatorStep, GeneratorStep):
    """The `step` that one regularizer is given at one place; all share what was computed."""

    def __init__(
        self, game: Game, player: Player, rows: Rows, seen: Seen, streams: Streams | None = None
    ) -> None:
        self._game = game
        self._player: Player = player
        self._rows = rows
        self._streams = streams or game.streams
        self.seen = seen
        self._viewer: Active | None = None
        self._place = ""

    def for_(self, viewer: Active, place: str) -> UpdateStep:
        """Return the same step as a regularizer sees it at a place of use."""
        view = copy.copy(self)
        view._viewer, view._place = viewer, place
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
    def number(self) -> Tensor:
        return self._game.number

    @property
    @override
    def progress(self) -> Tensor:
        if self._viewer is not None:
            self._game.followers.add(self._viewer.stream)
        return self._game.progress

    @property
    @override
    def random(self) -> Draws:
        stream = self._viewer.stream if self._viewer else "engine"
        return Draws(self._streams, stream, self._place, self._rows)

    @override
    def network(self, player: Player) -> nn.Module:
        return self._game.network(player)

    @override
    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, *, transformed: bool = True
    ) -> Tensor:
        if transformed:
            images = self.transform(images, self._next_place("discriminate"))
        return self._game.probe("discriminator", images, labels)

    @override
    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self._game.probe("discriminator", images, labels, method="features")

    @override
    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self._game.probe("generator", latents, labels)

    @override
    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if not self._game.generator_is_split:
            return latents
        return self._game.probe("generator", latents, labels, method="mapping")

    @override
    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        method = "synthesis" if self._game.generator_is_split else "forward"
        return self._game.probe("generator", styles, labels, method=method)

    @override
    def image_gradient(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        for known_images, known_labels, gradient in self.seen.gradients:
            if known_images is images and known_labels is labels:
                return gradient
        gradient = self._game.image_gradient(images, labels)
        self.seen.gradients.append((images, labels, gradient))
        return gradient

    @override
    def game_losses(self) -> GameLosses:
        if not self._game.regularization.need_both_graphs:
            raise PluginError(f"{self._who()} calls game_losses without needs_both_graphs = True")
        real, fake = self.real_logits, self.fake_logits
        loss = self._game.loss
        in_generator = real if loss.needs_real_in_generator else None
        return GameLosses(
            loss.discriminator(real, fake).mean(), loss.generator(fake, in_generator).mean()
        )

    @override
    def snapshot(self, player: Player) -> PlayerSnapshot:
        return PlayerSnapshot(self._game.competitors[player])

    @override
    def state(self, kind: type[State]) -> State:
        state = self._viewer.state if self._viewer else None
        if not isinstance(state, kind):
            found = "none" if state is None else type(state).__name__
            raise PluginError(f"{self._who()} asks for the state {kind.__name__} and has {found}")
        return state

    @override
    def average(self, value: Tensor) -> Tensor:
        return self._game.ranks.mean(value, self._rows.count)

    def transform(self, images: Tensor, place: str) -> Tensor:
        """Return what the discriminator sees of images: every regularizer's transform in turn."""
        for active in self._game.regularization.having("transform", self._player):
            images = active.component.transform(images, self.for_(active, f"transform {place}"))
        return images

    def _next_place(self, call: str) -> str:
        """Name a place of use: who calls what, for the how-manieth time in this update."""
        caller = f"{self._viewer.stream if self._viewer else ''} {self._place} {call}"
        self.seen.calls[caller] = number = self.seen.calls.get(caller, 0) + 1
        return f"{caller} {number}"

    def _there(self, value: Tensor | None, name: str) -> Tensor:
        if value is not None:
            return value
        way_out = None
        if self._player == "generator" and name.startswith("real"):
            way_out = "set needs_real_in_generator = True on its class"
        msg = f"{self._who()} asks for step.{name}, which a {self._player} update has not got here"
        raise PluginError(msg, way_out)

    def _who(self) -> str:
        return f"regularizer '{self._viewer.stream}'" if self._viewer else "the engine"


def joined(slices: Sequence[Seen]) -> Seen:
    """Return what all slices of a batch have seen, one after the other, without graphs."""
    whole = Seen()
    for name in (
        "real",
        "fake",
        "real_labels",
        "fake_labels",
        "latents",
        "real_logits",
        "fake_logits",
    ):
        parts = [part for seen in slices if (part := getattr(seen, name)) is not None]
        if len(parts) == len(slices) and parts:
            setattr(whole, name, torch.cat(parts).detach())
    return whole
