"""Watching a regularizer's hooks: their arguments and results, and their calls of networks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import SkipTest, mock

import torch
from pydantic import ValidationError

from gantool.errors import MissingExtraError
from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer
from gantool.interfaces.step import PLAYERS
from gantool.testing.harness.trial import build_trial, take_steps
from gantool.testing.promises import BrokenPromise, always, promise, with_options
from gantool.training.game import Game
from gantool.training.step.view import UpdateStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.interfaces.step import Player
    from gantool.testing.promises import Subject
    from gantool.training.step.view import Seen

AnyRegularizer = TypeVar("AnyRegularizer", bound=Regularizer)
Around = Callable[..., Any]
"""Takes a hook and its arguments, and returns the hook's result or another one."""

PENALTY_HOOKS = ("discriminator_penalty", "generator_penalty")
BEFORE_THE_OPTIMIZER = ("latents", "batch", "transform", "sample_weights", *PENALTY_HOOKS)
INSIDE_UPDATES = (*BEFORE_THE_OPTIMIZER, "after_update", "figures")
ENGINE = "_engine_run_backward"
"""The function that every `torch.autograd.grad` ends in, however it was imported."""


def overridden(component: type[Regularizer], hooks: tuple[str, ...]) -> list[str]:
    """Return those of some hooks that a class implements itself."""
    return [hook for hook in hooks if getattr(component, hook) is not getattr(Regularizer, hook)]


def overrides(*hooks: str) -> Callable[[type[Regularizer]], bool]:
    """Return whether a class implements any of some hooks itself, as a capability."""
    return lambda component: bool(overridden(component, hooks))


def has_strength(component: type[Regularizer]) -> bool:
    """Whether a class declares which option turns it off, as a capability."""
    return component.strength is not None


def is_lazy(component: type[Regularizer]) -> bool:
    """Whether a class may apply its penalties now and then, as a capability."""
    return issubclass(component, LazyOption)


def variants(component: AnyRegularizer) -> Iterator[AnyRegularizer]:
    """Yield a regularizer, and the same for the other player where it can be told so."""
    yield component
    if isinstance(component, PlayerOption):
        (other,) = set(PLAYERS) - {component.player}
        with suppress(ValidationError):  # it may narrow the option down to one player
            yield with_options(component, player=other)


def _each_player(check: Callable[[Any], None]) -> Callable[[Subject[Regularizer]], None]:
    """Make a check of a regularizer with the example, for each player that it can apply to."""

    @wraps(check)
    def tried(subject: Subject[Regularizer]) -> None:
        __tracebackhide__ = True
        for component in variants(subject.example()):
            try:
                check(component)
            except (SkipTest, MissingExtraError):
                raise
            except Exception as error:
                if isinstance(component, PlayerOption):
                    reason = error if isinstance(error, BrokenPromise) else repr(error)
                    message = f"with player = {component.player!r}, {reason}"
                    raise BrokenPromise(message) from error
                raise

    return tried


def regularizer_promise(
    when: Callable[[type[Any]], bool] = always,
) -> Callable[[Callable[[Any], None]], Callable[[Subject[Regularizer]], None]]:
    """Register a check of regularizers, made with the example for each player it can apply to."""
    return lambda check: promise("regularizer", when=when)(_each_player(check))


def hook_promise(
    hook: str,
) -> Callable[[Callable[..., None]], Callable[[Subject[Regularizer]], None]]:
    """Register a check of all that a hook returns within two steps, given its arguments as well."""

    def register(check: Callable[..., None]) -> Callable[[Subject[Regularizer]], None]:
        def around(call: Callable[..., Any], *arguments: Any) -> Any:
            returned = call(*arguments)
            check(returned, *arguments)
            return returned

        @wraps(check)
        def trained(component: Regularizer) -> None:
            take_steps(build_trial(watched(component, around, hook)), 2)

        return regularizer_promise(overrides(hook))(trained)

    return register


def watched(
    component: AnyRegularizer, around: Around, *hooks: str, **declared: Any
) -> AnyRegularizer:
    """Return the same regularizer, of a subclass with a function around some of its hooks."""
    of = type(component)
    namespace = {hook: _through(around, getattr(of, hook)) for hook in overridden(of, hooks)}
    about = {"__module__": of.__module__, "__qualname__": of.__qualname__, "__doc__": of.__doc__}
    metaclass: Any = type(of)
    subclass = metaclass(of.__name__, (of,), {**about, **namespace, **declared})
    observed: AnyRegularizer = subclass.model_construct(**dict(component))
    return observed


def _through(around: Around, hook: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Regularizer, *arguments: Any) -> Any:
        return around(partial(hook, self), *arguments)

    return call


@dataclass(frozen=True)
class NetworkCall:
    """A call of a network that a hook has made."""

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
        """Train for two steps with a regularizer and return this."""
        with self.listening():
            take_steps(build_trial(watched(component, self._around, *INSIDE_UPDATES), **trial), 2)
        return self

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note the gradients that hooks take through a step, and their calls of networks."""
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
