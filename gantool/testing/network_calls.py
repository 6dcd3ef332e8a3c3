"""Calls of networks, and gradients in images, that a regularizer's hooks ask for."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from gantool.testing.trial import build_trial, take_steps
from gantool.testing.watching import INSIDE_UPDATES, watched
from gantool.training.game import Game
from gantool.training.step.view import UpdateStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from gantool.interfaces.regularizer import Regularizer
    from gantool.interfaces.step import Player
    from gantool.training.step.view import Seen

ENGINE = "_engine_run_backward"
"""What `torch.autograd.grad`, however it was imported, ends in."""


@dataclass(frozen=True)
class NetworkCall:
    """A call of a network that a hook has made.

    Attributes:
        hook: The hook.
        player: Whose network.
        inputs: Latents, styles or images.
        labels: Those it was given, if any.
        seen: What the update had seen by then.
    """

    hook: str
    player: Player
    inputs: Tensor
    labels: Tensor | None
    seen: Seen


@dataclass
class HookedCalls:
    """Calls that hooks make, while the engine trains with them.

    Attributes:
        calls: Calls of networks, through the step.
        gradients: Images whose gradients were taken through the step.
        own_gradients: Names of hooks that took gradients in images by themselves.
    """

    calls: list[NetworkCall] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)
    own_gradients: list[str] = field(default_factory=list)
    _hook: str = ""
    _step: UpdateStep | None = None
    _depth: int = 0

    def of_training(self, component: Regularizer, **trial: Any) -> HookedCalls:
        """Train for two steps with a regularizer and return this.

        Args:
            component: The regularizer.
            **trial: Arguments of `build_trial`.
        """
        with self.listening():
            take_steps(build_trial(watched(component, self._around, *INSIDE_UPDATES), **trial), 2)
        return self

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take note of gradients that are asked for through a step, and of what hooks call."""
        with (
            mock.patch.object(UpdateStep, "image_gradient", self._gradient()),
            mock.patch.object(Game, "probe", self._probe()),
            mock.patch.object(torch.autograd, ENGINE, self._engine()),
        ):
            yield

    def _around(self, hook: Callable[..., Any], *arguments: Any) -> Any:
        self._hook = str(getattr(hook, "func", hook).__name__)
        self._step = arguments[-1]
        try:
            return hook(*arguments)
        finally:
            self._hook = ""

    def _gradient(self) -> Callable[..., Tensor]:
        original = UpdateStep.image_gradient

        def image_gradient(step: UpdateStep, images: Tensor, *args: Any, **options: Any) -> Tensor:
            self.gradients.append(images.detach())
            labels = args[0] if args else options.get("labels")
            self._note("discriminator", images, labels)
            self._depth += 1
            try:
                return original(step, images, *args, **options)
            finally:
                self._depth -= 1

        return image_gradient

    def _probe(self) -> Callable[..., Tensor]:
        original = Game.probe

        def probe(
            game: Game, player: Player, inputs: Tensor, labels: Tensor | None, **options: Any
        ) -> Tensor:
            self._note(player, inputs, labels)
            return original(game, player, inputs, labels, **options)

        return probe

    def _engine(self) -> Callable[..., Any]:
        original = getattr(torch.autograd, ENGINE)

        def run(outputs: Any, *arguments: Any, **options: Any) -> Any:
            inputs = arguments[3] if len(arguments) > 3 else options.get("inputs", ())
            if self._hook and not self._depth and any(map(self._is_image, inputs)):
                self.own_gradients.append(self._hook)
            return original(outputs, *arguments, **options)

        return run

    def _is_image(self, tensor: object) -> bool:
        """Whether something has the shape of images, or of a single one, as `torch.func` has it."""
        assert self._step is not None
        shape = getattr(tensor, "shape", ())
        return len(shape) >= 3 and shape[-3:] == self._step.fake.shape[1:]

    def _note(self, player: Player, inputs: Tensor, labels: Tensor | None) -> None:
        if self._hook and not self._depth and self._step is not None:
            seen = copy.copy(self._step.seen)  # as it is now
            self.calls.append(NetworkCall(self._hook, player, inputs.detach(), labels, seen))
