"""DINOv2 (Oquab et al. 2023): a vision transformer (Dosovitskiy et al. 2021) with LayerScale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from typing_extensions import override

from gantool_metrics.weights import DINOV2, missing_fidelity

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SIDE = 224
PATCH = 14
TRAINED_GRID = 37
"""Patches in a row of the 518 pixels that positions were learned on."""
WIDTH, DEPTH, HEADS = 768, 12, 12  # ViT-B
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
INTERPOLATION_OFFSET = 0.1
"""Added to the number of patches before positions are interpolated, as in the original."""


def load_dinov2() -> nn.Module:
    """Return ViT-B/14 with its published weights.

    Raises:
        MissingExtraError: When torch-fidelity or the weights are not here.
        UsageError: When the file of weights is another one.
    """
    try:
        from torch_fidelity.interpolate_compat_tensorflow import (
            interpolate_bilinear_2d_like_tensorflow1x,
        )
    except ImportError as error:
        raise missing_fidelity("dinov2") from error
    with torch.device("meta"):
        transformer = VisionTransformer(WIDTH, DEPTH, HEADS)
    state = torch.load(DINOV2.read(), map_location="cpu", weights_only=True)
    state.pop("mask_token")  # of the training alone
    transformer.load_state_dict(state, assign=True)
    return Prepared(transformer, interpolate_bilinear_2d_like_tensorflow1x)


class Prepared(nn.Module):
    """Resizes and normalizes uint8 images [N, 3, H, W] as torch-fidelity does.

    Args:
        transformer: What looks at them.
        resize: torch-fidelity's imitation of TensorFlow 1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, transformer: nn.Module, resize: Callable[..., Any]) -> None:
        super().__init__()
        self.transformer = transformer
        self._resize = resize
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None], persistent=False)

    @override
    def forward(self, images: Tensor) -> Tensor:
        resized = self._resize(images.float(), size=(SIDE, SIDE), align_corners=False)
        features: Tensor = self.transformer((resized - self.mean) / self.deviation)
        return features  # [N, F]


class VisionTransformer(nn.Module):
    """Maps normalized images [N, 3, H, W] to the class token after the last norm, [N, width].

    Its parameters are called as in the published files.
    """

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, TRAINED_GRID**2 + 1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, stride=PATCH)})
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    @override
    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](images)  # [N, width, h, w]
        positions = self._positions(*patches.shape[2:])
        class_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        tokens = torch.cat(
            [class_token, patches.flatten(2).mT + positions], 1
        )  # [N, 1 + hw, width]
        for block in self.blocks:
            tokens = block(tokens)
        features: Tensor = self.norm(tokens[:, 0])
        return features

    def _positions(self, height: int, width: int) -> Tensor:
        """Return the patches' positions on another grid than the trained one, [1, hw, width]."""
        grid = self.pos_embed[:, 1:].mT.reshape(1, -1, TRAINED_GRID, TRAINED_GRID)
        scale = [(side + INTERPOLATION_OFFSET) / TRAINED_GRID for side in (height, width)]
        return functional.interpolate(grid, scale_factor=scale, mode="bicubic").flatten(2).mT


class Block(nn.Module):
    """Attention and a small network, each normalized before and scaled after."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )
        self.ls2 = LayerScale(width)

    @override
    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))  # [N, T, width]
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(tokens)))
        change: Tensor = self.ls2(self.mlp["fc2"](hidden))
        return tokens + change


class Attention(nn.Module):
    """Softmax attention of several heads over all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    @override
    def forward(self, tokens: Tensor) -> Tensor:
        split = self.qkv(tokens).unflatten(
            2, (3, self.heads, -1)
        )  # [N, T, 3, heads, width / heads]
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)  # [N, heads, T, …]
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class LayerScale(nn.Module):
    """One learned factor for each channel (Touvron et al. 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    @override
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma
