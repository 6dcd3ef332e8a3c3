"""What regularizers do before training: to networks and to optimizers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import NonNegativeInt
from torch import Tensor, nn
from typing_extensions import override

from gantool import Player, PlayerOption, PluginError, Regularizer
from gantool_dcgan.plugin import DCGAN
from gantool_weight_decay.plugin import L2
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import DiscriminatorStep, Setup
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick


class FreezeD(PlayerOption, Regularizer):
    """Keep the first blocks as they are (Mo et al. 2020)."""

    name = "freeze-d"
    strength = "blocks"

    blocks: NonNegativeInt = 1
    """Blocks that are not trained, counted from the image."""

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        for block in list(network.get_submodule("blocks").children())[: self.blocks]:
            block.requires_grad_(requires_grad=False)


class Normalized(nn.Module):
    """D / (|gradient of D| + |D|) instead of D."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.blocks = network, network.blocks

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        images = images if images.requires_grad else images.detach().requires_grad_()
        with torch.enable_grad():
            logits: Tensor = self.network(images, *([] if labels is None else [labels]))
            (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        norms: Tensor = slope.flatten(1).norm(dim=1)  # [N]
        return logits / (norms + logits.abs())


class GradientNormalization(PlayerOption, Regularizer):
    """Divide logits by the norm of their gradient (Wu et al. 2021, eq. 8)."""

    name = "gradient-normalization"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> nn.Module:
        return Normalized(network)


class Amsgrad(PlayerOption, Regularizer):
    """Keep the largest second moment (Reddi et al. 2018)."""

    name = "amsgrad"

    @override
    def optimizer_options(self, player: Player) -> Mapping[str, Any]:
        return {"amsgrad": True}


class OwnRate(Regularizer):
    """Ask for what belongs to the recipe's [optimizer]."""

    name = "own-rate"

    @override
    def optimizer_options(self, player: Player) -> Mapping[str, Any]:
        return {"lr": 1e-2}


class Rounding(Regularizer):
    """Hang a hook on the discriminator itself."""

    name = "rounding"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        if player == "discriminator":
            network.register_forward_hook(lambda *call: call[-1].round(decimals=1))

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        again = step.discriminate(step.real, step.real_labels)
        assert torch.equal(again, step.real_logits)
        return 0 * again.sum()


@pytest.mark.parametrize("component", [FreezeD, GradientNormalization, Amsgrad])
def test_the_interface_hosts_it_in_under_25_lines(component: type[Regularizer]) -> None:
    assert len(inspect.getsource(component).splitlines()) < 25


def test_frozen_blocks_stay_bitwise_and_keep_their_flags(train: Train) -> None:
    trainer = train(FreezeD(blocks=1), architecture=DCGAN(width=8, latent_dim=10))
    network = trainer.game.network("discriminator")
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    flags = {name: value.requires_grad for name, value in network.named_parameters()}
    frozen = {name for name in before if name.startswith("blocks.0.")}
    assert frozen
    assert {name for name, trained in flags.items() if not trained} == frozen
    for _ in range(2):
        trainer.one_step()
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]) == (name in frozen), name
        assert value.requires_grad == flags[name]
    assert all(value.requires_grad for value in trainer.game.network("generator").parameters())


def test_a_wrapper_is_trained_instead_of_the_network(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(GradientNormalization(), architecture=LinearPlayers())
    assert isinstance(trainer.game.network("discriminator"), Normalized)
    game = follow(trainer)
    wrapped = game.d.network

    def logits(images: Tensor) -> Tensor:
        values = wrapped(images)  # w x + b, whose gradient is w
        scaled: Tensor = values / (wrapped.to_logit.weight.norm() + values.abs())
        return scaled

    game.d = nn.Module()
    for step in range(3):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        real, fake = logits(game.real(step)), logits(game.g(z_d).detach())
        loss = -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean())
        game.descend(wrapped, loss)
        game.descend(game.g, -logits(game.g(z_g)).sigmoid().log().mean())
    theirs = trainer.game.network("discriminator").state_dict()
    ours = {f"network.{name}": value for name, value in wrapped.state_dict().items()}
    torch.testing.assert_close(dict(theirs), ours, rtol=0, atol=1e-12)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_optimizer_options_reach_the_named_players_optimizer(train: Train, player: Player) -> None:
    trainer = train(Amsgrad(player=player))
    trainer.one_step()
    for competitor in trainer.game.competitors.values():
        concerned = competitor.player == player
        assert competitor.optimizer.param_groups[0]["amsgrad"] == concerned
        state = competitor.optimizer.state[competitor.parameters[0]]
        assert ("max_exp_avg_sq" in state) == concerned


@pytest.mark.parametrize(
    ("regularizers", "optimizer", "message"),
    [
        ([Amsgrad()], "sgd", "regularizer 'amsgrad' sets 'amsgrad' of optimizer 'sgd'"),
        ([L2(), L2()], "adam", r"'l2-2' sets 'weight_decay' of optimizer 'adam'.*'l2' sets it too"),
        (
            [L2()],
            "adamw",
            "'weight_decay' of .* 'adamw'; the recipe's optimizer table sets it",
        ),
        ([OwnRate()], "adam", "regularizer 'own-rate' sets 'lr' of optimizer 'adam'"),
    ],
)
def test_options_an_optimizer_cannot_take_are_refused(
    train: Train, regularizers: list[Regularizer], optimizer: str, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        train(*regularizers, optimizer={"use": optimizer})


def test_two_decays_of_different_players_do_not_collide(train: Train) -> None:
    trainer = train(L2(weight_decay=0.1), L2(weight_decay=0.2, player="generator"))
    decays = {
        c.player: c.optimizer.param_groups[0]["weight_decay"]
        for c in trainer.game.competitors.values()
    }
    assert decays == {"discriminator": 0.1, "generator": 0.2}


def test_a_hook_on_the_network_itself_holds_for_every_call(train: Train) -> None:
    architecture = DCGAN(width=8, latent_dim=10, discriminator_norm="none")
    train(Rounding(), architecture=architecture).one_step()
