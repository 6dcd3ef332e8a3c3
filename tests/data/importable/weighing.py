"""A job that also tells the most memory that its process has held, in MiB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.data.prepare.job import DecodingJob

if TYPE_CHECKING:
    from gantool.data.prepare.job import Chunk, Starting


class WeighingJob(DecodingJob):
    """Decodes images one by one, in a process that has decoded others before."""

    def run(self, chunk: Chunk, starting: Starting) -> list[Any]:
        skips = super().run(chunk, starting)
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return [(skips, int(line.split()[1]) / 1024)]
