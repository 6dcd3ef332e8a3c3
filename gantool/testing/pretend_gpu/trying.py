"""Trains with a component on the pretended GPU, and says in words what is wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from gantool.interfaces.architecture import Architecture
from gantool.interfaces.loss import Loss
from gantool.interfaces.regularizer import Regularizer
from gantool.testing.causes import cause_of, place_in, root_of
from gantool.testing.networks import SmallNetworks
from gantool.testing.players import CLASSES, refusal_of, supported_image
from gantool.testing.pretend_gpu.stepping import DEVICE, RUN, take_steps
from gantool.testing.pretend_gpu.watching import Watch
from gantool.testing.style_networks import StyleNetworks
from gantool.testing.trial import Setting, build_trial, setting_for
from gantool.testing.watching import variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.interfaces.component import Component

UNKNOWN = (UnsupportedFakeTensorException, UnsupportedOperatorException)
"""What torch raises where it does not know what an operation would do on a GPU."""


class Failure(NamedTuple):
    """What is wrong in words, and what tells its cause from others."""

    words: str
    cause: str


def failure_of(component: Component | None) -> Failure | None:
    """Return what is wrong with a component on a GPU, or None; without one, with gantool itself.

    Raises:
        NotImplementedError: When torch does not know it.
    """
    for trial in _trials(component):
        try:
            _train(trial, may_read=not getattr(component, "capturable", True))
        except Exception as error:  # a plugin may fail in any way
            root = root_of(error)
            if isinstance(root, UNKNOWN):
                raise NotImplementedError(_first_line(root)) from error
            package = type(component).__module__.partition(".")[0]
            place = place_in(package, root) or place_in(package, error)
            words = f"{_in_words(root)}{f' ({place})' if place else ''}"
            return Failure(words, cause_of(error, package))
    return None


def _trials(component: Component | None) -> Iterator[dict[str, Any]]:
    """Yield arguments of `build_trial`, with and without labels where both are supported."""
    if isinstance(component, Regularizer):
        for one in variants(component):
            plain = setting_for(one)
            other = plain._replace(conditional=not plain.conditional)
            yield {"regularizers": (one,), "setting": plain, "architecture": StyleNetworks()}
            if other.refusal(one) is None:
                networks = SmallNetworks(norm="spectral" if one.uses_image_gradient else "batch")
                yield {"regularizers": (one,), "setting": other, "architecture": networks}
    elif isinstance(component, Architecture):
        image = supported_image(component)
        for classes in (0, CLASSES):
            if refusal_of(component, image, classes) is None:
                setting = Setting(image, bool(classes), component.latent_dim)
                yield {"architecture": component, "setting": setting}
    else:
        yield {"loss": component} if isinstance(component, Loss) else {}


def _train(trial: dict[str, Any], *, may_read: bool) -> None:
    """Train for two steps."""
    regularizers = trial.pop("regularizers", ())
    here = torch.autograd.set_multithreading_enabled(False)  # other threads are not watched
    with here, FakeTensorMode(), Watch() as watch:
        trainer = build_trial(*regularizers, device=DEVICE, **RUN, **trial)
        take_steps(trainer, watch, may_read=may_read)


def _in_words(error: BaseException) -> str:
    """Return what an error of the pretended GPU means."""
    operation = str(getattr(error, "func", ""))
    if isinstance(error, DataDependentOutputException):
        return f"a step reads a number from the device ({operation})"
    if isinstance(error, DynamicOutputShapeException):
        return f"a step waits for the shape of what it makes ({operation})"
    if isinstance(error, AssertionError):
        return str(error)
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
