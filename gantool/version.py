"""The version of this distribution, known without asking the package's metadata."""

from __future__ import annotations

VERSION = "0.1.0"
