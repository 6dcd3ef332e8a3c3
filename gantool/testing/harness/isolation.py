"""Fresh processes, no network, and what a check must find untouched."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.interfaces.component import Component

PRELUDE = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
CHECKING = """
import pathlib, pickle
component, arguments = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
try:
    component.check(*arguments)
except ValueError:
    pass
print(json.dumps("torch" in sys.modules))
"""
SECONDS = 120
"""After which a fresh process is given up."""


def in_fresh_process(code: str, *arguments: str) -> str:
    """Run Python code in a new process with this one's import path and return its stdout.

    Args:
        code: Finds its arguments in `sys.argv[1:]`; `json` and `sys` are imported.
        *arguments: Are handed on.

    Raises:
        RuntimeError: When it fails; the message is the last line of its stderr.
    """
    command = [sys.executable, "-c", PRELUDE + code, json.dumps(sys.path), *arguments]
    process = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if process.returncode != 0:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        message = f"a fresh process failed: {lines[-1]}"
        raise RuntimeError(message)
    return process.stdout


def imports_torch_to_check(component: Component, arguments: object, folder: Path) -> bool:
    """Whether a component's `check`, called in a fresh process, imports torch."""
    sent = folder / "arguments.pickle"
    sent.write_bytes(pickle.dumps((component, arguments)))
    return in_fresh_process(CHECKING, str(sent)).strip() == "true"


def _refuse(*arguments: Any, **options: Any) -> NoReturn:
    del arguments, options
    message = "there is no network in this check"
    raise OSError(message)


@contextmanager
def no_network() -> Iterator[None]:
    """Let every attempt at a connection fail in this process."""
    with (
        mock.patch.object(socket.socket, "connect", _refuse),
        mock.patch.object(socket.socket, "connect_ex", _refuse),
        mock.patch.object(socket, "getaddrinfo", _refuse),
    ):
        yield


def global_random_state() -> tuple[object, ...]:
    """Return the state of the random numbers that all code in a process shares."""
    import random

    import numpy as np
    import torch

    numpy_state = np.random.get_state(legacy=False)
    return random.getstate(), repr(numpy_state), torch.get_rng_state().numpy().tobytes()


def seed_global_random_state(seed: int) -> None:
    """Seed the random numbers that all code in a process shares."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def global_random_state_kept() -> Iterator[None]:
    """Put back, at the end, the random numbers that all code in a process shares."""
    import random

    import numpy as np
    import torch

    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])
