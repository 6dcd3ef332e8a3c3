"""A plugin that states its interface where it is read too late."""

from __future__ import annotations

gantool_interface = 1
