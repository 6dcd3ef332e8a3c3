"""Claims that checks make, their words when one is broken, and the causes of failures."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import GantoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


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
