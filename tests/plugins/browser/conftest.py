"""Runs and networks to make pages of."""

from __future__ import annotations

from tests.exporting.conftest import finished, run, trained, wrap

__all__ = ["finished", "run", "trained", "wrap"]
