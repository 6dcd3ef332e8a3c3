"""A process that decodes chunks: `python -m gantool.data.worker`, fed by `gantool.data.pool`.

It is a program of its own, not a `multiprocessing` child: those import the parent's main module
again, which starts a script without a main guard a second time. It inherits no torch, no locks
and no CUDA, and ends with its standard input when the parent dies, however that happens.

It reads a length (8 bytes), a pickled `DecodingJob` of that length, then lines "START STOP".
It answers each with a line of JSON: {"skips": [[index, reason], …]} or {"failure": …}.
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

if TYPE_CHECKING:
    from gantool.data.job import DecodingJob


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a plugin or a decoder prints must not get between the replies
    requests = sys.stdin.buffer
    job = _received_job(requests, replies)
    for line in requests:
        start, stop = map(int, line.split())
        _reply(replies, _answer(job, start, stop))


def _received_job(requests: IO[bytes], replies: IO[str]) -> DecodingJob:
    """Unpickle the job, which comes from the parent and imports the source's plugin."""
    (length,) = struct.unpack("<Q", requests.read(8))
    job: DecodingJob = pickle.loads(requests.read(length))
    _reply(replies, {"skips": []})
    return job


def _answer(job: DecodingJob, start: int, stop: int) -> dict[str, object]:
    try:
        return {"skips": job.run((start, stop))}
    except PluginError as error:
        return {"failure": ["plugin", error.message, error.hint]}
    except GantoolError as error:
        return {"failure": ["source", error.message, error.hint]}
    except OSError as error:
        return {"failure": ["disk", error.errno, error.strerror]}
    except Exception:  # a fault of this program: the parent raises it with this text
        return {"failure": ["fault", traceback.format_exc(), None]}


def _reply(replies: IO[str], answer: dict[str, object]) -> None:
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


if __name__ == "__main__":
    main()
