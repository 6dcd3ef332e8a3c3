"""Metrics `fid`, `kid` and others; extractors `inception`, `efficientnet-lite0` and others."""

from __future__ import annotations

from gantool import Component, hookimpl
from gantool_metrics.extractors import DINOv2, EfficientNetLite0, Inception, RandomConv
from gantool_metrics.metrics import (
    FID,
    KID,
    DensityCoverage,
    InceptionScore,
    IntraClass,
    Memorization,
    PerceptualPathLength,
    PrecisionRecall,
)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the metrics and the extractors."""
    return [
        FID,
        KID,
        IntraClass,
        PerceptualPathLength,
        InceptionScore,
        PrecisionRecall,
        DensityCoverage,
        Memorization,
        Inception,
        DINOv2,
        EfficientNetLite0,
        RandomConv,
    ]
