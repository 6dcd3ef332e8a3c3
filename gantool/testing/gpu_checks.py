"""Promises of components about training on a GPU, as far as they can be tried without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.testing.pretend_gpu.asking import require_gpu_training
from gantool.testing.promises import promise

if TYPE_CHECKING:
    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.loss import Loss
    from gantool.interfaces.regularizer import Regularizer
    from gantool.testing.subject import Subject


@promise("architecture")
@promise("loss")
@promise("regularizer")
def works_on_a_gpu(subject: Subject[Architecture | Loss | Regularizer]) -> None:
    """On a GPU that is pretended, all of a step is there, and nothing waits for its numbers."""
    require_gpu_training(subject.example())
