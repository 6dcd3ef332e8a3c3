"""Inception v3 as FID means it, by torch-fidelity."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import nn
from typing_extensions import override

from gantool_metrics.weights import INCEPTION, missing_fidelity

if TYPE_CHECKING:
    from torch import Tensor

OUTPUTS = ("2048", "logits_unbiased")


def load_inception() -> nn.Module:
    """Return the network with its published weights.

    Raises:
        MissingExtraError: When torch-fidelity or the weights are not here.
        UsageError: When the file of weights is another one.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise missing_fidelity("inception") from error
    weights = INCEPTION.read()  # unpickled by torch-fidelity without any limits, so verified first
    network = FeatureExtractorInceptionV3(
        "inception-v3-compat", list(OUTPUTS), feature_extractor_weights_path=weights
    )
    return Pair(network)


class Pair(nn.Module):
    """Turns torch-fidelity's outputs into features [N, 2048] and logits without bias [N, 1008]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return cast("tuple[Tensor, Tensor]", self.network(images))
