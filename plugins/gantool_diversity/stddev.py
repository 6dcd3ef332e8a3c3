"""A discriminator that also sees how much its features vary within a group of images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from gantool import Features, Setup

EPSILON = 1e-8
"""Added to variances before their root is taken, as in the authors' code."""


class WithStddev(nn.Module):
    """A discriminator around another, whose head it tells the group's standard deviation.

    Args:
        network: The discriminator; it offers `blocks`, `features` and `head`, as this one does.
        channels: Channels of its features.
        group_size: Most images in a group.
    """

    def __init__(self, network: nn.Module, channels: int, group_size: int) -> None:
        super().__init__()
        self.network = network
        self.direction = nn.Parameter(torch.zeros(channels))
        self.group_size = group_size

    @property
    def blocks(self) -> nn.Module:
        """The wrapped discriminator's blocks."""
        return self.network.get_submodule("blocks")

    def features(self, images: Tensor, labels: Tensor | None = None) -> Any:
        """Return the wrapped discriminator's features, [N, C, ...], each of one image alone."""
        return self.network.features(images, *_given(labels))  # type: ignore[operator]

    def head(self, features: Features, labels: Tensor | None = None) -> Tensor:
        """Return the logits of features and of how much they vary; of several, the last ones."""
        if isinstance(features, tuple):
            return self._head((*features[:-1], self._told(features[-1])), labels)
        return self._head(self._told(features), labels)

    def _head(self, features: Features, labels: Tensor | None) -> Tensor:
        logits: Tensor = self.network.head(features, *_given(labels))  # type: ignore[operator]
        return logits

    def _told(self, features: Tensor) -> Tensor:
        rows = features.flatten(1).to(self.direction.dtype)
        told = stddev(rows, self.group_size)[:, None] * self.direction  # [N, C]
        shape = (*told.shape, *[1] * (features.dim() - 2))  # [N, C, 1, 1]
        return features + told.view(shape)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits of images."""
        return self.head(self.features(images, labels), labels)


def stddev(rows: Tensor, group_size: int) -> Tensor:
    """Return the mean standard deviation of the features in each image's group.

    Args:
        rows: Features, [N, F].
        group_size: Most images in a group; groups are neighbors and differ by at most one image.

    Returns:
        The same number for every image of a group, [N].
    """
    count, features = rows.shape
    groups = -(-count // group_size)
    size, larger = divmod(count, groups)
    border = larger * (size + 1)
    return torch.cat(
        [
            _of_groups(rows[:border].view(larger, size + 1, features)),
            _of_groups(rows[border:].view(groups - larger, size, features)),
        ]
    )


def _of_groups(grouped: Tensor) -> Tensor:
    """Return the statistic of groups [M, G, F] for each of their images, [M G]."""
    variance = (grouped - grouped.mean(1, keepdim=True)).square().mean(1)  # [M, F]
    statistic = (variance + EPSILON).sqrt().mean(1)  # [M]
    return statistic[:, None].expand(-1, grouped.shape[1]).flatten()


def feature_channels(network: nn.Module, setup: Setup) -> int:
    """Return the channels of a discriminator's features, found on a copy that computes nothing."""
    probe = copy.deepcopy(network).to("meta").eval()
    images = torch.zeros(2, *setup.image, device="meta")
    labels = torch.zeros(2, dtype=torch.int64, device="meta") if setup.classes else None
    with torch.no_grad():
        found: Features = probe.features(images, *_given(labels))  # type: ignore[operator]
    return (found[-1] if isinstance(found, tuple) else found).shape[1]


def _given(labels: Tensor | None) -> tuple[Tensor, ...]:
    return () if labels is None else (labels,)
