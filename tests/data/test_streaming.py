"""Streamed batches are the resident ones, whatever order they are asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import pytest
import torch

from gantool.data.batches import AHEAD, Batches, Stream, send
from gantool.data.selection import MappedPixels

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

CPU = torch.device("cpu")


@pytest.fixture
def pixels(tmp_path: Path) -> MappedPixels:
    """Return 20 of 40 images in an array on disk, in an order of their own."""
    random = np.random.default_rng(0)
    path = tmp_path / "images.npy"
    np.save(path, random.integers(0, 256, (40, 6, 4, 3), dtype=np.uint8))
    return MappedPixels(np.load(path, mmap_mode="r"), random.permutation(40)[:20])


def portioned(images: Tensor | Stream, part: tuple[int, int] = (0, 1)) -> Batches:
    def order(epoch: int, count: int) -> Tensor:
        return torch.randperm(count, generator=torch.Generator().manual_seed(epoch))

    return Batches(images, None, size=8, keep_last=True, order=order, part=part)


@pytest.mark.parametrize("part", [(0, 1), (1, 2)])
def test_streamed_batches_are_the_resident_ones(
    pixels: MappedPixels, part: tuple[int, int]
) -> None:
    resident, streamed = portioned(pixels[:], part), portioned(Stream(pixels, CPU), part)
    assert (streamed.count, streamed.per_epoch, streamed.images_per_epoch) == (20, 3, 20)
    for number in (0, 1, 2, 3, 4, 5, 2, 3, 9, 8):  # a rollback, and a resume
        found, expected = streamed.batch(number), resident.batch(number)
        assert torch.equal(found.images, expected.images)
        assert found.rows == expected.rows


def test_batches_are_read_ahead_in_another_thread(pixels: MappedPixels) -> None:
    threads, numbers, read = set(), [], threading.Semaphore(0)

    class Watched(MappedPixels):
        def __getitem__(self, rows: slice | list[int] | Tensor, /) -> Tensor:
            threads.add(threading.current_thread().name)
            read.release()
            return super().__getitem__(rows)

    def indices(number: int) -> Tensor:
        numbers.append(number)
        return torch.arange(2)

    watched = Watched(pixels._images, pixels._chosen)
    stream = Stream(watched, CPU)
    stream.take(5, indices)
    for _ in range(1 + AHEAD):
        assert read.acquire(timeout=60)  # though only one was asked for
    assert numbers == [5, 6, 7, 8][: 1 + AHEAD]
    assert threading.current_thread().name not in threads


def test_what_goes_wrong_in_the_thread_is_told_to_the_training(pixels: MappedPixels) -> None:
    stream = Stream(pixels, CPU)
    with pytest.raises(IndexError):
        stream.take(0, lambda number: torch.tensor([number + 100]))


def test_mapped_pixels_are_read_like_a_tensor(pixels: MappedPixels) -> None:
    whole = pixels[:]
    assert whole.shape == pixels.shape == (20, 6, 4, 3)
    assert torch.equal(pixels[3:5], whole[3:5])
    assert torch.equal(pixels[[4, 0]], whole[[4, 0]])
    assert torch.equal(pixels[torch.tensor([7, 7])], whole[[7, 7]])
    pixels[:1].zero_()  # a copy: what is prepared stays
    assert torch.equal(pixels[:1], whole[:1])


class Copied:
    """Remembers how it was asked to be copied."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.pinned = False
        self.asked: list[bool] = []

    def pin_memory(self) -> Self:
        self.pinned = True
        return self

    def to(self, device: torch.device, *, non_blocking: bool) -> None:
        del device
        self.asked.append(non_blocking)


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
def test_only_copies_to_cuda_are_pinned_and_not_waited_for(kind: str) -> None:
    tensor = Copied()
    send(cast("Tensor", tensor), torch.device(kind))
    assert tensor.pinned == (kind == "cuda")
    assert tensor.asked == [kind == "cuda"]
