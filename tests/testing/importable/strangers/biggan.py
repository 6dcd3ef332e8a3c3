"""BigGAN: a shared embedding, hierarchical latents, self-attention (Brock et al. 2019)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from typing_extensions import override

if TYPE_CHECKING:
    from gantool import ImageShape

SHARED = 12
"""Numbers of the shared embedding of a class."""


class SN(nn.Module):
    """Spectral norm as in BigGAN-PyTorch: one power iteration in each forward in training."""

    u0: Tensor
    weight: Tensor

    def normalized(self) -> Tensor:
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            v = F.normalize(self.u0 @ matrix, dim=1, eps=1e-12)  # [1, inputs]
            u = F.normalize(v @ matrix.T, dim=1, eps=1e-12)
            if self.training:
                self.u0.copy_(u)
        sigma = (v @ matrix.T @ u.T).squeeze()
        return self.weight / sigma


class SNConv2d(SN, nn.Conv2d):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        nn.Conv2d.__init__(self, *arguments, **options)
        self.register_buffer("u0", torch.randn(1, self.out_channels))

    @override
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.normalized(), self.bias, padding=self.padding)


class SNLinear(SN, nn.Linear):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        nn.Linear.__init__(self, *arguments, **options)
        self.register_buffer("u0", torch.randn(1, self.out_features))

    @override
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalized(), self.bias)


class SNEmbedding(SN, nn.Embedding):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        nn.Embedding.__init__(self, *arguments, **options)
        self.register_buffer("u0", torch.randn(1, self.num_embeddings))

    @override
    def forward(self, y: Tensor) -> Tensor:
        return F.embedding(y, self.normalized())


class Attention(nn.Module):
    """Self-attention (Zhang et al. 2019), whose gain is 0 at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = max(channels // 8, 1), max(channels // 2, 1)
        self.theta = SNConv2d(channels, self.inner[0], 1, bias=False)
        self.phi = SNConv2d(channels, self.inner[0], 1, bias=False)
        self.g = SNConv2d(channels, self.inner[1], 1, bias=False)
        self.o = SNConv2d(self.inner[1], channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        theta = self.theta(x).flatten(2)  # [N, C / 8, HW]
        phi = F.max_pool2d(self.phi(x), 2).flatten(2)  # [N, C / 8, HW / 4]
        g = F.max_pool2d(self.g(x), 2).flatten(2)  # [N, C / 2, HW / 4]
        beta = F.softmax(torch.bmm(theta.transpose(1, 2), phi), -1)  # [N, HW, HW / 4]
        o = self.o(torch.bmm(g, beta.transpose(1, 2)).view(n, -1, height, width))
        attended: Tensor = self.gamma * o + x
        return attended


class CCBN(nn.Module):
    """BatchNorm with gain and bias that are linear in the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.gain = SNLinear(condition, channels, bias=False)
        self.bias = SNLinear(condition, channels, bias=False)
        self.bn = nn.BatchNorm2d(channels, affine=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        gain, bias = 1 + self.gain(y), self.bias(y)
        normed: Tensor = self.bn(x) * gain[:, :, None, None] + bias[:, :, None, None]
        return normed


class GBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = CCBN(inputs, condition), CCBN(outputs, condition)
        self.conv1 = SNConv2d(inputs, outputs, 3, padding=1)
        self.conv2 = SNConv2d(outputs, outputs, 3, padding=1)
        self.conv_sc = SNConv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.conv1(F.interpolate(F.relu(self.bn1(x, y)), scale_factor=2))
        h = self.conv2(F.relu(self.bn2(h, y)))
        added: Tensor = h + self.conv_sc(F.interpolate(x, scale_factor=2))
        return added


class Generator(nn.Module):
    def __init__(self, image: ImageShape, latent_dim: int, ch: int, classes: int) -> None:
        super().__init__()
        ups = (image.height // 4).bit_length() - 1
        self.chunk = latent_dim // (ups + 1)
        condition = self.chunk + (SHARED if classes else 0)
        self.shared = nn.Embedding(classes, SHARED) if classes else None
        widths = [ch * 2 ** max(ups - 1 - i, 0) for i in range(ups + 1)]
        self.linear = SNLinear(latent_dim - ups * self.chunk, 16 * widths[0])
        pairs = pairwise(widths)
        self.blocks = nn.ModuleList(GBlock(a, b, condition) for a, b in pairs)
        self.attention = Attention(widths[1])
        self.bn = nn.BatchNorm2d(widths[-1])
        self.conv = SNConv2d(widths[-1], image.channels, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding):
                nn.init.orthogonal_(layer.weight)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        first, *parts = self._parts(z)
        embedded = [] if self.shared is None else [self.shared(y)]
        h = self.linear(first).view(len(z), -1, 4, 4)
        for index, (block, part) in enumerate(zip(self.blocks, parts, strict=True)):
            h = block(h, torch.cat([*embedded, part], 1))
            h = self.attention(h) if index == 0 else h
        return torch.tanh(self.conv(F.relu(self.bn(h))))

    def _parts(self, z: Tensor) -> tuple[Tensor, ...]:
        """Return the latent of the first layer, then one for each block."""
        first = z.shape[1] - self.chunk * len(self.blocks)
        return torch.split(z, [first, *[self.chunk] * len(self.blocks)], 1)


class DBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, preactivation: bool, down: bool) -> None:
        super().__init__()
        self.preactivation, self.down = preactivation, down
        self.conv1 = SNConv2d(inputs, outputs, 3, padding=1)
        self.conv2 = SNConv2d(outputs, outputs, 3, padding=1)
        self.conv_sc = SNConv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.conv1(F.relu(x) if self.preactivation else x)))
        h = h + self.conv_sc(x)
        return F.avg_pool2d(h, 2) if self.down else h


class Discriminator(nn.Module):
    def __init__(self, image: ImageShape, ch: int, classes: int) -> None:
        super().__init__()
        downs = (image.height // 4).bit_length() - 1
        widths = [image.channels, *(ch * 2 ** min(i, 3) for i in range(downs + 1))]
        blocks: list[nn.Module] = [
            DBlock(a, b, preactivation=i > 0, down=i < downs)
            for i, (a, b) in enumerate(pairwise(widths))
        ]
        self.blocks = nn.ModuleList([blocks[0], Attention(widths[1]), *blocks[1:]])
        self.linear = SNLinear(widths[-1], 1)
        self.embed = SNEmbedding(classes, widths[-1]) if classes else None
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding):
                nn.init.orthogonal_(layer.weight)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return F.relu(x).sum((2, 3))

    def head(self, h: Tensor, y: Tensor | None = None) -> Tensor:
        out = self.linear(h)
        if self.embed is not None:
            out = out + (self.embed(y) * h).sum(1, keepdim=True)
        logits: Tensor = out[:, 0]
        return logits

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.head(self.features(x, y), y)
