"""A DCGAN's step as tutorials write it, to time gantool's base recipe against.

gantool bench base --set training.reuse_fakes=true --against docs/examples/plain_loop.py

It draws one batch of fakes a step, lets the generator's update compute the discriminator's weight
gradients too, and reads both losses back; memory order, Adam and losses are PyTorch's defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

LATENT, WIDTH = 150, 64


def discriminator(side: int, channels: int) -> nn.Module:
    """Return convolutions down to 4 pixels, each as wide again, and a probability [N, 1]."""
    layers: list[nn.Module] = []
    width = WIDTH
    while side > 4:
        layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        channels, width, side = width, 2 * width, side // 2
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, bias=False), nn.Flatten(), nn.Sigmoid())


def generator(side: int, channels: int) -> nn.Module:
    """Return its mirror image: transposed convolutions up from 4 pixels."""
    width = WIDTH * side // 8
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, width, 4, bias=False)]
    while width > WIDTH:
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)]
        width //= 2
    layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(
        *layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()
    )


def prepare(images: Tensor) -> Callable[[], tuple[float, float]]:
    """Return a function that makes one step on a batch of images [N, C, H, W]."""
    real = images.contiguous()
    count, channels, side, _ = real.shape
    g = generator(side, channels).to(real.device)
    d = discriminator(side, channels).to(real.device)
    g_adam, d_adam = (
        torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.999)) for network in (g, d)
    )
    ones, zeros = (torch.full((count, 1), value, device=real.device) for value in (1.0, 0.0))

    def step() -> tuple[float, float]:
        d_adam.zero_grad()
        fake = g(torch.randn(count, LATENT, 1, 1, device=real.device))
        d_loss = binary_cross_entropy(d(real), ones)
        d_loss = d_loss + binary_cross_entropy(d(fake.detach()), zeros)
        torch.autograd.backward(d_loss)
        d_adam.step()
        g_adam.zero_grad()
        g_loss = binary_cross_entropy(d(fake), ones)
        torch.autograd.backward(g_loss)
        g_adam.step()
        return d_loss.item(), g_loss.item()

    return step
