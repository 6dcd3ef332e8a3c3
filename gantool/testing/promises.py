"""Promises, kind by kind: each is the docstring of the function that checks it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from gantool.errors import UsageError
from gantool.interfaces.component import KINDS, Component
from gantool.testing.claims import BrokenPromise

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.interfaces.step import Player
    from gantool.registry.plugin import Plugin

PLUGIN = "plugin"
COMPONENT = "component"
GROUPS = (PLUGIN, COMPONENT, *KINDS)
"""Subjects of promises: a plugin as a whole, any component, or components of one kind."""
MODULES = (
    "components",
    "datasets",
    "architectures",
    "networks",
    "optimization",
    "regularizers.training",
    "regularizers.hooks",
    "regularizers.penalties",
    "schedules",
    "metrics",
    "extractors",
    "loggers",
    "exporters",
)
"""The modules of `gantool.testing.checks`, in the order in which their checks are made."""

CheckFunction = TypeVar("CheckFunction", bound="Callable[[Any], None]")

_promises: list[Promise] = []
AnyComponent = TypeVar("AnyComponent", bound=Component)
Tested_co = TypeVar("Tested_co", bound=Component, covariant=True)
ClosedForm = Callable[[Any, "QuadraticGame"], "float | Tensor"]
"""Returns the value of a component's penalty in a game."""


@dataclass(frozen=True)
class Promise:
    """A promise that every component of a kind keeps.

    Attributes:
        group: "plugin", "component" for those of every kind, or the kind.
        function: Checks it: takes the plugin, or a `Subject`, and raises if the promise is broken.
        applies: Whether it concerns a component class, given the class.
        needs_closed_form: Whether only a test that gives a closed form can check it.
    """

    group: str
    function: Callable[[Any], None]
    applies: Callable[[type[Any]], bool]
    needs_closed_form: bool = False

    @property
    def name(self) -> str:
        """The function's name, the last part of each check's identifier."""
        return self.function.__name__

    @property
    def text(self) -> str:
        """The promise in one sentence."""
        return " ".join((inspect.getdoc(self.function) or "").split())


def always(component: type[Any]) -> bool:
    """Whether a promise concerns a component: it does, whatever that is."""
    del component
    return True


def promise(
    group: str,
    *,
    when: Callable[[type[Any]], bool] = always,
    needs_closed_form: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a function as the check of a promise, which its docstring states."""

    def register(function: CheckFunction) -> CheckFunction:
        _promises.append(Promise(group, function, when, needs_closed_form))
        return function

    return register


def checks_for(group: str) -> tuple[Promise, ...]:
    """Return the promises of a kind, of any "component", or of a "plugin" as a whole.

    Raises:
        UsageError: When the kind is unknown.
    """
    if group not in GROUPS:
        raise UsageError(f"no checks for '{group}'", f"one of: {', '.join(GROUPS)}")
    return tuple(promise for promise in _all() if promise.group == group)


@cache
def _all() -> tuple[Promise, ...]:
    """Import every check and return the promises in the order of the modules."""
    modules = [f"gantool.testing.checks.{name}" for name in MODULES]
    for module in modules:
        import_module(module)
    return tuple(sorted(_promises, key=lambda each: modules.index(each.function.__module__)))


@dataclass(frozen=True)
class QuadraticGame:
    """An update in a game of players that fit on paper, in float64.

    The discriminator is D(x) = <weight, x> + <curvature, x^2> / 2 + bias: its gradient differs
    from image to image, so that it matters at which images a penalty takes it. Its features are
    the images' own values. The generator is G(z) = generator_weight z.

    Attributes:
        player: Whose update it is.
        weight: The discriminator's, [C, H, W].
        curvature: The discriminator's, [C, H, W].
        bias: The discriminator's, a scalar.
        generator_weight: [C * H * W, latent_dim].
        real: Real images, [N, C, H, W].
        fake: Generated images, [N, C, H, W].
        latents: What they are generated from, [N, latent_dim].
        differentiated: Images [N, C, H, W] whose `step.image_gradient` the penalty asked for.
    """

    player: Player
    weight: Tensor
    curvature: Tensor
    bias: Tensor
    generator_weight: Tensor
    real: Tensor
    fake: Tensor
    latents: Tensor
    differentiated: tuple[Tensor, ...] = ()

    def logits(self, images: Tensor) -> Tensor:
        """Return the discriminator's logits [N] of images [N, C, H, W]."""
        return (images * self.weight + images.square() * self.curvature / 2).sum(
            (1, 2, 3)
        ) + self.bias

    def slopes(self, images: Tensor) -> Tensor:
        """Return the gradient of each logit in its image, [N, C, H, W]."""
        return self.weight + images * self.curvature


@dataclass(frozen=True)
class Subject(Generic[Tested_co]):
    """A component under test, and a place to make files in.

    Attributes:
        component: Its class.
        plugin: Who supplies it.
        scratch: A folder that is removed when the check has ended.
        closed_form: Its penalty on paper, where a test gives it.
    """

    component: type[Tested_co]
    plugin: Plugin
    scratch: Path
    closed_form: ClosedForm | None = None

    def folder(self) -> Path:
        """Return a new, empty folder."""
        return Path(mkdtemp(dir=self.scratch))

    def example(self) -> Tested_co:
        """Return the component's example."""
        try:
            return self.component.example(self.folder())
        except ValidationError as error:
            first, *_ = error.errors()
            option = ".".join(map(str, first["loc"])) or "options"
            reason = f"`example` is not valid: {option}: {first['msg']}"
            raise BrokenPromise(f"{reason}; override `example`") from error


def with_options(component: AnyComponent, **options: Any) -> AnyComponent:
    """Return a component with other options, validated as those of a recipe are."""
    table = {**component.model_dump(mode="json"), **options}
    return type(component).model_validate_json(json.dumps(table))
