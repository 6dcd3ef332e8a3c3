"""With `device.compile`, the engine's own forwards go through torch.compile, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

from gantool_gradient_penalties.plugin import R1

if TYPE_CHECKING:
    import pytest
    from torch import Tensor, nn

    from tests.training.conftest import Train


class Stood(torch.nn.Module):
    """Stands where torch.compile would: no compiler is needed to see who is called."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.calls = 0

    @override
    def forward(self, *inputs: Tensor) -> Any:
        self.calls += 1
        return self.network(*inputs)


def test_only_the_engines_own_forwards_are_compiled(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.compile", Stood)
    plain = train(R1(gamma=1.0))
    compiled = train(R1(gamma=1.0), device={"compile": True})
    plain.one_step()
    compiled.one_step()
    calls = {
        player: call.calls
        for player, call in compiled.game.compiled.items()
        if isinstance(call, Stood)
    }
    assert calls == {"generator": 2, "discriminator": 3}  # R1 calls the network itself
    for name, tensor in plain.game.network("discriminator").state_dict().items():
        assert torch.equal(tensor, compiled.game.network("discriminator").state_dict()[name])
