"""Rows on the way, rows of classes, walks, and styles near their mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.evaluation.sampling.arrangements import Wanted, class_rows, interpolations, walk_frames
from gantool.evaluation.sampling.draws import LATENTS, to_pixels
from gantool.evaluation.sampling.generator import TrainedGenerator
from gantool.interfaces.dataset import ImageShape
from gantool.training.device.device import Device
from tests.linear_players import LinearPlayers


class Styled(nn.Module):
    """A generator with styles that are not centered: pictures show them."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.arange(max(1, classes)) / 10 + 0.3)

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return styles [N, 4]."""
        shift = self.shift[0] if labels is None else self.shift[labels][:, None]
        return latents * 0.2 + shift

    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images [N, 1, 2, 2]."""
        del labels
        return styles.view(-1, 1, 2, 2)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images."""
        return self.synthesis(self.mapping(latents, labels), labels)


SMALL = 8
"""Latents and labels are shown so many times smaller: images are in [-1, 1]."""


class Plain(nn.Module):
    """A generator that shows its latents, and its label in the first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images [N, 1, 2, 2]."""
        images = (latents * self.scale / SMALL).view(-1, 1, 2, 2)
        if labels is None:
            return images
        marked = images.clone()
        marked[:, 0, 0, 0] = labels / SMALL
        return marked


class Toy(TrainedGenerator):
    """Any network, ready to draw from."""

    name = "toy"
    step = 1
    image = ImageShape(1, 2, 2)
    latent_dim = 4
    averaged = False
    batch_statistics = "running"
    device = Device(torch.device("cpu"), layout=torch.contiguous_format)
    architecture = LinearPlayers()
    network: Any = None
    classes: tuple[str, ...] = ()

    def __init__(self, network: nn.Module, classes: tuple[str, ...] = ()) -> None:
        self.network, self.classes = network, classes


def test_rows_go_from_one_picture_to_the_next() -> None:
    toy = Toy(Plain())
    found = toy.generate(*interpolations(toy, 3, 5, seed=2)).view(3, 5, 4)
    ends = toy.sample(6, seed=2).view(3, 2, 4)
    assert torch.allclose(found[:, 0], ends[:, 0], atol=1e-6)
    assert torch.allclose(found[:, -1], ends[:, 1], atol=1e-6)
    assert (found.diff(dim=1).norm(dim=2) > 0).all()


def test_a_row_keeps_its_class() -> None:
    toy = Toy(Plain(), ("a", "b", "c"))
    rows = SMALL * toy.generate(*interpolations(toy, 12, 4, seed=2))[:, 0, 0, 0].view(12, 4)
    assert (rows == rows[:, :1]).all()
    assert set(rows.flatten().tolist()) == {0, 1, 2}
    assert (toy.generate(*interpolations(toy, 2, 4, label="c"))[:, 0, 0, 0] == 2 / SMALL).all()


def test_every_class_draws_the_same_latents() -> None:
    toy = Toy(Plain(), ("a", "b", "c"))
    rows = SMALL * toy.generate(*class_rows(toy, 5, seed=1)).view(3, 5, 4)
    assert rows[:, :, 0].tolist() == [[0.0] * 5, [1.0] * 5, [2.0] * 5]
    assert torch.equal(rows[0, :, 1:], rows[2, :, 1:])
    with pytest.raises(UsageError, match="knows no classes"):
        class_rows(Toy(Plain()), 5)


def test_a_walk_passes_the_seeds_pictures_and_keeps_its_class() -> None:
    toy = Toy(Plain(), ("a", "b", "c"))
    film = SMALL * toy.generate(*walk_frames(toy, 3, 8, seed=4))
    assert film.shape == (24, 1, 2, 2)
    assert torch.allclose(film[::8].view(3, 4)[:, 1:], toy.latents(3, 4)[:, 1:], atol=1e-6)
    assert len(set(film[:, 0, 0, 0].tolist())) == 1


@pytest.mark.parametrize("arrange", [interpolations, walk_frames])
def test_truncation_reaches_arrangements(arrange: Callable[..., Wanted]) -> None:
    toy = Toy(Plain())
    assert toy.generate(*arrange(toy, 2, 4)).abs().max() > 1 / SMALL
    assert toy.generate(*arrange(toy, 2, 4, truncation=0.01)).abs().max() < 0.05 / SMALL
    assert toy.sample(8, truncation=0.5).abs().max() <= 0.5 / SMALL
    assert torch.equal(toy.sample(8, truncation=9.0), toy.sample(8))


def test_pictures_are_drawn_some_at_a_time() -> None:
    toy = Toy(Plain(), ("a", "b", "c"))
    wanted = class_rows(toy, 50)
    chunks = list(toy.pixel_chunks(*wanted))
    assert [len(chunk) for chunk in chunks] == [64, 64, 22]
    assert np.array_equal(np.concatenate(chunks), to_pixels(toy.generate(*wanted)))


def test_styles_are_drawn_towards_the_mean_of_their_class() -> None:
    toy = Toy(Styled(3), ("a", "b", "c"))
    labels = torch.tensor([0, 1, 2])
    latents = toy.latents(3, 7, truncation=0.5)
    assert torch.equal(latents, toy.latents(3, 7))  # styles are truncated, latents are not
    means = torch.tensor([0.3, 0.4, 0.5])[:, None]  # [3, 1]
    slack = 5 * 0.2 / LATENTS**0.5
    for psi in (0.0, 0.5, 1.0):
        images = toy.generate(latents, labels, truncation=psi).view(3, 4)
        assert (images - (means + psi * 0.2 * latents)).abs().max() < slack
    unconditional = Toy(Styled(0))
    images = unconditional.sample(8, truncation=0.0).view(8, 4)
    assert torch.allclose(images, images[:1].expand(8, 4), atol=1e-6)
    assert (images - 0.3).abs().max() < slack


def test_nothing_cannot_be_drawn() -> None:
    toy = Toy(Plain())
    draws: tuple[Callable[[], Tensor], ...] = (
        lambda: toy.sample(0),
        lambda: toy.sample(-3),
        lambda: toy.draw(0),
        lambda: toy.generate(torch.empty(0, 4)),
        lambda: toy.generate(torch.zeros(2, 5)),
        lambda: toy.generate(torch.zeros(4)),
    )
    for draw in draws:
        with pytest.raises(UsageError) as caught:
            draw()
        assert caught.value.hint
