"""Weights in a box, and filters that are orthogonal or not."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from typing_extensions import override

from gantool import PlayerOption, Regularizer
from gantool_dcgan.plugin import DCGAN
from gantool_spectral_norm.plugin import SpectralNorm
from gantool_weight_constraints.filters import filters, overlap
from gantool_weight_constraints.plugin import Orthogonal, WeightClipping
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gantool import Player, Setup
    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick

IMAGE = {"size": 16}


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_clipping_keeps_every_weight_of_the_named_player_in_the_box(
    build: Callable[..., Trainer], player: Player
) -> None:
    trainer = build(
        WeightClipping(player=player, limit=0.02), architecture=DCGAN(width=4), image=IMAGE
    )
    for _ in range(2):
        trainer.one_step()
    for competitor in trainer.game.competitors.values():
        largest = max(weight.abs().max().item() for weight in competitor.network.parameters())
        assert (largest == 0.02) == (competitor.player == player)
        assert largest == 0.02 or largest > 0.5  # BatchNorm's scales are near 1


def test_clipping_is_the_update_and_then_the_clip(build: Callable[..., Trainer]) -> None:
    options: dict[str, Any] = {"architecture": LinearPlayers(depth=1)}
    plain, clipped = build(**options), build(WeightClipping(limit=0.15), **options)
    plain.one_step()
    clipped.one_step()
    pairs = zip(
        plain.game.network("discriminator").parameters(),
        clipped.game.network("discriminator").parameters(),
        strict=True,
    )
    for free, boxed in pairs:
        assert torch.equal(free.clamp(-0.15, 0.15), boxed)


class FrozenHead(PlayerOption, Regularizer):
    """Keep the discriminator's head as it is."""

    name = "frozen-head"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        network.get_submodule("to_logit").requires_grad_(requires_grad=False)


def test_clipping_leaves_frozen_weights_alone(build: Callable[..., Trainer]) -> None:
    trainer = build(FrozenHead(), WeightClipping(limit=0.001), architecture=LinearPlayers(depth=1))
    network = trainer.game.network("discriminator")
    head = network.get_parameter("to_logit.weight").clone()
    trainer.one_step()
    assert torch.equal(network.get_parameter("to_logit.weight"), head)
    assert network.get_parameter("blocks.0.0.weight").abs().max() == 0.001


def plain_overlap(rows: NDArray[np.float64], variant: str) -> float:
    """Sum over all pairs of filters, one pair at a time."""
    total = 0.0
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            if i != j:
                total += float(one @ other) ** 2
            elif variant == "full":
                total += (float(one @ one) - 1) ** 2
    return total


@pytest.mark.parametrize("variant", ["off-diagonal", "full"])
@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4), (1, 5)])
def test_overlap_is_the_sum_over_pairs_of_filters(variant: str, shape: tuple[int, int]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = overlap(weight, full=variant == "full").item()
    assert found == pytest.approx(plain_overlap(weight.numpy(), variant), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3)])
@pytest.mark.parametrize("full", [False, True])
def test_overlap_is_differentiable(shape: tuple[int, int], full: bool) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda rows: overlap(rows, full=full), weight.requires_grad_(True), raise_exception=True
    )


def test_orthogonal_rows_cost_nothing_and_of_length_one_nothing_at_all() -> None:
    basis = torch.linalg.qr(
        torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).Q[:4]
    assert overlap(basis, full=True) < 1e-24
    assert overlap(3 * basis, full=False) < 1e-24
    assert overlap(3 * basis, full=True).item() == pytest.approx(4 * 64)


def test_filters_are_what_makes_one_output_channel() -> None:
    source = torch.Generator().manual_seed(1)
    layers = [
        nn.Linear(3, 2),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.ConvTranspose2d(4, 6, 3, groups=2, stride=2, padding=1),
    ]
    network = nn.ModuleList([*layers, nn.BatchNorm2d(6), nn.Embedding(5, 4)]).double()
    found = list(filters(network))
    assert [tuple(rows.shape) for rows in found] == [(2, 3), (6, 18), (6, 18)]
    for layer, rows in zip(layers, found, strict=True):
        shape = (1, 3) if isinstance(layer, nn.Linear) else (1, 4, 5, 5)
        outputs = layer(torch.randn(shape, generator=source, dtype=torch.float64))
        for channel in range(len(rows)):
            whole = outputs[0, channel].sum()
            (slope,) = torch.autograd.grad(whole, layer.get_parameter("weight"), retain_graph=True)
            of_slope = copy.deepcopy(layer)
            of_slope.weight = nn.Parameter(slope)
            (touched,) = filters(nn.Sequential(of_slope))
            assert touched.abs().sum(1).nonzero().flatten().tolist() == [channel]


def test_filters_are_taken_before_a_spectral_norm_which_does_not_move() -> None:
    layer = parametrizations.spectral_norm(nn.Linear(3, 2))
    vector = layer.get_buffer("parametrizations.weight.0._u").clone()
    (rows,) = filters(nn.Sequential(layer))
    assert torch.equal(rows, layer.get_parameter("parametrizations.weight.original"))
    assert torch.equal(layer.get_buffer("parametrizations.weight.0._u"), vector)


def test_frozen_filters_are_left_out() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4))
    network[0].requires_grad_(False)
    (rows,) = filters(network)
    assert rows.shape == (4, 2)


def test_filters_of_a_split_weight_are_those_of_the_weight_itself() -> None:
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    (rows,) = filters(nn.Sequential(layer))
    assert torch.equal(rows, layer.weight)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("variant", ["off-diagonal", "full"])
def test_the_engine_penalizes_the_named_player_alone(
    build: Callable[..., Trainer],
    player: Player,
    variant: Literal["off-diagonal", "full"],
) -> None:
    regularizer = Orthogonal(player=player, variant=variant, beta=0.3)
    trainer = build(regularizer, architecture=LinearPlayers(depth=2))
    expected = sum(
        plain_overlap(weight.detach().numpy(), variant)
        for name, weight in trainer.game.network(player).named_parameters()
        if name.endswith("weight")
    )
    trainer.one_step()
    figures = trainer.game.totals.means()
    assert figures["penalty/orthogonal"] == pytest.approx(0.3 * expected, rel=1e-12)
    plain = build(architecture=LinearPlayers(depth=2))
    plain.one_step()
    changed = {
        competitor.player
        for competitor in trainer.game.competitors.values()
        for name, weight in competitor.network.named_parameters()
        if not torch.equal(weight, plain.game.network(competitor.player).get_parameter(name))
    }
    # the generator plays against the discriminator that its penalty has changed
    assert changed == ({"generator"} if player == "generator" else {"discriminator", "generator"})


def test_its_gradient_agrees_with_differences(bench: Callable[..., Bench]) -> None:
    for variant in ("off-diagonal", "full"):
        regularizer = Orthogonal(player="discriminator", variant=variant, beta=1.0)
        set_up = bench(regularizer, architecture=LinearPlayers(depth=2))
        assert set_up.slope_error(real=set_up.images()) < 1e-6


def test_both_work_beside_spectral_norm_and_resume(
    build: Callable[..., Trainer], continues: Callable[..., bool]
) -> None:
    def make() -> Trainer:
        regularizers: list[Regularizer] = [
            SpectralNorm(),
            WeightClipping(limit=0.1),
            Orthogonal(player="discriminator"),
            Orthogonal(),
        ]
        return build(*regularizers, architecture=DCGAN(width=4), image=IMAGE)

    assert continues(make, 2)


def test_a_beta_of_zero_leaves_every_bit(
    build: Callable[..., Trainer], bits_of: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def run(*regularizers: Regularizer) -> dict[str, bytes]:
        trainer = build(*regularizers, architecture=DCGAN(width=4), image=IMAGE)
        for _ in range(2):
            trainer.one_step()
        return bits_of(trainer)

    assert run(Orthogonal(beta=0.0)) == run()
