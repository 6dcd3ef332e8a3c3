"""StyleGAN2: a mapping, modulated convolutions, minibatch stddev (Karras et al. 2020)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from gantool import ImageShape


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def normalize_2nd_moment(x: Tensor) -> Tensor:
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class FullyConnected(nn.Module):
    """A layer with equalized learning rate."""

    def __init__(self, inputs: int, outputs: int, *, lr: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = nn.Parameter(torch.full([outputs], bias / lr))
        self.gains = lr / math.sqrt(inputs), lr

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gains[0], self.bias * self.gains[1])


class Conv(nn.Module):
    """A convolution with equalized learning rate."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain, self.padding = 1 / math.sqrt(inputs * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.padding)


class Blur(nn.Module):
    """The filter [1, 3, 3, 1] of resampling, which is not trained."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", row[:, None] * row)

    def filtered(self, x: Tensor, padding: tuple[int, int], gain: float = 1.0) -> Tensor:
        channels = x.shape[1]
        kernel = (gain * self.kernel).expand(channels, 1, 4, 4).to(x.dtype)
        return F.conv2d(F.pad(x, padding * 2), kernel, groups=channels)

    def up(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        spread = F.pad(x[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1)).reshape(n, c, 2 * h, 2 * w)
        return self.filtered(spread, (2, 1), 4.0)

    def down(self, x: Tensor) -> Tensor:
        return self.filtered(x, (1, 2))[:, :, ::2, ::2]


class ModulatedConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, w_dim: int, kernel: int, demod: bool) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.demod = demod
        self.gain = 1 / math.sqrt(inputs * kernel**2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        n, inputs, height, width = x.shape
        styles = self.affine(w).view(n, 1, inputs, 1, 1)
        weight = self.weight * self.gain * styles  # [N, out, in, k, k]
        if self.demod:
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        outputs, kernel = weight.shape[1], weight.shape[3]
        x = x.reshape(1, n * inputs, height, width)
        x = F.conv2d(x, weight.flatten(0, 1).to(x.dtype), padding=kernel // 2, groups=n)
        return x.view(n, outputs, height, width)


class SynthesisLayer(nn.Module):
    """A modulated convolution, fixed noise and a bias."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int, *, up: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, w_dim, 3, demod=True)
        self.blur = Blur() if up else None
        self.register_buffer("noise_const", torch.randn(side, side))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.conv(x if self.blur is None else self.blur.up(x), w)
        return lrelu(x + self.noise_const * self.noise_strength + self.bias[:, None, None])


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int, channels: int) -> None:
        super().__init__()
        self.conv0 = SynthesisLayer(inputs, outputs, w_dim, side, up=True)
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, side, up=False)
        self.torgb = ModulatedConv(outputs, channels, w_dim, 1, demod=False)
        self.blur = Blur()

    def forward(self, x: Tensor, rgb: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv1(self.conv0(x, ws[:, 0]), ws[:, 1])
        return x, self.blur.up(rgb) + self.torgb(x, ws[:, 2])


class Generator(nn.Module):
    w_avg: Tensor

    def __init__(self, image: ImageShape, latent_dim: int, width: int, classes: int) -> None:
        super().__init__()
        ups = (image.height // 4).bit_length() - 1
        w_dim, self.num_ws = latent_dim, 2 + 2 * ups
        self.embed = FullyConnected(classes, latent_dim) if classes else None
        inputs = 2 * latent_dim if classes else latent_dim
        self.classes = classes
        self.fcs = nn.ModuleList(
            FullyConnected(inputs if i == 0 else w_dim, w_dim, lr=0.01) for i in range(4)
        )
        self.register_buffer("w_avg", torch.zeros(w_dim))
        widths = [width * 2 ** min(ups - i, 2) for i in range(ups + 1)]
        self.const = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.conv1 = SynthesisLayer(widths[0], widths[0], w_dim, 4, up=False)
        self.torgb = ModulatedConv(widths[0], image.channels, w_dim, 1, demod=False)
        self.blocks = nn.ModuleList(
            Block(a, b, w_dim, 8 * 2**i, image.channels)
            for i, (a, b) in enumerate(pairwise(widths))
        )

    def mapping(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = normalize_2nd_moment(z)
        if self.embed is not None and c is not None:
            one_hot = F.one_hot(c, self.classes).to(z.dtype)
            x = torch.cat([x, normalize_2nd_moment(self.embed(one_hot))], 1)
        for layer in self.fcs:
            x = lrelu(layer(x))
        if self.training:
            with torch.no_grad():
                self.w_avg.copy_(x.detach().float().mean(0).to(self.w_avg).lerp(self.w_avg, 0.998))
        return x[:, None].repeat(1, self.num_ws, 1)  # [N, layers, w_dim]

    def synthesis(self, ws: Tensor, c: Tensor | None = None) -> Tensor:
        x = self.conv1(self.const.expand(len(ws), -1, -1, -1), ws[:, 0])
        rgb = self.torgb(x, ws[:, 1])
        for i, block in enumerate(self.blocks):
            x, rgb = block(x, rgb, ws[:, 1 + 2 * i : 4 + 2 * i])
        images: Tensor = rgb
        return images

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(z, c), c)


class DBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0, self.conv1 = Conv(inputs, inputs, 3), Conv(inputs, outputs, 3)
        self.skip = Conv(inputs, outputs, 1, bias=False)
        self.blur = Blur()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.skip(self.blur.down(x))
        x = lrelu(self.conv1(self.blur.down(lrelu(self.conv0(x)))))
        return (x + y) * math.sqrt(0.5)


def minibatch_stddev(x: Tensor, group: int) -> Tensor:
    n, c, h, w = x.shape
    size = min(group, n)
    y = x.reshape(size, -1, c, h, w)  # [G, N / G, C, H, W]
    y = (y - y.mean(0)).square().mean(0)
    y = (y + 1e-8).sqrt().mean((1, 2, 3))  # [N / G]
    return torch.cat([x, y.reshape(-1, 1, 1, 1).repeat(size, 1, h, w)], 1)


class Discriminator(nn.Module):
    def __init__(self, image: ImageShape, width: int, classes: int, group: int) -> None:
        super().__init__()
        downs = (image.height // 4).bit_length() - 1
        widths = [width * 2 ** min(i, 2) for i in range(downs + 1)]
        self.fromrgb = Conv(image.channels, widths[0], 1)
        self.blocks = nn.ModuleList(DBlock(a, b) for a, b in pairwise(widths))
        self.group, self.classes, last = group, classes, widths[-1]
        self.conv = Conv(last + 1, last, 3)
        self.fc = FullyConnected(16 * last, last)
        self.out = FullyConnected(last, last if classes else 1)
        self.cmap = FullyConnected(classes, last) if classes else None

    def features(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = lrelu(self.fromrgb(x))
        for block in self.blocks:
            x = block(x)
        return x

    def head(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = lrelu(self.conv(minibatch_stddev(x, self.group)))
        x = self.out(lrelu(self.fc(x.flatten(1))))
        if self.cmap is None or c is None:
            return x.squeeze(1)
        cmap = normalize_2nd_moment(self.cmap(F.one_hot(c, self.classes).to(x.dtype)))
        return (x * cmap).sum(1) / math.sqrt(x.shape[1])

    def forward(self, *arguments: Any) -> Tensor:
        x, *labels = arguments
        return self.head(self.features(x, *labels), *labels)
