from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import pytest

from gantool.reporting.console.messages import LastingStream

TALKATIVE = """
import sys
from gantool.reporting.console.messages import say
from gantool.reporting.console.messages import open_console

console = open_console()
for number in range(200):
    say(console, "a line that nobody reads")
print("saved", flush=True)
print("more", file=sys.stderr)
sys.exit(130)
"""


def test_a_reader_that_is_gone_stops_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", TALKATIVE],
            stdout=subprocess.PIPE,
            stderr=write,
            check=False,
            text=True,
        )
    finally:
        os.close(write)
    assert ended.stdout == "saved\n"
    assert ended.returncode == 130


class Refusing(io.StringIO):
    """A stream that fails as it is told to."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.asked = 0

    def fileno(self) -> int:
        self.asked += 1
        raise OSError(errno.EBADF, "not a file")

    def write(self, text: str) -> int:
        raise OSError(self.number, "refused")

    def flush(self) -> None:
        raise OSError(self.number, "refused")


@pytest.mark.parametrize(
    ("number", "gone"), [(errno.EPIPE, True), (errno.EIO, True), (errno.EAGAIN, False)]
)
def test_only_a_reader_that_is_gone_is_given_up(number: int, gone: bool) -> None:
    refusing = Refusing(number)
    stream = LastingStream(refusing)
    assert stream.write("text") == 4
    stream.flush()
    assert refusing.asked == (2 if gone else 0)  # for the descriptor, to lead it elsewhere


def test_the_console_is_on_stderr_and_known_to_be_no_terminal() -> None:
    code = (
        "from gantool.reporting.console.messages import is_live, open_console\n"
        "console = open_console()\n"
        "console.print(is_live(console), console.encoding, console.file.fileno())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert ended.stdout == ""
    assert ended.stderr == "False utf-8 2\n"
