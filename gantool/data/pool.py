"""Processes that decode chunks side by side, and survive decoders that crash."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from gantool.data.decoding import CRASHED
from gantool.errors import DataError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.data.job import Chunk, DecodingJob, Skips

Result = tuple["Chunk", "Skips"]


class UnavailableError(Exception):
    """A worker could not be started, or is no longer wanted."""


class Pool:
    """Decodes chunks in several processes.

    Args:
        job: What to decode, and to where.
        workers: Number of processes.
    """

    def __init__(self, job: DecodingJob, workers: int) -> None:
        self._job = job
        self._workers = workers
        self._results: SimpleQueue[Result | BaseException | None] = SimpleQueue()
        self._stopping = Event()
        self._lock = Lock()
        self._running: set[Worker] = set()

    def run(self, chunks: Iterator[Chunk]) -> Iterator[Result]:
        """Yield each chunk when it is decoded, in no particular order.

        Chunks are left over when no worker could be started, for instance because the source
        cannot be pickled.

        Raises:
            DataError: When the source says that something is wrong.
            PluginError: When the source does what no source should.
            OSError: When the rows cannot be written.
        """
        try:
            job = pickle.dumps(self._job)
        except Exception:  # sources come from plugins and scripts; pickling fails in many ways
            return
        threads = [Thread(target=self._serve, args=(job, chunks)) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        try:
            yield from self._finished(len(threads))
        finally:
            self._stop()
            for thread in threads:
                thread.join()

    def _finished(self, running: int) -> Iterator[Result]:
        """Yield results until every thread has ended."""
        while running:
            result = self._results.get()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result

    def _serve(self, job: bytes, chunks: Iterator[Chunk]) -> None:
        """Keep one worker busy; runs in a thread, which mostly waits for its worker."""
        worker = Worker(job, self._stopping)
        self._running.add(worker)
        try:
            worker.start()
            while (chunk := self._next(chunks)) is not None:
                self._results.put((chunk, worker.decode(chunk)))
        except UnavailableError:
            pass  # what it left over is somebody else's
        except BaseException as error:
            self._results.put(error)
        finally:
            worker.stop()
            self._results.put(None)

    def _next(self, chunks: Iterator[Chunk]) -> Chunk | None:
        with self._lock:
            return None if self._stopping.is_set() else next(chunks, None)

    def _stop(self) -> None:
        self._stopping.set()
        for worker in list(self._running):
            worker.kill()


class Worker:
    """One process running `gantool.data.worker`, started anew when a decoder kills it."""

    def __init__(self, job: bytes, stopping: Event) -> None:
        self._job = job
        self._stopping = stopping
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and give it the job.

        Raises:
            UnavailableError: When it does not come up, or nobody wants it any longer.
        """
        self.stop()
        if self._stopping.is_set():
            raise UnavailableError
        try:
            self._process = subprocess.Popen(
                [sys.executable or "", "-P", "-m", "gantool.data.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        except OSError as error:
            raise UnavailableError from error
        if self._exchange(struct.pack("<Q", len(self._job)) + self._job) is None:
            self.stop()
            raise UnavailableError

    def decode(self, chunk: Chunk) -> Skips:
        """Decode a chunk; an image that kills the process is found by halving, and skipped.

        Raises:
            UnavailableError: When the process cannot be started again.
            DataError: When the source says that something is wrong.
            PluginError: When the source does what no source should.
            OSError: When the rows cannot be written.
        """
        start, stop = chunk
        answer = self._exchange(f"{start} {stop}\n".encode())
        if answer is not None:
            return _skips(answer)
        self.start()
        if stop - start == 1:
            return [(start, CRASHED)]
        middle = (start + stop) // 2
        return self.decode((start, middle)) + self.decode((middle, stop))

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

    def _exchange(self, request: bytes) -> dict[str, Any] | None:
        """Send a request and return the answer, or None when the process is dead."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None


def _environment() -> dict[str, str]:
    """Return the environment of a worker: the same imports, and one thread."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _skips(answer: dict[str, Any]) -> Skips:
    """Return what a worker skipped, or raise what stopped it."""
    if "failure" not in answer:
        return [(index, reason) for index, reason in answer["skips"]]
    kind, first, second = answer["failure"]
    if kind == "plugin":
        raise PluginError(first, second)
    if kind == "source":
        raise DataError(first, second)
    if kind == "disk":
        raise OSError(first, second)
    raise RuntimeError(f"a decoding process failed:\n{first}")
