"""The versions of this distribution and of its interfaces, known without asking its metadata."""

from __future__ import annotations

VERSION = "0.1.0"
INTERFACE_VERSION = 1
"""Version of what plugins use of gantool; moves only when one written for the last may break."""
OLDEST_INTERFACE = 1
"""The oldest version whose plugins still work: `INTERFACE_VERSION` or the one before, or older."""
