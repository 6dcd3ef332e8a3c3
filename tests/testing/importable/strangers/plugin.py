"""Well-known networks and regularizers, written as those who have never seen gantool's would."""

# It is not installed where types are checked, so that its parts are of any type:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import NonNegativeFloat, PositiveInt
from typing_extensions import override

from gantool import Architecture, Component, Regularizer, hookimpl

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool import DiscriminatorStep, GeneratorStep, ImageShape, Setup, Step


class Squares(Architecture):
    """Networks for squares whose sides are powers of two."""

    width: PositiveInt = 16
    """Channels next to the image."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        if image.height != image.width or image.height not in (16, 32, 64):
            raise ValueError(f"squares of 16, 32 or 64 pixels a side are supported, got {image}")


class SNGAN(Squares):
    """SNGAN of residual blocks, with spectral norm and projection in D (Miyato et al. 2018)."""

    name = "sngan"

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import sngan

        return sngan.Generator(image, self.latent_dim, self.width, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import sngan

        return sngan.Discriminator(image, self.width, classes)


class BigGAN(Squares):
    """BigGAN: hierarchical latents, a shared embedding, self-attention (Brock et al. 2019)."""

    name = "biggan"

    latent_dim: PositiveInt = 20
    """Numbers in one latent, split among the blocks."""

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import biggan

        return biggan.Generator(image, self.latent_dim, self.width, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import biggan

        return biggan.Discriminator(image, self.width, classes)


class StyleGAN2(Squares):
    """StyleGAN2 with skips in G, residuals in D, and fixed noise (Karras et al. 2020)."""

    name = "stylegan2"

    latent_dim: PositiveInt = 16
    """Numbers in z, and in w."""
    mbstd_group: PositiveInt = 4
    """Images whose standard deviation is compared."""

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import stylegan2

        return stylegan2.Generator(image, self.latent_dim, self.width, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        from strangers import stylegan2

        return stylegan2.Discriminator(image, self.width, classes, self.mbstd_group)

    @override
    def batch_coupling(self) -> str | None:
        return "set mbstd_group = 1" if self.mbstd_group > 1 else None

    @override
    def is_bounded(self) -> bool:
        return False


class NarrowSNGAN(SNGAN):
    """SNGAN of width 4."""

    name = "sngan-4"
    width: PositiveInt = 4
    """Channels next to the image."""


class WideSNGAN(SNGAN):
    """SNGAN of width 64."""

    name = "sngan-64"
    width: PositiveInt = 64
    """Channels next to the image."""


class NarrowBigGAN(BigGAN):
    """BigGAN of width 4."""

    name = "biggan-4"
    width: PositiveInt = 4
    """Channels next to the image."""


class WideBigGAN(BigGAN):
    """BigGAN of width 64."""

    name = "biggan-64"
    width: PositiveInt = 64
    """Channels next to the image."""


class NarrowStyleGAN2(StyleGAN2):
    """StyleGAN2 of width 4."""

    name = "stylegan2-4"
    width: PositiveInt = 4
    """Channels next to the image."""


class WideStyleGAN2(StyleGAN2):
    """StyleGAN2 of width 64."""

    name = "stylegan2-64"
    width: PositiveInt = 64
    """Channels next to the image."""


class InfoGAN(Regularizer):
    """InfoGAN: a code in the first latents can be read off the image (Chen et al. 2016)."""

    name = "infogan"
    strength = "weight"

    weight: NonNegativeFloat = 1.0
    """Weight of the penalty."""
    codes: PositiveInt = 10
    """Values that the code can have, each a latent."""

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if self.codes > latent_dim:
            raise ValueError(f"{self.codes} codes need as many latents, and there are {latent_dim}")

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from strangers.heads import Head

        return Head(self.codes)

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        import torch
        import torch.nn.functional as F  # noqa: N812

        code = F.one_hot(self._drawn(latents), self.codes).to(latents.dtype)
        return torch.cat([code, latents[:, self.codes :]], 1)

    def _drawn(self, latents: Tensor) -> Tensor:
        return latents[:, : self.codes].argmax(1)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self._penalty(step)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return self._penalty(step)

    def _penalty(self, step: DiscriminatorStep | GeneratorStep) -> Tensor:
        import torch.nn.functional as F  # noqa: N812

        from strangers.heads import Head

        scores = step.state(Head)(step.features(step.fake, step.fake_labels))
        return self.weight * F.cross_entropy(scores, self._drawn(step.latents))


class AuxiliaryClassifier(Regularizer):
    """AC-GAN: the discriminator's features tell the class (Odena et al. 2017)."""

    name = "auxiliary-classifier"
    needs_labels = True

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from strangers.heads import Head

        return Head(setup.classes)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        import torch.nn.functional as F  # noqa: N812

        from strangers.heads import Head

        assert step.real_labels is not None
        scores = step.state(Head)(step.features(step.real, step.real_labels))
        return F.cross_entropy(scores, step.real_labels)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        import torch.nn.functional as F  # noqa: N812

        from strangers.heads import Head

        assert step.fake_labels is not None
        scores = step.state(Head)(step.features(step.fake, step.fake_labels))
        return F.cross_entropy(scores, step.fake_labels)


class Rotations(Regularizer):
    """SS-GAN: the features of turned images tell by how much (Chen et al. 2019)."""

    name = "rotations"

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if image.height != image.width:
            raise ValueError(f"only squares look alike when turned, got {image}")

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        from strangers.heads import Head

        return Head(4)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        import torch
        import torch.nn.functional as F  # noqa: N812

        from strangers.heads import Head

        losses = []
        for quarter in range(4):
            turned = step.real.rot90(quarter, (2, 3))
            scores = step.state(Head)(step.features(turned, step.real_labels))
            losses.append(F.cross_entropy(scores, torch.full_like(scores[:, 0], quarter).long()))
        return torch.stack(losses).mean()


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer them all, the networks in three widths."""
    return [
        SNGAN,
        NarrowSNGAN,
        WideSNGAN,
        BigGAN,
        NarrowBigGAN,
        WideBigGAN,
        StyleGAN2,
        NarrowStyleGAN2,
        WideStyleGAN2,
        InfoGAN,
        AuxiliaryClassifier,
        Rotations,
    ]
