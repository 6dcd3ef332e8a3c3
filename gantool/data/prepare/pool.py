"""Processes that decode images side by side, and survive decoders that crash.

A `Pool` feeds workers: `python -m gantool.data.prepare.pool`. A worker is a program of its own, not
a `multiprocessing` child: those import the parent's main module again, which starts a script
without a main guard a second time. It inherits no torch, no locks and no CUDA, and ends with its
standard input when the parent dies, however that happens.

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
import subprocess
import sys
import traceback
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import IO, TYPE_CHECKING, Any

from gantool.data.prepare.decoding import CRASHED, TOO_SLOW
from gantool.data.prepare.limits import restrict_pillow
from gantool.errors import DataError, GantoolError, PluginError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gantool.data.prepare.job import Chunk, Job

Result = tuple["Chunk", list[Any]]

FAILURES = {"source": DataError, "plugin": PluginError, "disk": OSError}
"""Errors of a worker that are raised again, by what its answer calls them."""


class UnavailableError(Exception):
    """A worker could not be started, or is no longer wanted."""


class Pool:
    """Processes that do a job."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._workers = workers
        self._chunks: Iterator[Chunk] = iter(())
        self._content = b""
        self._results: SimpleQueue[Result | BaseException | None] = SimpleQueue()
        self._stopping = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._running: set[Worker] = set()

    def run(self, chunks: Iterator[Chunk]) -> Generator[Result]:
        """Yield each chunk when it is done, in no particular order, with what the job says of it.

        Raises:
            DataError: When the source says that something is wrong.
            PluginError: When the source misbehaves, or cannot be sent to another process.
            GantoolError: When no process can be started.
            OSError: When the rows cannot be written.
        """
        try:
            self._content = pickle.dumps(self._job)
        except Exception as error:  # sources come from plugins; pickling fails in many ways
            raise _cannot_be_sent(self._job, f"{type(error).__name__}: {error}") from error
        self._chunks = chunks
        try:
            self.grow(self._workers)
            yield from self._finished()
        finally:
            self._stopping.set()
            for worker in list(self._running):
                worker.kill()
            for thread in self._threads:
                thread.join()

    def grow(self, workers: int) -> None:
        """Start processes, up to so many; they work only while `run` goes on."""
        for _ in range(len(self._threads), workers):
            thread = Thread(target=self._serve)
            self._threads.append(thread)
            thread.start()

    def _finished(self) -> Iterator[Result]:
        """Yield results until every thread has ended."""
        ended, unavailable = 0, None
        while ended < len(self._threads):
            result = self._results.get()
            if result is None:
                ended += 1
            elif isinstance(result, UnavailableError):
                unavailable = result  # others may do the work
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
        if unavailable is not None and next(self._chunks, None) is not None:
            raise GantoolError(f"cannot start a process to decode images in: {unavailable}")

    def _serve(self) -> None:
        """Keep one worker busy; runs in a thread, which mostly waits for its worker."""
        worker = Worker(self._job, self._content, self._stopping)
        self._running.add(worker)
        try:
            worker.start()
            while (chunk := self._next()) is not None:
                self._results.put((chunk, worker.work(chunk)))
        except BaseException as error:
            self._results.put(error)
        finally:
            worker.stop()
            self._results.put(None)

    def _next(self) -> Chunk | None:
        with self._lock:
            return None if self._stopping.is_set() else next(self._chunks, None)


class Worker:
    """One process running `gantool.data.prepare.pool`, started anew when a decoder ends it."""

    def __init__(self, job: Job, content: bytes, stopping: Event) -> None:
        self._job = job
        self._content = content
        self._stopping = stopping
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and give it the job."""
        self.stop()
        if self._stopping.is_set():
            raise UnavailableError
        try:
            self._process = subprocess.Popen(
                [sys.executable or "", "-P", "-m", "gantool.data.prepare.pool"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        except OSError as error:
            raise UnavailableError(str(error)) from error
        answer, _ = self._exchange(struct.pack("<Q", len(self._content)) + self._content)
        if answer is None:
            self.stop()
            raise UnavailableError("it ended at once")
        self._said(answer)

    def work(self, chunk: Chunk) -> list[Any]:
        """Do the job for a chunk; an image that ends the process costs only itself."""
        start, stop = chunk
        said: list[Any] = []
        while start < stop:
            answer, last = self._exchange(f"{start} {stop}\n".encode())
            if answer is not None:
                return said + self._said(answer)
            culprit = start if last is None else last
            reason = self._reason()
            self._restart()
            said += self.work((start, culprit))  # its answer on those before the culprit is lost
            said += self._job.lost(culprit, reason)
            start = culprit + 1
        return said

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer gets none."""
        if (process := self._process) is not None:
            process.kill()

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process is None:
            return
        with self._process as process, suppress(BrokenPipeError):
            process.kill()  # it holds nothing: its rows are written before it answers
        self._process = None

    def _restart(self) -> None:
        try:
            self.start()
        except UnavailableError as error:
            if self._stopping.is_set():
                raise
            raise GantoolError(f"cannot start a process to decode images in: {error}") from error

    def _reason(self) -> str:
        assert self._process is not None
        out_of_time = -signal.SIGPROF if hasattr(signal, "SIGPROF") else 1
        slow = self._process.wait() == out_of_time
        return TOO_SLOW.format(self._job.limits.seconds) if slow else CRASHED

    def _exchange(self, request: bytes) -> tuple[dict[str, Any] | None, int | None]:
        """Return the answer, None when the process is dead, and the image it was about to read."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        last = None
        with suppress(OSError):
            self._process.stdin.write(request)
            self._process.stdin.flush()
            while (line := self._process.stdout.readline()).endswith(b"\n"):
                message = json.loads(line)
                if isinstance(message, dict):
                    return message, last
                last = message
        return None, last

    def _said(self, answer: dict[str, Any]) -> list[Any]:
        """Return what a worker says of its images, or raise what stopped it."""
        if "failure" not in answer:
            done: list[Any] = answer["done"]
            return done
        kind, first, second = answer["failure"]
        if kind in FAILURES:
            raise FAILURES[kind](first, second)
        if kind == "import":
            raise _cannot_be_sent(self._job, first)
        raise RuntimeError(f"a decoding process failed:\n{first}")


def _environment() -> dict[str, str]:
    """Return the environment of a worker: the same imports, and one thread."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _cannot_be_sent(job: Job, reason: str) -> PluginError:
    title = getattr(job.source, "title", "an image source")
    return PluginError(
        f"the images of {title} cannot be sent to the process that decodes them: {reason}",
        "a source is pickled as paths and options, from a module that can be imported",
    )


def main() -> None:
    """Work as a process of a pool: answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a plugin or a decoder prints must not get between the replies
    requests = sys.stdin.buffer
    restrict_pillow()
    (length,) = struct.unpack("<Q", requests.read(8))
    content = requests.read(length)
    try:
        job: Job = pickle.loads(content)  # imports the source's plugin
    except Exception as error:  # whatever that raises
        _reply(replies, {"failure": ["import", f"{type(error).__name__}: {error}", None]})
        return
    _reply(replies, {"done": []})
    for line in requests:
        start, stop = map(int, line.split())
        _reply(replies, _answer(job, start, stop, replies))


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
