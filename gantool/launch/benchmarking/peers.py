"""Another program's training loop, in a process of its own, to be timed by turns with ours.

In one process the two would share an allocator, and whatever either of them has set: the other
program would not run as it does by itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import torch

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

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
        command = [
            sys.executable,
            "-m",
            "gantool.launch.benchmarking.peer",
            str(script),
            str(batch),
        ]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None  # both were asked for
            assert process.stdout is not None
            requests, replies = process.stdin, process.stdout
            _reply(script, replies)
            yield lambda: _step(script, requests, replies)
            requests.close()


def _step(script: Path, requests: IO[str], replies: IO[str]) -> float:
    requests.write("step\n")
    requests.flush()
    return _reply(script, replies)


def _reply(script: Path, replies: IO[str]) -> float:
    """Return the seconds that the other process tells.

    Raises:
        UsageError: When it tells of a failure, or has ended.
    """
    line = replies.readline()
    told = json.loads(line) if line else {"failure": "its process has ended"}
    if "failure" in told:
        raise UsageError(f"{script} cannot be timed: {told['failure']}", WAY_OUT)
    return float(told["seconds"])
