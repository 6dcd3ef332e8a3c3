"""Another program's training loop, in a process of its own, to be timed by turns with ours."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import torch

from gantool.errors import UsageError
from gantool.launch.benchmarking.timing import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


ENTRY = "prepare"
WAY_OUT = "define in it: def prepare(images): ... return step"


@contextmanager
def peer(script: Path, images: Tensor) -> Iterator[Callable[[], float]]:
    """Yield what makes one step of another program's loop and returns the seconds it took.

    The program runs with your rights, as any Python file that you start.

    Args:
        script: A Python file that defines `prepare(images)`, which is given a batch, float
            [N, C, H, W] in [-1, 1], on the device, and returns a function without arguments.
        images: The batch.

    Raises:
        UsageError: When the file cannot be run, or does not do that.
    """
    with tempfile.TemporaryDirectory(prefix="gantool-") as scratch:
        batch = Path(scratch) / "images.pt"
        torch.save(images.contiguous(), batch)
        command = [sys.executable, "-m", __name__, str(script), str(batch)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            assert process.stdin is not None  # both were asked for
            assert process.stdout is not None
            requests, replies = process.stdin, process.stdout

            def step() -> float:
                requests.write("step\n")
                return _reply(script, replies)

            _reply(script, replies)
            yield step
            requests.close()


def _reply(script: Path, replies: IO[str]) -> float:
    """Return the seconds that the other process tells; refuse a failure, or its end."""
    line = replies.readline()
    told = json.loads(line) if line else {"failure": "its process has ended"}
    if "failure" in told:
        raise UsageError(f"{script} cannot be timed: {told['failure']}", WAY_OUT)
    return float(told["seconds"])


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
    """Return what makes a step of the program."""
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
