"""Labels in a conditional run: from the images to both networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from gantool import DiscriminatorStep, GeneratorStep, RecipeError, Regularizer

if TYPE_CHECKING:
    from gantool import ImageShape
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train


class Asking(Regularizer):
    """Hands labels to every call that takes them."""

    name = "asking"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        fake = step.generate(step.latents, step.fake_labels)
        slope = step.image_gradient(step.real, step.real_labels)
        logits = step.discriminate(fake, step.fake_labels)
        features = step.features(fake, step.fake_labels)
        return logits.mean() + features.mean() + slope.mean()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return step.discriminate(step.fake, step.fake_labels).mean()


def given(trainer: Trainer, player: str) -> list[Tensor]:
    """Return the labels that a plain network was given, call by call."""
    network: Any = trainer.game.network("generator" if player == "generator" else "discriminator")
    labels: list[Tensor] = network.labels_given
    return labels


def test_both_networks_are_given_the_labels_of_their_images(train_plain: Train) -> None:
    trainer = train_plain(count=20, classes=4, training={"conditional": True, "steps": 9})
    for step in range(9):
        trainer.one_step()
        real = trainer.game.batches.batch(step)
        to_g, to_d = given(trainer, "generator")[-2:], given(trainer, "discriminator")[-3:]
        assert real.labels is not None
        assert torch.equal(real.labels, trainer.game.batches.indices(step) % 4)
        assert torch.equal(to_d[0], real.labels)
        assert torch.equal(to_d[1], to_g[0])
        assert torch.equal(to_d[2], to_g[1])
        assert not torch.equal(to_g[0], to_g[1])


def test_calls_hand_labels_on(train_plain: Train) -> None:
    trainer = train_plain(Asking(), classes=3, training={"conditional": True})
    trainer.one_step()
    to_g, to_d = given(trainer, "generator"), given(trainer, "discriminator")
    assert len(to_g) == 3  # two updates, and one call of generate
    assert len(to_d) == 6  # real, fake, image_gradient, discriminate; fake, discriminate
    assert torch.equal(to_g[0], to_g[1])
    real_labels = trainer.game.batches.batch(0).labels
    assert real_labels is not None
    expected = [real_labels, to_g[0], real_labels, to_g[0], to_g[2], to_g[2]]
    assert all(map(torch.equal, to_d, expected))


def test_an_unconditional_run_has_no_labels(train_plain: Train) -> None:
    trainer = train_plain(Asking())
    trainer.one_step()
    assert given(trainer, "generator") == given(trainer, "discriminator") == []


@pytest.mark.parametrize(("sampling", "expected"), [("data", 0.75), ("uniform", 0.5)])
def test_labels_of_fakes_are_as_frequent_as_in_the_data_or_all_equally(
    train_plain: Train, sampling: str, expected: float
) -> None:
    training = {"conditional": True, "label_sampling": sampling, "batch_size": 100, "steps": 10}
    trainer = train_plain(count=100, classes=2, training=training)
    labels = trainer.game.batches.labels
    assert labels is not None
    labels.fill_(1)
    labels[:25] = 0
    for _ in range(10):
        trainer.one_step()
    drawn = torch.cat(given(trainer, "generator"))
    assert len(drawn) == 2000
    assert float(drawn.double().mean()) == pytest.approx(expected, abs=0.045)  # four deviations


def test_what_belongs_to_a_label_is_trained(train_plain: Train) -> None:
    trainer = train_plain(classes=2, training={"conditional": True})
    weights = trainer.game.network("discriminator").get_parameter("to_logit.weight")
    before = weights.detach().clone()
    trainer.one_step()
    assert bool((weights[:, -2:] != before[:, -2:]).all())  # one weight for each of the labels


class Few(Asking):
    """Works with two classes, and says so."""

    name = "few"
    needs_labels = True

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if classes > 2:
            raise ValueError(f"at most 2 classes are supported, got {classes}")


def test_regularizer_is_asked_when_classes_are_known(train: Train) -> None:
    conditional = {"conditional": True}
    train(Few(), classes=2, training=conditional)
    with pytest.raises(RecipeError, match=r"'few' cannot be used: at most 2 classes .* got 3"):
        train(Few(), classes=3, training=conditional)
    with pytest.raises(RecipeError, match="'few' cannot be used: it needs labels"):
        train(Few())
