"""Runs and networks to write as ONNX."""

from __future__ import annotations

from tests.exporting.conftest import finished, run, trained, wrap

__all__ = ["finished", "run", "trained", "wrap"]
