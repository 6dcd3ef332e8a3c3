"""Fixtures of the process that believes in CUDA, which `test_fake_cuda.py` starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.testing.harness.pretending import Watch


@pytest.fixture(scope="session")
def _cuda() -> None:
    from gantool.testing.harness.pretending import believe_in_cuda

    believe_in_cuda()


@pytest.fixture
def watch(_cuda: None) -> Iterator[Watch]:
    """Make all tensors of a test fake ones, and look at what is done with them."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from gantool.testing.harness.pretending import Watch

    here = torch.autograd.set_multithreading_enabled(False)  # other threads are not watched
    with here, FakeTensorMode(), Watch() as watching:
        yield watching
