"""With `device.compile`, the engine's forwards and its image gradients go through torch.compile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
from typing_extensions import override

from gantool import Regularizer, Scheduled
from gantool_augmentation.plugin import DiffAugment, InstanceNoise
from gantool_gradient_penalties.plugin import R1, Dragan, WganGP
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool import GeneratorStep
    from tests.training.conftest import Train

compile_ = torch.compile


def translated_by(monkeypatch: pytest.MonkeyPatch, compiler: Callable[..., Any]) -> list[Any]:
    """Have another compiler translate, and return what it was given to."""
    given: list[Any] = []

    def stand_in(function: Any) -> Any:
        given.append(function)
        return compiler(function)

    monkeypatch.setattr("torch.compile", stand_in)
    return given


def traced(function: Any) -> Any:
    """Follow a function and its derivatives as torch.compile does, and run what was found."""
    return compile_(function, backend="aot_eager")


def weights(train: Train, *regularizers: Regularizer, **options: Any) -> list[Tensor]:
    trainer = train(*regularizers, device={"precision": "float64", **options}, classes=2)
    for _ in range(2):
        trainer.one_step()
    return list(trainer.game.network("discriminator").state_dict().values())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's own
@pytest.mark.parametrize(
    "regularizers",
    [
        (R1(gamma=Scheduled(3.0)), SpectralNorm()),
        (R1(gamma=Scheduled(3.0)), DiffAugment()),
        (WganGP(), InstanceNoise()),
        (Dragan(every_steps=2),),
    ],
    ids=lambda found: "-".join(each.name for each in found),
)
def test_a_compiled_step_is_the_plain_one(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    regularizers: tuple[Regularizer, ...],
) -> None:
    given = translated_by(monkeypatch, traced)
    compiled = weights(train, *regularizers, compile=True)
    assert len(given) == 3  # two players and the image gradient
    assert not [record for record in caplog.records if record.name == "gantool"]
    for ours, theirs in zip(compiled, weights(train, *regularizers), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


class Consensus(Regularizer):
    """Differentiates the game's losses in the weights, twice (Mescheder et al. 2017)."""

    name = "consensus"
    needs_both_graphs = True

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        weights = [*step.network("generator").parameters()]
        slopes = torch.autograd.grad(step.game_losses().generator, weights, create_graph=True)
        return torch.stack([slope.square().sum() for slope in slopes]).sum()


def test_networks_that_are_differentiated_twice_are_not_compiled(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = translated_by(monkeypatch, traced)
    compiled = weights(train, Consensus(), compile=True)
    assert len(given) == 1  # the image gradient, which nobody takes
    for ours, theirs in zip(compiled, weights(train, Consensus()), strict=True):
        assert torch.equal(ours, theirs)


def test_what_cannot_be_compiled_is_computed_without(
    train: Train, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("no C++ compiler is here\nand much more")

    translated_by(monkeypatch, lambda _: fail)
    with caplog.at_level(logging.WARNING, "gantool"):
        compiled = weights(train, R1(gamma=Scheduled(3.0)), compile=True)
    assert sorted(record.getMessage() for record in caplog.records) == [
        "the discriminator cannot be compiled: no C++ compiler is here",
        "the discriminator's gradient in images cannot be compiled: no C++ compiler is here",
        "the generator cannot be compiled: no C++ compiler is here",
    ]
    for ours, theirs in zip(compiled, weights(train, R1(gamma=Scheduled(3.0))), strict=True):
        assert torch.equal(ours, theirs)
