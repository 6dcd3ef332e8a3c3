"""The one place that puts a run together."""

from __future__ import annotations

from gantool.launch.benching import bench
from gantool.launch.opening import load
from gantool.launch.resuming import resume
from gantool.launch.running import dry_run, run

__all__ = ["bench", "dry_run", "load", "resume", "run"]
