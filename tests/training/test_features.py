"""Features that logits come from are handed on: the same bits, no other pass, whoever trains."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Player, PluginError, Regularizer, Setup, Step
from gantool.testing.harness.trial import in_threads, ranks_in_threads
from gantool_augmentation.plugin import DiffAugment
from gantool_dcgan.plugin import DCGAN
from gantool_diversity.plugin import FeatureMatching, MinibatchStddev
from gantool_losses.plugin import Hinge
from gantool_spectral_norm.plugin import SpectralNorm
from tests.linear_players import LinearDiscriminator, LinearPlayers
from tests.trainers import assert_replays_are_eager_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import ImageShape
    from gantool.training.device.ranks import Ranks
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train


class Looking(Regularizer):
    """Compares what it is handed on with what the head makes of it; adds nothing."""

    name = "looking"
    needs_features = True
    looked: ClassVar[list[tuple[str, bool]]] = []

    def _look(self, step: Step) -> Tensor:
        head: Any = step.network("discriminator").head
        pairs = [(step.fake_features, step.fake_logits, step.fake_labels)]
        if step.player == "discriminator":
            pairs.append((step.real_features, step.real_logits, step.real_labels))
        for features, logits, labels in pairs:
            same = torch.equal(head(features, *([] if labels is None else [labels])), logits)
            self.looked.append((step.player, same))
        return 0 * step.fake_logits.sum()

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        return self._look(step)

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self._look(step)


class Asking(Regularizer):
    """Only says that it needs features."""

    name = "asking"
    needs_features = True


class Hooked(Regularizer):
    """Hangs hooks on the discriminator that halve what goes in and double what comes out."""

    name = "hooked"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        if player == "discriminator":
            network.register_forward_pre_hook(lambda _, given: (given[0] / 2, *given[1:]))
            network.register_forward_hook(lambda _, given, logits: 2 * logits)


class Replacing(Regularizer):
    """Gives the discriminator a forward of its own, which is head after features all the same."""

    name = "replacing"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        if player == "discriminator":
            network.forward = network.forward


@pytest.mark.parametrize(
    "regularizers",
    [[], [SpectralNorm()], [MinibatchStddev(), DiffAugment()], [Hooked()], [Replacing()]],
    ids=["batch-norm", "spectral", "wrapped", "hooked", "replaced"],
)
def test_nothing_changes_where_features_are_handed_on(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], regularizers: list[Regularizer]
) -> None:
    def run(*more: Regularizer) -> dict[str, bytes]:
        training = {"accumulate": 2, "conditional": True}
        trainer = train(*regularizers, *more, classes=3, training=training)
        for _ in range(3):
            trainer.one_step()
        given.append("forward" in vars(trainer.game.network("discriminator")))
        return bits(trainer)

    given: list[bool] = []
    assert run(Asking()) == run()
    assert given == [any(isinstance(each, Replacing) for each in regularizers)] * 2


def test_the_head_makes_the_logits_of_the_features_that_are_handed_on(train: Train) -> None:
    Looking.looked.clear()
    trainer = train(Looking(), architecture=DCGAN(width=4, discriminator_norm="layer"))
    trainer.one_step()
    both = [("discriminator", True)] * 2
    assert Looking.looked == [*both, ("generator", True)]


@pytest.mark.parametrize("hooks", [[], [Hooked()]], ids=["alone", "hooked"])
def test_compiled_forwards_hand_features_on(
    train: Train, monkeypatch: pytest.MonkeyPatch, hooks: list[Regularizer]
) -> None:
    compiler, translated = torch.compile, []

    def traced(function: Any) -> Any:
        translated.append(function)
        return compiler(function, backend="aot_eager")

    def run(**device: Any) -> Tensor:
        device["precision"] = "float64"
        trainer = train(FeatureMatching(weight=9.0), *hooks, device=device)
        for _ in range(2):
            trainer.one_step()
        return torch.cat([w.flatten() for w in trainer.game.network("generator").parameters()])

    plain = run()
    monkeypatch.setattr("torch.compile", traced)
    torch.testing.assert_close(run(compile=True), plain, rtol=0, atol=1e-12)
    assert len(translated) == (2 if hooks else 3)  # the image gradient too; no hooks are followed


class Pyramid(LinearDiscriminator):
    """Hands on what every block makes."""

    @override
    def features(self, images: Tensor, labels: Tensor | None = None) -> Any:
        values, found = images.flatten(1), []
        for block in self.blocks:
            values = block(values)
            found.append(values)
        return tuple(found)

    @override
    def head(self, features: Any, labels: Tensor | None = None) -> Tensor:
        return super().head(features[-1], labels)


class Pyramids(LinearPlayers):
    """Players whose discriminator has two sets of features."""

    name = "pyramids"
    depth: Literal[0, 1, 2] = 2

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return Pyramid(image, self.width, self.depth, classes)


def test_several_sets_of_features_are_matched_in_one_plain_step(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(FeatureMatching(weight=0.7), architecture=Pyramids())
    plain = follow(trainer)
    for step in range(3):
        plain.latents.clear()
        plain.shown.clear()
        trainer.one_step()
        assert len(plain.shown) == 4  # features cost no pass of their own
        d_latents, g_latents = plain.latents
        real = plain.real(step)
        plain.descend(plain.d, plain.d_loss(real, plain.g(d_latents).detach()))
        fake = plain.g(g_latents)
        pairs = zip(plain.d.features(real), plain.d.features(fake), strict=True)
        gap = sum((a.mean(0).detach() - b.mean(0)).square().mean() for a, b in pairs)
        plain.descend(plain.g, plain.g_loss(fake) + 0.7 * gap)
    assert plain.distance() < 1e-12


class Inverse(Regularizer):
    """A head tells the latents from the features; both players train it (Chen et al. 2016)."""

    name = "inverse"
    needs_features = True
    trained_by = "both"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return nn.Linear(5, setup.latent_dim)

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        assert isinstance(step.fake_features, Tensor)
        told: Tensor = step.state(nn.Linear)(step.fake_features)
        return (told - step.latents).square().mean()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)

    @override
    def figures(self, step: Step) -> dict[str, Tensor]:
        assert isinstance(step.fake_features, Tensor)
        return {"mean": step.average(step.fake_features.mean())}


def test_a_head_that_both_players_train_is_in_one_plain_step(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    rate = 0.5
    trainer = train_plain(Inverse())
    plain, head = follow(trainer), trainer.game.regularization.states()["inverse"]
    ours: Any = copy.deepcopy(head)
    for step in range(3):
        plain.latents.clear()
        trainer.one_step()
        d_latents, g_latents = plain.latents
        fake = plain.g(d_latents).detach()
        error = (ours(plain.d.features(fake)) - d_latents).square().mean()
        loss = plain.d_loss(plain.real(step), fake) + error
        plain.descend(nn.ModuleList([plain.d, ours]), loss, rate)
        fake = plain.g(g_latents)
        error = (ours(plain.d.features(fake)) - g_latents).square().mean()
        plain.descend(nn.ModuleList([plain.g, ours]), plain.g_loss(fake) + error, rate)
    assert plain.distance() < 1e-12
    torch.testing.assert_close(head.state_dict(), ours.state_dict(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("regularizer", [Inverse(), FeatureMatching(weight=3.0)])
def test_slices_and_ranks_train_as_the_batch_does(
    train_plain: Train, regularizer: Regularizer
) -> None:
    def build(ranks: Ranks | None = None, accumulate: int = 1) -> Trainer:
        return train_plain(regularizer, training={"accumulate": accumulate}, ranks=ranks)

    def take(trainer: Trainer) -> dict[str, float]:
        for _ in range(3):
            trainer.one_step()
        return trainer.game.totals.means()

    whole = take(build())
    others = in_threads(take, [build(ranks) for ranks in ranks_in_threads(2)])
    if not regularizer.couples_batch:
        others.append(take(build(accumulate=3)))
    for other in others:
        assert other == pytest.approx(whole, rel=1e-9)


def test_a_state_of_both_players_resumes_exactly(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def build() -> Trainer:
        return train(Inverse(), architecture=LinearPlayers(depth=1))

    straight, first, second = build(), build(), build()
    for _ in range(4):
        straight.one_step()
    for _ in range(2):
        first.one_step()
    second.load(copy.deepcopy(first.state()))
    for _ in range(2):
        second.one_step()
    assert bits(second) == bits(straight)


@pytest.mark.parametrize("regularizer", [Inverse(), FeatureMatching()])
def test_replays_are_the_eager_steps(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], regularizer: Regularizer
) -> None:
    def build() -> Trainer:
        training = {"steps": 50, "log_every_steps": 5, "accumulate": 2}
        return train(regularizer, architecture=LinearPlayers(depth=1), training=training)

    assert_replays_are_eager_steps(build, bits)


class Unannounced(Looking):
    """Looks at features without saying so."""

    name = "unannounced"
    needs_features = False


def test_who_does_not_say_so_is_told_how_to_get_them(train_plain: Train) -> None:
    with pytest.raises(PluginError, match=r"step.fake_features.*in discriminator_penalty") as found:
        train_plain(Unannounced()).one_step()
    assert found.value.hint == "set needs_features = True on its class"


def test_real_features_are_there_where_real_images_are(train_plain: Train) -> None:
    class Eager(Asking):
        """Wants real features in the generator's update."""

        def generator_penalty(self, step: Step) -> Tensor:
            assert isinstance(step.real_features, Tensor)
            return step.real_features.mean()

    with pytest.raises(PluginError, match=r"step.real_features.*generator update") as found:
        train_plain(Eager(), loss=Hinge()).one_step()
    assert found.value.hint == "set needs_real_in_generator = True on its class"
