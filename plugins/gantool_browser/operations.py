"""Operations that the page can compute: torch's, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool_browser import layers, pointwise, shaping

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES: Mapping[str, str] = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_to_copy": "to",
    "_unsafe_view": "view",
    "clamp_max": "clamp",
    "clamp_min": "clamp",
    "native_group_norm": "group_norm",
    "native_layer_norm": "layer_norm",
    "split_with_sizes": "split",
    "chunk": "split",
    "concat": "cat",
    "true_divide": "div",
    "subtract": "sub",
    "multiply": "mul",
    "hardtanh": "clamp",
}
SAME = (
    "alias", "clone", "contiguous", "detach", "dropout", "flatten", "reshape", "squeeze", "to",
    "unflatten", "unsqueeze", "view", "lift_fresh_copy",
)  # fmt: skip
PLAIN = (
    "abs", "cos", "exp", "log", "neg", "reciprocal", "relu", "rsqrt", "sigmoid", "silu", "sin",
    "sqrt", "square", "tanh",
)  # fmt: skip
OPERATIONS: Mapping[str, Any] = {
    **dict.fromkeys(SAME, shaping.same),
    **{name: pointwise.unary(name) for name in PLAIN},
    **{name: pointwise.binary(name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    "addmm": layers.matrix_product,
    "batch_norm": layers.batch_norm,
    "cat": shaping.concatenate,
    "clamp": pointwise.unary("clamp", "min", "max", "min_val", "max_val"),
    "conv2d": layers.convolution,
    "conv_transpose2d": layers.convolution_transposed,
    "convolution": layers.convolution,
    "elu": pointwise.unary("elu", "alpha"),
    "embedding": layers.embedding,
    "expand": shaping.expand,
    "gelu": pointwise.unary("gelu"),
    "group_norm": layers.group_norm,
    "instance_norm": layers.instance_norm,
    "layer_norm": layers.layer_norm,
    "leaky_relu": pointwise.unary("leaky_relu", "negative_slope"),
    "linalg_vector_norm": pointwise.vector_norm,
    "linear": layers.linear,
    "matmul": layers.matmul,
    "mean": pointwise.reduction("mean"),
    "mm": layers.matrix_product,
    "permute": shaping.permute,
    "pixel_shuffle": shaping.pixel_shuffle,
    "pow": pointwise.unary("pow", "exponent"),
    "select": shaping.select,
    "slice": shaping.cut,
    "softplus": pointwise.unary("softplus", "beta"),
    "split": shaping.split,
    "sum": pointwise.reduction("sum"),
    "transpose": shaping.transpose,
    "upsample_nearest2d": shaping.upsample_nearest,
}
"""By torch's names, those of `ALIASES` aside."""
