"""Generators that split themselves into mapping and synthesis, and those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import GeneratorStep, Regularizer
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import ImageShape
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train


class SplitGenerator(nn.Module):
    """Mapping and synthesis, each with a normalization whose statistics a call would move."""

    def __init__(self, image: ImageShape, latent_dim: int, classes: int) -> None:
        super().__init__()
        self.image = image
        self.embedding = nn.Embedding(classes or 1, 4)
        self.affine, self.norm = nn.Linear(latent_dim, 4), nn.BatchNorm1d(4)
        self.out = nn.Linear(4, image.channels * image.height * image.width)

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        styles: Tensor = self.norm(self.affine(latents))
        return styles if labels is None else styles + self.embedding(labels)

    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.out(styles).tanh().view(-1, *self.image)
        return images if labels is None else images * (1 + labels.view(-1, 1, 1, 1)) / 9

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(latents, labels), labels)


class SplitPlayers(LinearPlayers):
    """Players of which the generator is split."""

    name = "split"

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return SplitGenerator(image, self.latent_dim, classes)


class Styled(Regularizer):
    """Looks at styles and what becomes of them."""

    name = "styled"
    seen: ClassVar[list[tuple[Tensor, Tensor, Tensor]]] = []

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        styles = step.mapping(step.latents, step.fake_labels)
        images = step.synthesis(styles, step.fake_labels)
        Styled.seen.append((styles, images, step.fake))
        assert not styles.equal(step.latents) or not hasattr(step.network("generator"), "mapping")
        return 0 * images.sum()


def test_styles_lie_between_mapping_and_synthesis(
    train_plain: Train,
    weights: Callable[[Trainer], dict[str, bytes]],
) -> None:
    def run(*regularizers: Regularizer) -> Trainer:
        players, training = SplitPlayers(depth=1), {"conditional": True}
        trainer = train_plain(*regularizers, architecture=players, classes=3, training=training)
        for _ in range(2):
            trainer.one_step()
        return trainer

    Styled.seen.clear()
    assert weights(run(Styled())) == weights(run())  # no buffer has moved
    assert len(Styled.seen) == 2
    for styles, images, fake in Styled.seen:
        assert styles.shape == (8, 4)
        assert torch.equal(images, fake)


def test_a_generator_in_one_piece_has_its_latents_as_styles(train_plain: Train) -> None:
    Styled.seen.clear()
    trainer = train_plain(Styled())
    trainer.one_step()
    ((styles, images, fake),) = Styled.seen
    assert styles.shape == (8, trainer.game.setup.latent_dim)
    assert torch.equal(images, fake)
