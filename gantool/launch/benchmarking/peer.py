"""The other program's process: `python -m gantool.launch.benchmarking.peer SCRIPT IMAGES`.

It makes a step to try the program, and one for each line that it reads; each is answered by a line
of JSON with the seconds that it took.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import IO, TYPE_CHECKING

import torch

from gantool.launch.benchmarking.timing import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ENTRY = "prepare"


def main(script: str, path: str) -> None:
    """Answer until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what the program prints must not get between the replies
    images = torch.load(path, weights_only=True)
    try:
        step = prepared(script, images)
        _tell(replies, {"seconds": seconds(step, images.device)})
        for _ in sys.stdin:
            _tell(replies, {"seconds": seconds(step, images.device)})
    except Exception as error:  # another program may fail in any way
        _tell(replies, {"failure": f"{type(error).__name__}: {error}"})


def prepared(script: str, images: Tensor) -> Callable[[], object]:
    """Return what makes a step of the program.

    Raises:
        TypeError: When it has no such thing.
    """
    prepare = runpy.run_path(script).get(ENTRY)
    if not callable(prepare):
        raise TypeError(f"it has no {ENTRY}(images)")
    step = prepare(images)
    if not callable(step):
        raise TypeError(f"its {ENTRY}(images) returns no step")
    return step  # type: ignore[no-any-return]


def _tell(replies: IO[str], answer: dict[str, object]) -> None:
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
