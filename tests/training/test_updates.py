"""How many updates a step has, which images and fakes they use, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import DiscriminatorStep, Loss, PluginError, Regularizer, Setup, Step, Update
from gantool.training.observers import Observer, Record
from gantool.training.players import Turn
from gantool_losses.plugin import BCE, Hinge

if TYPE_CHECKING:
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick

Follow = Callable[["Trainer"], "PlainGame"]


class Relativistic(Loss):
    """Compares each fake with each real image (Jolicoeur-Martineau 2019, section 4.1)."""

    name = "relativistic"
    needs_real_in_generator = True

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -(real - fake).sigmoid().log()

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return -(fake - real).sigmoid().log()


class Alone(Loss):
    """Asserts that no real logits come along unasked."""

    name = "alone"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is None
        return -fake


class Misshapen(Loss):
    """Returns terms of a wrong shape for one player."""

    name = "misshapen"

    player: Literal["discriminator", "generator"]
    """Whose terms."""
    shape: Literal["column", "scalar"]
    """Which shape."""

    def bend(self, terms: Tensor, player: str) -> Tensor:
        if player != self.player:
            return terms
        return terms[:, None] if self.shape == "column" else terms.mean()

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.bend(fake - real, "discriminator")

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return self.bend(-fake, "generator")


class Unsummed(Regularizer):
    """Forgets to take the mean."""

    name = "unsummed"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.real_logits.square()


class Halving(Regularizer):
    """Returns weights of mean 1/2."""

    name = "halving"

    @override
    def sample_weights(self, step: Step) -> Tensor:
        return torch.full_like(step.fake_logits, 0.5)


class Watching(Observer):
    """Keeps what it is told."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[int] = []
        self.records: list[Record] = []
        self.stop_after = stop_after

    @override
    def after_step(self, step: int) -> None:
        self.steps.append(step)

    @override
    def at_log(self, record: Record) -> None:
        self.records.append(record)

    @override
    def wants_stop(self) -> str | None:
        return "enough" if self.steps[-1] == self.stop_after else None


def test_each_discriminator_update_takes_a_batch_and_latents_of_its_own(
    train_plain: Train, follow: Follow
) -> None:
    trainer = train_plain(training={"steps": 5, "discriminator_updates": 2})
    game = follow(trainer)
    for step in range(5):  # 10 batches: more than an epoch's 3
        trainer.one_step()
        *noise, last = game.latents[-3:]
        for index, latents in enumerate(noise):
            real = game.real(2 * step + index)
            game.descend(game.d, game.d_loss(real, game.g(latents).detach()))
        game.descend(game.g, game.g_loss(game.g(last)))
    assert game.distance() < 1e-12
    assert trainer.epoch == pytest.approx(10 / 3)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_reused_fakes_are_those_of_the_last_discriminator_update(
    train_plain: Train, follow: Follow, accumulate: int
) -> None:
    training = {"discriminator_updates": 2, "reuse_fakes": True, "accumulate": accumulate}
    trainer = train_plain(training=training)
    game = follow(trainer)
    for step in range(3):
        trainer.one_step()
        calls = game.latents[-2 * accumulate :]
        assert len(game.latents) == (step + 1) * 2 * accumulate  # none for the generator's update
        first, second = torch.cat(calls[:accumulate]), torch.cat(calls[accumulate:])
        game.descend(game.d, game.d_loss(game.real(2 * step), game.g(first).detach()))
        fake = game.g(second)
        game.descend(game.d, game.d_loss(game.real(2 * step + 1), fake.detach()))
        game.descend(game.g, game.g_loss(fake))
    assert game.distance() < 1e-12


@pytest.mark.parametrize("losses", [Relativistic, Alone])
def test_a_loss_is_given_real_logits_in_the_generator_update_only_if_it_needs_them(
    train_plain: Train, follow: Follow, losses: type[Loss]
) -> None:
    loss = losses()
    trainer = train_plain(loss=loss)
    game = follow(trainer)
    for step in range(2):
        trainer.one_step()
        (z_d, z_g), real = game.latents[-2:], game.real(step)
        terms = loss.discriminator(game.d(real), game.d(game.g(z_d).detach()))
        game.descend(game.d, terms.mean())
        shown = game.d(real) if loss.needs_real_in_generator else None
        game.descend(game.g, loss.generator(game.d(game.g(z_g)), shown).mean())
    assert game.distance() < 1e-12
    assert len(game.shown) == (8 if loss.needs_real_in_generator else 6)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize(("shape", "found"), [("column", r"\[8, 1\]"), ("scalar", r"\[\]")])
def test_terms_that_are_not_one_an_image_are_refused(
    train_plain: Train, player: str, shape: str, found: str
) -> None:
    loss = Misshapen.model_validate({"player": player, "shape": shape})
    message = rf"loss 'misshapen': {player} .* returned a tensor of shape {found} .*shape \[8\]"
    with pytest.raises(PluginError, match=message):
        train_plain(loss=loss).one_step()


def test_a_penalty_that_is_not_a_scalar_is_refused(train_plain: Train) -> None:
    message = r"'unsummed': discriminator_penalty .* returned a tensor of shape \[8\] .*shape \[\]"
    with pytest.raises(PluginError, match=message):
        train_plain(Unsummed()).one_step()


def test_sample_weights_of_several_regularizers_multiply(
    train_plain: Train, follow: Follow
) -> None:
    trainer = train_plain(Halving(), Halving(), loss=Hinge())
    game = follow(trainer)
    trainer.one_step()
    real, fake = game.d(game.real(0)), game.d(game.g(game.latents[0]))
    hinge = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
    loss = trainer.game.totals.means()["discriminator_loss"]
    assert loss == pytest.approx(hinge.item() / 4, abs=1e-12)


def test_a_record_averages_the_figures_of_its_interval(train_plain: Train, follow: Follow) -> None:
    trainer = train_plain(training={"steps": 5, "log_every_steps": 2, "discriminator_updates": 2})
    watching, game = Watching(), follow(trainer)
    trainer.train([watching])
    assert watching.steps == [1, 2, 3, 4, 5]
    assert [record.step for record in watching.records] == [2, 4, 5]
    assert [record.epoch for record in watching.records] == pytest.approx([4 / 3, 8 / 3, 10 / 3])
    sums: dict[str, list[float]] = {"d": [], "g": [], "real": [], "fake": [], "norm": []}
    for step in range(2):
        noise = game.latents[3 * step : 3 * step + 3]
        for index in range(2):
            real, fake = game.real(2 * step + index), game.g(noise[index]).detach()
            sums["real"].append(game.d(real).sigmoid().mean().item())
            sums["fake"].append(game.d(fake).sigmoid().mean().item())
            loss = game.d_loss(real, fake)
            sums["d"].append(loss.item())
            slopes = torch.autograd.grad(loss, list(game.d.parameters()), retain_graph=True)
            if step == 1:  # a pass over all weights, which only the interval's last step makes
                sums["norm"].append(torch.cat([slope.flatten() for slope in slopes]).norm().item())
            game.descend(game.d, loss)
        loss = game.g_loss(game.g(noise[2]))
        sums["g"].append(loss.item())
        game.descend(game.g, loss)
    found = watching.records[0].values
    names = ["discriminator_loss", "generator_loss", "real_score", "fake_score"]
    for name, key in zip([*names, "discriminator_gradient_norm"], sums, strict=True):
        assert found[name] == pytest.approx(sum(sums[key]) / len(sums[key]), abs=1e-12), name
    assert [set(record.values) for record in watching.records] == [
        {*names, "discriminator_gradient_norm", "generator_gradient_norm"}
    ] * 3


def test_what_a_regularizer_tells_is_recorded_as_it_was_then(train_plain: Train) -> None:
    class Counter(Regularizer):
        """Counts the discriminator's updates."""

        name = "counter"

        @override
        def make_state(self, setup: Setup) -> nn.Module:
            state = nn.Module()
            state.register_buffer("count", torch.zeros(()))
            return state

        @override
        def after_update(self, step: Step) -> None:
            if step.player == "discriminator":
                dict(step.state(nn.Module).named_buffers())["count"].add_(1)

        @override
        def figures(self, step: Step) -> Mapping[str, Tensor]:
            if step.player == "generator":
                return {}
            return dict(step.state(nn.Module).named_buffers())

    trainer = train_plain(
        Counter(), Counter(), training={"discriminator_updates": 2, "log_every_steps": 3}
    )
    for _ in range(3):
        trainer.one_step()
    found = trainer.game.totals.means()
    assert found["counter/count"] == found["counter-2/count"] == sum(range(1, 7)) / 6


def test_look_aheads_are_not_recorded(train_plain: Train) -> None:
    class Ahead(Regularizer):
        """Look far ahead, and come back."""

        name = "ahead"

        @override
        def around_update(self, update: Update, step: Step) -> None:
            if step.player == "generator":
                with step.snapshot("discriminator"):
                    for _ in range(3):
                        update("discriminator")
            update()

    def figures(*regularizers: Regularizer) -> dict[str, float]:
        trainer = train_plain(*regularizers)
        trainer.one_step()
        return trainer.game.totals.means()

    assert figures(Ahead()) == figures()


def test_an_observer_can_stop_the_training(train_plain: Train) -> None:
    trainer = train_plain()
    watching = Watching(stop_after=3)
    trainer.train([Observer(), watching])
    assert trainer.step == 3
    assert trainer.stop_reason == "enough"
    assert not trainer.is_finished()
    assert [record.step for record in watching.records] == []


@pytest.mark.parametrize(
    ("training", "steps"),
    [({"epochs": 4}, 12), ({"epochs": 4, "discriminator_updates": 5}, 3), ({"steps": 7}, 7)],
)
def test_epochs_are_passes_over_the_images(
    train_plain: Train, training: dict[str, Any], steps: int
) -> None:
    trainer = train_plain(training={"steps": None, **training})  # 24 images in batches of 8
    assert trainer.game.setup.steps == steps
    trainer.train()
    assert trainer.step == steps


class Calibrating(BCE):
    """Has a third player learn the logit that fakes have on average."""

    name = "calibrating"
    calibration: ClassVar[nn.Parameter]

    def calibrator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake.detach() - self.calibration).square()


def test_a_third_player_takes_its_turn_and_trains_what_it_has(
    train_plain: Train, follow: Follow
) -> None:
    rate, loss = 0.1, Calibrating()
    trainer = train_plain(loss=loss, training={"log_every_steps": 3})
    Calibrating.calibration = weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    network = nn.ParameterList([weight])
    third: Any = "calibrator"
    trainer.game.competitors[third] = replace(  # type: ignore[index]
        trainer.game.competitors["generator"],
        player=third,
        turn=Turn(takes_batches=False, trains_generator=False, updates=2),
        network=network,
        parameters=(weight,),
        optimizer=torch.optim.SGD(network.parameters(), rate),
    )
    game, expected = follow(trainer), torch.zeros((), dtype=torch.float64)
    for _ in range(3):
        trainer.one_step()
        *others, first, second = game.latents[-4:]
        assert len(others) == 2
        game.descend(game.d, game.d_loss(game.real(trainer.step - 1), game.g(others[0]).detach()))
        game.descend(game.g, game.g_loss(game.g(others[1])))
        for latents in (first, second):
            expected = expected - 2 * rate * (expected - game.d(game.g(latents)).mean()).detach()
    assert game.distance() < 1e-12
    torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=1e-12)
    assert "calibrator_loss" in trainer.game.totals.means()
    assert "calibrator" in trainer.state()["networks"]
