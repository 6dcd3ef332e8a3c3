"""The one place that puts a run together."""

from __future__ import annotations

from gantool.launch.benchmarking import bench
from gantool.launch.resuming import resume
from gantool.launch.running import dry_run, load, run

__all__ = ["bench", "dry_run", "load", "resume", "run"]
