"""Spectral normalization against singular values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from gantool import Player
from gantool_dcgan.plugin import DCGAN
from gantool_spectral_norm.layers import normalize
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer

pytestmark = pytest.mark.quick

WEIGHT = "parametrizations.weight.original"


def as_matrix(module: nn.Module, weight: Tensor) -> Tensor:
    """Return a weight as outputs by all else (Miyato et al. 2018, section 2.1)."""
    if isinstance(module, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)


class Everything(nn.Module):
    """One layer of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(3, 5, 4),
                nn.ConvTranspose2d(3, 5, 4),
                nn.Linear(7, 3),
                nn.Embedding(6, 4),
                nn.Conv1d(2, 3, 3),
                nn.BatchNorm2d(4),
            ]
        )


def test_after_many_passes_every_matrix_has_the_largest_singular_value_one() -> None:
    torch.manual_seed(0)
    network = Everything().double()
    weights = [layer.get_parameter("weight").detach().clone() for layer in network.layers]
    normalize(network, power_iterations=1)
    for layer, weight in zip(network.layers, weights, strict=True):
        if isinstance(layer, nn.BatchNorm2d):
            assert not parametrize.is_parametrized(layer)
            continue
        for _ in range(300):  # reading the weight in training goes one iteration on
            found: Any = layer.weight
        largest = torch.linalg.svdvals(as_matrix(layer, weight)).max()
        torch.testing.assert_close(found.detach(), weight / largest, rtol=0, atol=1e-9)
        top = torch.linalg.svdvals(as_matrix(layer, found.detach())).max()
        assert float(top) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("iterations", [1, 3])
def test_a_pass_makes_so_many_power_iterations(iterations: int) -> None:
    torch.manual_seed(1)
    layer = nn.Linear(6, 4).double()
    weight = layer.weight.detach().clone()
    normalize(layer, power_iterations=iterations)
    v = layer.get_buffer("parametrizations.weight.0._v").clone()
    for _ in range(iterations):  # Miyato et al. 2018, algorithm 1
        u = weight @ v / (weight @ v).norm()
        v = weight.T @ u / (weight.T @ u).norm()
    expected = weight / (u @ weight @ v)
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=0, atol=1e-14)
    layer.eval()
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(layer.get_buffer("parametrizations.weight.0._v"), v)


def test_what_is_normalized_already_is_left_as_it_is() -> None:
    network = nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 3)), nn.Linear(3, 1))
    normalize(network, 2)
    normalize(network, 2)
    for layer in network:
        transforms: Any = layer.parametrizations
        assert len(transforms.weight) == 1


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_named_players_layers_and_no_others_are_normalized(
    build: Callable[..., Trainer], player: Player
) -> None:
    trainer = build(
        SpectralNorm(player=player),
        architecture=DCGAN(width=2, latent_dim=3),
        image={"size": 16},
        classes=3,
    )
    counts: dict[Player, int] = {
        "discriminator": 4,  # three convolutions and the class's weights
        "generator": 7,  # three convolutions, gains and shifts of two normalizations
    }
    for name, count in counts.items():
        network = trainer.game.network(name)
        layers = [
            module
            for module in network.modules()
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Embedding)
        ]
        assert len(layers) == count
        assert {parametrize.is_parametrized(layer) for layer in layers} == {name == player}


def test_training_keeps_the_norm_near_one(build: Callable[..., Trainer]) -> None:
    trainer = build(
        SpectralNorm(),
        architecture=DCGAN(width=4, latent_dim=3),
        image={"size": 16},
        optimizer={"use": "adam", "learning_rate": 4e-3},
    )
    network = trainer.game.network("discriminator").eval()
    before = {name: w.detach().clone() for name, w in network.named_parameters() if WEIGHT in name}
    network.train()
    for _ in range(8):
        trainer.one_step()
    network.eval()
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(before) == len(layers) == 3
    for layer in layers:
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1)).max()
        assert float(largest) == pytest.approx(1, abs=0.05)
    after = dict(network.named_parameters())
    assert not any(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("iterations", [0, -1, 1.5, "1", True])
def test_iterations_that_make_no_sense_are_refused(iterations: Any) -> None:
    with pytest.raises(ValidationError):
        SpectralNorm.model_validate({"power_iterations": iterations})
