"""The four losses, against numbers worked out by hand and against PyTorch's own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn import BCEWithLogitsLoss

from gantool import Loss
from gantool_losses.plugin import BCE, Hinge, LeastSquares, Wasserstein

pytestmark = pytest.mark.quick

LOSSES = [BCE(), BCE(real_target=0.9), Hinge(), LeastSquares(), Wasserstein()]
REAL, FAKE = [0.0, 2.0, -1.0], [0.0, -3.0, 0.5]

SOFTPLUS_2 = math.log(1 + math.exp(2))
SOFTPLUS_HALF = math.log(1 + math.exp(0.5))


def numbers(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        (
            BCE(),
            [
                2 * math.log(2),
                SOFTPLUS_2 - 2 + math.log(1 + math.exp(-3)),
                math.log(1 + math.e) + SOFTPLUS_HALF,
            ],
            [math.log(2), math.log(1 + math.exp(3)), SOFTPLUS_HALF - 0.5],
        ),
        (Hinge(), [2.0, 0.0, 2 + 1.5], [0.0, 3.0, -0.5]),
        (LeastSquares(), [0.5, 0.5 + 4.5, 2 + 0.125], [0.5, 8.0, 0.125]),
        (Wasserstein(), [0.0, -5.0, 1.5], [0.0, 3.0, -0.5]),
    ],
    ids=lambda value: value.name if isinstance(value, Loss) else "",
)
def test_terms_are_those_worked_out_by_hand(
    loss: Loss, discriminator: list[float], generator: list[float]
) -> None:
    real, fake = numbers(REAL), numbers(FAKE)
    exact: dict[str, Any] = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(loss.discriminator(real, fake), numbers(discriminator), **exact)
    torch.testing.assert_close(loss.generator(fake, None), numbers(generator), **exact)


@pytest.mark.parametrize("target", [1.0, 0.9, 0.7])
def test_bce_is_pytorchs_with_the_real_side_alone_smoothed(target: float) -> None:
    source = torch.Generator().manual_seed(0)
    real, fake = (4 * torch.randn(50, dtype=torch.float64, generator=source) for _ in range(2))
    pytorch = BCEWithLogitsLoss(reduction="none")
    expected = pytorch(real, torch.full_like(real, target)) + pytorch(fake, torch.zeros_like(fake))
    loss = BCE(real_target=target)
    torch.testing.assert_close(loss.discriminator(real, fake), expected)
    torch.testing.assert_close(loss.generator(fake, None), pytorch(fake, torch.ones_like(fake)))


@pytest.mark.parametrize("target", [0.9, 0.6])
def test_a_smoothed_discriminator_is_best_at_its_target(target: float) -> None:
    logit = math.log(target / (1 - target))
    real = numbers([logit - 0.1, logit, logit + 0.1]).requires_grad_()
    terms = BCE(real_target=target).discriminator(real, numbers([0.0] * 3))
    (slope,) = torch.autograd.grad(terms.sum(), real)
    assert float(slope[0]) < 0 < float(slope[2])
    assert abs(float(slope[1])) < 1e-12


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_terms_and_slopes_are_finite_for_huge_logits(loss: Loss, dtype: torch.dtype) -> None:
    values = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype)
    real, fake = values.clone().requires_grad_(), values.flip(0).requires_grad_()
    for terms in (loss.discriminator(real, fake), loss.generator(fake, None)):
        assert terms.shape == (5,)
        assert terms.dtype == dtype
        inputs = [real, fake]
        slopes = torch.autograd.grad(terms.sum(), inputs, allow_unused=True, materialize_grads=True)
        assert all(bool(part.isfinite().all()) for part in (terms, *slopes))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_each_player_is_pulled_its_own_way(loss: Loss) -> None:
    real, fake = numbers([0.3]).requires_grad_(), numbers([0.2]).requires_grad_()
    up, down = torch.autograd.grad(loss.discriminator(real, fake).sum(), [real, fake])
    (other,) = torch.autograd.grad(loss.generator(fake, None).sum(), fake)
    assert float(up) < 0  # a smaller loss where real logits rise
    assert float(down) > 0  # and those of fakes fall
    assert float(other) < 0  # a smaller one for the generator where those of fakes rise


@pytest.mark.parametrize("target", [0.5, 0.0, 1.1, -1, math.nan, "1"])
def test_targets_that_make_no_sense_are_refused(target: Any) -> None:
    with pytest.raises(ValidationError):
        BCE.model_validate({"real_target": target})
