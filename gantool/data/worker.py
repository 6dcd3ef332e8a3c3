"""A process that decodes images: `python -m gantool.data.worker`, fed by `gantool.data.pool`.

It is a program of its own, not a `multiprocessing` child: those import the parent's main module
again, which starts a script without a main guard a second time. It inherits no torch, no locks
and no CUDA, and ends with its standard input when the parent dies, however that happens.

It reads a length (8 bytes), a pickled `Job` of that length, then lines "START STOP". It answers
in lines of JSON: the number of each image that it is about to read, so that it is known which one
ended it, and then {"done": [what the job says, …]} or {"failure": …}.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import sys
import traceback
from typing import IO, TYPE_CHECKING

from gantool.errors import GantoolError, PluginError
from gantool.interfaces.dataset import FORMATS

if TYPE_CHECKING:
    from gantool.data.job import Job


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a plugin or a decoder prints must not get between the replies
    requests = sys.stdin.buffer
    _restrict_pillow()
    job = _received_job(requests, replies)
    if job is None:
        return
    for line in requests:
        start, stop = map(int, line.split())
        _reply(replies, _answer(job, start, stop, replies))


def _restrict_pillow() -> None:
    """Leave Pillow the formats that gantool reads, also for a plugin that opens by itself."""
    from PIL import AvifImagePlugin, Image

    from gantool.data.webp import open_within_limits

    Image.init()
    for name in set(Image.ID) - set(FORMATS):
        Image.ID.remove(name)
        Image.OPEN.pop(name)
    if "WEBP" in Image.OPEN:  # it may have been left out when Pillow was built
        Image.OPEN["WEBP"] = (open_within_limits, Image.OPEN["WEBP"][1])
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # every thread sets memory aside


def _received_job(requests: IO[bytes], replies: IO[str]) -> Job | None:
    """Unpickle the job, which comes from the parent and imports the source's plugin."""
    (length,) = struct.unpack("<Q", requests.read(8))
    content = requests.read(length)
    try:
        job: Job = pickle.loads(content)
    except Exception as error:  # whatever the import of a plugin raises
        _reply(replies, {"failure": ["import", f"{type(error).__name__}: {error}", None]})
        return None
    _reply(replies, {"done": []})
    return job


def _answer(job: Job, start: int, stop: int, replies: IO[str]) -> dict[str, object]:
    try:
        return {"done": job.run((start, stop), lambda number: _reply(replies, number))}
    except PluginError as error:
        return {"failure": ["plugin", error.message, error.hint]}
    except GantoolError as error:
        return {"failure": ["source", error.message, error.hint]}
    except OSError as error:
        return {"failure": ["disk", error.errno, error.strerror]}
    except Exception:  # a fault of this program: the parent raises it with this text
        return {"failure": ["fault", traceback.format_exc(), None]}


def _reply(replies: IO[str], answer: object) -> None:
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


if __name__ == "__main__":
    main()
