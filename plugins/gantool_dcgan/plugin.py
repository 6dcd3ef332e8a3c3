"""The architecture `dcgan`: strided convolutions, nothing pooled, nothing fully connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt
from typing_extensions import override

from gantool import Architecture, Component, hookimpl

if TYPE_CHECKING:
    from torch import nn

    from gantool import ImageShape

SIZES = (16, 32, 64, 128, 256)


class DCGAN(Architecture):
    """Deep convolutional GAN (Radford et al. 2016, section 3).

    The generator starts from a 4x4 map and doubles it; the discriminator halves the image down to
    4x4. Channels double with each halving, from `width` up to 16 times `width`. The defaults are
    the networks of an internship report on paintings (2021): a BatchNorm also after the
    discriminator's first convolution and PyTorch's own initialization; `first_norm = false` and
    `initialization = "normal"` give the paper's. In a conditional run every normalization of the
    generator has a gain and a shift for each class, and the discriminator projects its features
    on the class (Miyato & Koyama 2018, eq. 3).
    """

    name = "dcgan"

    latent_dim: PositiveInt = 150
    """Numbers in one latent, each drawn from N(0, 1)."""
    width: PositiveInt = 64
    """Channels beside the image, in both networks."""
    initialization: Literal["pytorch", "normal"] = "pytorch"
    """Weights at the start: PyTorch's defaults, or N(0, 0.02) as in the paper."""
    first_norm: bool = True
    """Whether the discriminator normalizes after its first convolution too."""
    generator_norm: Literal["batch", "none", "instance", "layer"] = "batch"
    """Normalization in the generator; without one it also learns biases."""
    output: Literal["tanh", "none"] = "tanh"
    """Last activation of the generator; without one its images have no bound, as in StyleGAN2, and
    are clamped to [-1, 1] where they are shown and scored."""
    discriminator_norm: Literal["batch", "none", "instance", "layer"] = "batch"
    """Normalization in the discriminator; gradient penalties need one of the last three."""

    noise: bool = False
    """Whether the generator adds noise to its maps, a learned amount a channel (Karras et al. 2019,
    section 2); none at first, and the same for all images when sampling."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a number behind a block of the discriminator is 0 in training."""
    patches: bool = False
    """Whether the discriminator gives a logit for each patch of an image (PatchGAN, Isola et al.
    2017, section 3.2.2): one a place of its smallest map, 16 of a square image."""
    conditioning: Literal["norm", "latent"] = "norm"
    """Where the generator is told the class: gains and shifts after each normalization, or an
    embedding beside the latent (Mirza & Osindero 2014), which soon ignores the latent itself;
    conditional runs from before this option have it so."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        if image.height not in SIZES or image.width not in SIZES:
            supported = ", ".join(map(str, SIZES))
            msg = f"height and width must be among {supported}, got {image.height}x{image.width}"
            raise ValueError(msg)

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        from gantool_dcgan.networks import Generator, initialize

        network = Generator(
            image,
            self.latent_dim,
            self.width,
            classes,
            self.generator_norm,
            self.conditioning,
            bounded=self.is_bounded(),
            noise=self.noise,
        )
        return initialize(network, self.initialization)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        from gantool_dcgan.networks import Discriminator, initialize

        network = Discriminator(
            image,
            self.width,
            classes,
            self.discriminator_norm,
            first_norm=self.first_norm,
            patches=self.patches,
            dropout=self.dropout,
        )
        return initialize(network, self.initialization)

    @override
    def is_bounded(self) -> bool:
        return self.output == "tanh"

    @override
    def batch_coupling(self) -> str | None:
        if self.discriminator_norm != "batch":
            return None
        return 'set discriminator_norm to "none", "instance" or "layer"'


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the DCGAN architecture."""
    return [DCGAN]
