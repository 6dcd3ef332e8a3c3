"""Limits of decoding one file: formats, processor time and memory, which the system enforces."""

from __future__ import annotations

import faulthandler
import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from gantool.interfaces.dataset import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MEGABYTE = 10**6
MOST_PER_PIXEL = 20
"""Bytes of memory that decoding and converting take for a pixel, in the costliest format."""
LEAST_PER_PIXEL = {"WEBP": 16, "JPEG2000": 16, "AVIF": 8, "HEIF": 8}
"""Bytes of memory that decoding takes for a pixel at least; 4 in other formats."""
COEFFICIENT = 2
"""Bytes of a coefficient of a progressive JPEG, all of which are held at once."""
OUT_OF_MEMORY = "out of memory"
"""What Pillow says where a decoder is refused memory."""
HEAD = 30
BYTES_PER_PIXEL = 8
"""What opening takes: two canvases of its decoder of animations."""


class UnusableError(Exception):
    """An image that may be whole, and cannot be used all the same; the message is the reason."""


@dataclass(frozen=True)
class Limits:
    """Limits of what one file may cost.

    A file that says little may not ask for much: beyond `megabytes`, memory is in proportion to
    its own size. Time is enforced wherever gantool runs, memory on Linux; elsewhere an image is
    refused by what its header says.

    Attributes:
        seconds: Of processor time, and on Windows of time.
        megabytes: Of memory, for any file.
        per_byte: Times its own size, for a large one.
    """

    seconds: float = 5.0
    megabytes: float = 160.0
    per_byte: float = 150.0

    @contextmanager
    def applied(self) -> Iterator[Allowance]:
        """Enforce them in this process, which the system ends when time is up."""
        allowance = Allowance(self)
        with _timed(self.seconds):
            allowance.enforce()
            _stack.append(allowance)
            try:
                yield allowance
            finally:
                _stack.pop()
                allowance.lift()


_stack: list[Allowance] = []
"""At its end, the memory that the file at hand may take; empty without limits."""


class Allowance:
    """The memory that the file at hand may take."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.size = limits.megabytes * MEGABYTE
        self.enforced = _held() is not None

    @property
    def exceeded(self) -> str:
        """Return the reason for refusing an image that needs more."""
        return f"takes more than {self.size / MEGABYTE:.0f} MB to decode"

    def has_refused(self, error: Exception) -> bool:
        """Whether a decoder failed because of it."""
        return self.enforced and (isinstance(error, MemoryError) or OUT_OF_MEMORY in str(error))

    def suit(self, image: Image, file_bytes: int) -> None:
        """Widen it for an image that was opened, if its file is large."""
        self.widen(image.width * image.height, file_bytes, least=_least(image))

    def widen(self, pixels: int, file_bytes: int, *, least: int) -> None:
        """Widen it for an image of so many pixels, if its file is large."""
        worth = min(self._limits.per_byte * file_bytes, MOST_PER_PIXEL * pixels)
        self.size = max(self.size, worth)
        if least > self.size:
            raise UnusableError(self.exceeded)
        self.enforce()

    def enforce(self) -> None:
        """Let the system refuse any memory beyond it."""
        if (held := _held()) is not None:
            _set_limit(held + int(self.size))

    def lift(self) -> None:
        """Lift the limit again."""
        if self.enforced:
            _set_limit(None)


def _least(image: Image) -> int:
    """Return the bytes that decoding takes at least."""
    pixels = image.width * image.height
    if image.format not in ("JPEG", "MPO"):
        each = 1 if image.mode in ("1", "L", "P") else 4
        return pixels * LEAST_PER_PIXEL.get(image.format or "", each)
    layers = getattr(image, "layer", ())  # (name, horizontal and vertical factor, table)
    if not image.info.get("progressive") or not layers:
        return 0  # decoded line by line
    widest, highest = max(layer[1] for layer in layers), max(layer[2] for layer in layers)
    shares = [layer[1] * layer[2] / (widest * highest) for layer in layers]
    return int(COEFFICIENT * pixels * sum(shares))


@contextmanager
def _timed(seconds: float) -> Iterator[None]:
    """End this process when time is up, also inside a decoder."""
    if not hasattr(signal, "setitimer"):  # Windows
        faulthandler.dump_traceback_later(seconds, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
        return
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _held() -> int | None:
    """Return the bytes of private memory that this process has; None where it is unknown."""
    with suppress(OSError):
        status = _status(os.getpid())
        os.lseek(status, 0, os.SEEK_SET)
        return int(os.read(status, 256).split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return None


@lru_cache(maxsize=1)
def _status(process: int) -> int:
    """Open the file on a process's memory, once: every image reads it."""
    return os.open(f"/proc/{process}/statm", os.O_RDONLY)


def _set_limit(size: int | None) -> None:
    """Limit the private memory of this process in bytes, or lift the limit."""
    import resource  # not on Windows

    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = most if size is None else size
    if most != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > most):
        soft = most
    resource.setrlimit(resource.RLIMIT_DATA, (soft, most))


def restrict_pillow() -> None:
    """Leave Pillow only the formats that gantool reads, whoever opens images."""
    from PIL import AvifImagePlugin, Image

    Image.init()
    for name in set(Image.ID) - set(FORMATS):
        Image.ID.remove(name)
        Image.OPEN.pop(name)
    if "WEBP" in Image.OPEN:  # it may have been left out when Pillow was built
        Image.OPEN["WEBP"] = (open_within_limits, Image.OPEN["WEBP"][1])
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # every thread sets memory aside


def open_within_limits(file: IO[bytes], name: str | bytes | None = None) -> ImageFile:
    """Open a WebP image, in place of Pillow's own `WebPImageFile`."""
    from PIL.WebPImagePlugin import WebPImageFile

    if _stack:
        start = file.tell()
        width, height = stated_size(file.read(HEAD))
        pixels, size = width * height, file.seek(0, os.SEEK_END)
        file.seek(start)
        _stack[-1].widen(pixels, size, least=BYTES_PER_PIXEL * pixels)
    return WebPImageFile(file, name)


def stated_size(head: bytes) -> tuple[int, int]:
    """Return width and height as the first 30 bytes of a file say, or zeros.

    See https://developers.google.com/speed/webp/docs/riff_container and RFC 6386, section 9.1.
    """
    kind = head[12:16]
    if kind == b"VP8X":  # 24 bits each, one less
        return 1 + _number(head[24:27]), 1 + _number(head[27:30])
    if kind == b"VP8L":  # 14 bits each, one less, after a byte of signature
        bits = _number(head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":  # 14 bits each, then two of scale
        return _number(head[26:28]) & 0x3FFF, _number(head[28:30]) & 0x3FFF
    return 0, 0


def _number(text: bytes) -> int:
    return int.from_bytes(text, "little")
