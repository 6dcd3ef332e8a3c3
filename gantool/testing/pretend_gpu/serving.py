"""The process that believes in a GPU: it is sent components, one after the other, and tries them.

Believing changes torch in the whole process and for good, so that no other work is done here.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
from typing import Any

READY = "ready"
UNAVAILABLE = "unavailable"
FAILED = "failed"


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
        from gantool.testing.pretend_gpu.pretending import believe_in_cuda
        from gantool.testing.pretend_gpu.trying import failure_of

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
    from gantool.testing.pretend_gpu.trying import failure_of

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
