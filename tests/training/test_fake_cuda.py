"""Nothing in a step is wrong on a GPU, as far as that can be found out without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils import backend_registration

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "fake_cuda"
FILES = [str(FOLDER / name) for name in ("steps.py", "unusual_steps.py", "mistakes.py")]


@pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch cannot be made to believe in a GPU",
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, which does not need faking")
def test_steps_on_fake_cuda_tensors() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "--tb=short", *FILES],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
