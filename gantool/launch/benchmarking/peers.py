"""Another program's training loop, to be timed by turns with ours."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

ENTRY = "prepare"


def peer(path: Path, images: Tensor) -> Callable[[], object]:
    """Return what makes one step of another program's loop; one is made to try it.

    The program runs with your rights, as any Python file that you start.

    Args:
        path: A Python file that defines `prepare(images)`, which is given a batch, float
            [N, C, H, W] in [-1, 1], on the device, and returns a function without arguments.
        images: The batch.

    Raises:
        UsageError: When the file cannot be run, or does not do that.
    """
    way_out = f"define in it: def {ENTRY}(images): ... return step"
    try:
        prepare = runpy.run_path(str(path)).get(ENTRY)
        step = prepare(images) if callable(prepare) else None
        if callable(step):
            step()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{path} cannot be timed: {reason}", way_out) from error
    if not callable(step):
        what = "has no" if prepare is None else "returns no step from its"
        raise UsageError(f"{path} {what} {ENTRY}(images)", way_out)
    return step  # type: ignore[no-any-return]
