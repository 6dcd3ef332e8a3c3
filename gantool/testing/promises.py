"""Promises, each the docstring of the function that checks it, and the claims of such functions."""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from gantool.errors import GantoolError, UsageError
from gantool.interfaces.component import KINDS, Component

if TYPE_CHECKING:
    from collections.abc import Mapping

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
AnyComponent = TypeVar("AnyComponent", bound=Component)
Tested_co = TypeVar("Tested_co", bound=Component, covariant=True)
ClosedForm = Callable[[Any, "QuadraticGame"], "float | Tensor"]
"""Returns the value of a component's penalty in a game."""


class BrokenPromise(GantoolError, AssertionError):  # noqa: N818  a finding, not a fault of the check
    """A component does not do what its interface promises; the message says what was found.

    Attributes:
        cause: The same as of other findings of one reason; empty where that is the message.
    """

    cause: str = ""


def require(kept: bool, finding: str | Callable[[], str]) -> None:
    """Go on if a promise is kept."""
    __tracebackhide__ = True
    if not kept:
        raise BrokenPromise(finding if isinstance(finding, str) else finding())


def require_shape(tensor: object, expected: tuple[int, ...], what: str) -> None:
    """Go on if something is a tensor of a shape."""
    __tracebackhide__ = True
    shape = getattr(tensor, "shape", None)
    require(shape is not None, f"{what}: expected a tensor, found {type(tensor).__name__}")
    found, wanted = list(shape or ()), list(expected)
    require(found == wanted, f"{what}: expected the shape {wanted}, found {found}")


def require_finite(tensor: Tensor, what: str) -> None:
    """Go on if a tensor holds neither NaN nor infinity."""
    __tracebackhide__ = True
    bad = int((~tensor.isfinite()).sum())
    require(bad == 0, f"{what}: {bad} of {tensor.numel()} numbers are NaN or infinite")


def require_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], when: str) -> None:
    """Go on if two sets of named tensors are equal, bit for bit but for the sign of zeros."""
    __tracebackhide__ = True
    import torch

    if missing := sorted(found.keys() ^ expected.keys()):
        raise BrokenPromise(f"{when}: only one of the two has {', '.join(missing[:3])}")
    for name, tensor in expected.items():
        if not torch.equal(found[name], tensor):
            raise BrokenPromise(f"{when}: {name} differs, by {_distance(found[name], tensor)}")


def _distance(found: Tensor, expected: Tensor) -> str:
    if found.shape != expected.shape:
        return f"its shape, {list(found.shape)} against {list(expected.shape)}"
    return f"up to {float((found.double() - expected.double()).abs().max()):.3g}"


def root_of(error: BaseException) -> BaseException:
    """Return what an error was raised from in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def place_in(package: str, error: BaseException) -> str | None:
    """Return the innermost line of a package that an error went through, as "plugin.py:31"."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            place = f"{Path(frame.f_code.co_filename).name}:{line}"
    return place


def cause_of(error: BaseException, package: str) -> str:
    """Return what is the same for all checks of a plugin that fail for one reason.

    That is the finding itself or, of an error in the plugin's package, its type and place.
    """
    root = root_of(error)
    if isinstance(root, BrokenPromise) and root.cause:
        return root.cause
    place = None if isinstance(root, BrokenPromise) else place_in(package, root)
    return f"{type(root).__name__}: {root}" if place is None else f"{type(root).__name__}, {place}"


_promises: list[Promise] = []


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
