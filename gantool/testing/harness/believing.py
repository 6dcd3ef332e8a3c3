"""The process that believes in a GPU: it is sent components, one after the other, and tries them.

Believing changes torch in a whole process and for good, so that no other work is done there. It
is started when it is first needed.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import pickle
import selectors
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from gantool.testing.harness.isolation import PRELUDE
from gantool.testing.promises import BrokenPromise

if TYPE_CHECKING:
    from gantool.interfaces.component import Component

SERVING = PRELUDE + "from gantool.testing.harness.believing import serve; serve()"
READY, UNAVAILABLE, FAILED = "ready", "unavailable", "failed"
"""What a reply says, by its key."""
SECONDS = 180.0
"""After which an answer is given up."""
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def require_gpu_training(component: Component) -> None:
    """Go on if a GPU could train with a component, as far as that is known without one."""
    try:
        content = base64.b64encode(pickle.dumps(component)).decode()
    except Exception as error:  # a class of a function, for example
        raise SkipTest(f"it cannot be sent to another process: {error}") from error
    reply = _asked({"component": content})
    if UNAVAILABLE in reply:
        raise SkipTest(reply[UNAVAILABLE])
    if FAILED in reply:
        broken = BrokenPromise(f"on a GPU, {reply[FAILED]}")
        broken.cause = reply["cause"]
        raise broken


class _Believer:
    """The process, which imports from where this one does, and what it said when it had begun."""

    def __init__(self) -> None:
        self.path = list(sys.path)
        command = [sys.executable, "-c", SERVING, json.dumps(self.path)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **ENVIRONMENT},
        )
        atexit.register(self.end)
        self.said = self._reply()

    def ask(self, request: dict[str, object]) -> dict[str, str]:
        """Send a request and return the reply."""
        assert self._process.stdin is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
        except OSError:
            return {}
        return self._reply()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _reply(self) -> dict[str, str]:
        """Return the next reply; empty where the process has ended, or takes too long."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(SECONDS) else ""
        reply: dict[str, str] = json.loads(line) if line else {}
        return reply


_started: list[_Believer] = []
_one_at_a_time = Lock()


def end_process() -> None:
    """End the process, if there is one; the next component starts another."""
    while _started:
        _started.pop().end()


def _believer() -> _Believer:
    """Return the process; a new one where modules are imported from elsewhere by now."""
    if _started and _started[0].path != sys.path:
        end_process()
    if not _started:
        _started.append(_Believer())
    return _started[0]


def _asked(request: dict[str, object]) -> dict[str, str]:
    """Return the reply to a request."""
    with _one_at_a_time:
        believer = _believer()
        if READY not in believer.said:
            raise SkipTest(believer.said.get(UNAVAILABLE, "no process believes in a GPU"))
        if reply := believer.ask(request):
            return reply
        end_process()
    raise BrokenPromise(f"training with it ended its process, or took over {SECONDS:.0f} s")


def serve() -> None:
    """Answer requests, a line each, until there are no more."""
    with os.fdopen(os.dup(1), "w") as replies:
        os.dup2(2, 1)  # what plugins print is no reply
        print(json.dumps(_begun()), file=replies, flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line))), file=replies, flush=True)


def _begun() -> dict[str, str]:
    """Believe in a GPU, and try gantool itself on it."""
    try:
        from gantool.testing.harness.pretending import believe_in_cuda
        from gantool.testing.harness.trying import failure_of

        believe_in_cuda()
        found = failure_of(None)
        failure = None if found is None else found.words
    except Exception as error:  # private parts of torch, which may be otherwise
        failure = f"{type(error).__name__}: {error}"
    if failure is None:
        return {READY: ""}
    return {UNAVAILABLE: f"this torch cannot be made to believe in a GPU: {failure}"}


def _answer(request: dict[str, Any]) -> dict[str, str]:
    """Try the component of a request."""
    from gantool.testing.harness.trying import failure_of

    try:
        component = pickle.loads(base64.b64decode(request["component"]))
    except Exception as error:  # its module may fail in any way
        reason = f"{type(error).__name__}: {error}"
        return {UNAVAILABLE: f"another process cannot import it: {reason}"}
    try:
        failure = failure_of(component)
    except NotImplementedError as error:
        return {UNAVAILABLE: f"torch does not know how it works on a GPU: {error}"}
    return {READY: ""} if failure is None else {FAILED: failure.words, "cause": failure.cause}
