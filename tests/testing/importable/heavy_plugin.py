"""A plugin that imports torch when it is imported."""

from __future__ import annotations

import torch

ONE = torch.ones(())
