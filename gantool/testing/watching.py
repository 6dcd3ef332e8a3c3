"""Watch what a regularizer's hooks are given and what they return, while the engine calls them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import SkipTest

from pydantic import ValidationError

from gantool.errors import MissingExtraError
from gantool.interfaces.regularizer import LazyOption, PlayerOption, Regularizer
from gantool.interfaces.step import PLAYERS
from gantool.testing.claims import BrokenPromise
from gantool.testing.subject import with_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.testing.subject import Subject

AnyRegularizer = TypeVar("AnyRegularizer", bound=Regularizer)
Around = Callable[..., Any]
"""Is given the hook itself and its arguments, and returns what the hook should return."""

PENALTY_HOOKS = ("discriminator_penalty", "generator_penalty")
BEFORE_THE_OPTIMIZER = ("latents", "batch", "transform", "sample_weights", *PENALTY_HOOKS)
INSIDE_UPDATES = (*BEFORE_THE_OPTIMIZER, "after_update", "figures")


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


def each_player(check: Callable[[Any], None]) -> Callable[[Subject[Regularizer]], None]:
    """Let a check of a regularizer be made of the example, for each player it can apply to."""

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


def watched(
    component: AnyRegularizer, around: Around, *hooks: str, **declared: Any
) -> AnyRegularizer:
    """Return the same regularizer, of a subclass whose hooks are called through a function.

    Args:
        component: What to watch; hooks that it does not implement stay so.
        around: Is given a hook and its arguments, and returns what the hook should return.
        *hooks: Names of the hooks to watch.
        **declared: Class attributes to declare otherwise.
    """
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
