"""The one place that puts a run together."""

from __future__ import annotations

from gantool.launch.running import dry_run, load, resume, run

__all__ = ["dry_run", "load", "resume", "run"]
