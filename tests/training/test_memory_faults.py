"""Faults of memory are told from others, and are no fault of the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from gantool.recipe.schema import CheckpointsTable
from gantool.runs.checkpoints import Checkpoints
from gantool.training.device.device import is_memory_fault, peak_in_words
from gantool.training.state.saving import Saver

if TYPE_CHECKING:
    from pathlib import Path


def test_faults_of_memory_are_recognized() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_memory_fault(caught.value)
    assert is_memory_fault(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_memory_fault(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    assert is_memory_fault(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert is_memory_fault(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2) @ torch.ones(3)
    assert not is_memory_fault(caught.value)
    assert not is_memory_fault(RuntimeError("PytorchStreamWriter failed writing file"))
    assert peak_in_words(torch.device("cpu")) == ""


def test_a_save_without_memory_is_no_failing_disk(tmp_path: Path) -> None:
    def gather() -> dict[str, Any]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    saver = Saver(Checkpoints(tmp_path, "mine"), CheckpointsTable(), last_step=1)
    with pytest.raises(torch.OutOfMemoryError):
        saver.save(2, gather)
