"""The layers at the networks' ends are the convolutions that they replace."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gantool_dcgan.ends import FromVectors, ToVectors

pytestmark = pytest.mark.quick

PAIRS = [
    (FromVectors(5, 6, (4, 8)), nn.ConvTranspose2d(5, 6, (4, 8)), (3, 5, 1, 1)),
    (FromVectors(5, 6, 4, bias=False), nn.ConvTranspose2d(5, 6, 4, bias=False), (3, 5, 1, 1)),
    (ToVectors(6, 1, (4, 8)), nn.Conv2d(6, 1, (4, 8)), (3, 6, 4, 8)),
    (ToVectors(6, 2, 4, bias=False), nn.Conv2d(6, 2, 4, bias=False), (3, 6, 4, 4)),
]


def values_and_slopes(layer: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Return outputs, the gradients of all, and those of a penalty on the inputs' gradient."""
    inputs = inputs.clone().requires_grad_()
    outputs: Tensor = layer(inputs)
    (slope,) = torch.autograd.grad(outputs.tanh().sum(), inputs, create_graph=True)
    weights = list(layer.parameters())
    first = torch.autograd.grad(outputs.square().sum(), [inputs, *weights], retain_graph=True)
    second = torch.autograd.grad(slope.square().sum(), weights)
    return [outputs, *first, *second]


@pytest.mark.parametrize(
    ("ours", "torchs", "shape"), PAIRS, ids=lambda value: str(value).replace(" ", "")
)
def test_under_autocast_it_is_of_the_convolutions_type(
    ours: nn.Module, torchs: nn.Module, shape: tuple[int, ...]
) -> None:
    inputs = torch.randn(shape)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.float()(inputs).dtype == torchs.float()(inputs).dtype == torch.bfloat16


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize(
    ("ours", "torchs", "shape"), PAIRS, ids=lambda value: str(value).replace(" ", "")
)
def test_layer_is_the_convolution(
    ours: nn.Module, torchs: nn.Module, shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    ours.load_state_dict(torchs.state_dict())
    ours, torchs = (each.double().to(memory_format=layout) for each in (ours, torchs))
    inputs = torch.randn(shape, dtype=torch.float64).to(memory_format=layout)
    found, expected = (values_and_slopes(layer, inputs) for layer in (ours, torchs))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert found[0].is_contiguous(memory_format=layout)
