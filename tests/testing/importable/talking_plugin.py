"""A plugin that greets whoever imports it."""

from __future__ import annotations

print("hello")
