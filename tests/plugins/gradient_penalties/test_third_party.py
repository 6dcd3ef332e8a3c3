"""WGAN-LP as somebody else would write and publish it: one short module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import torch

from gantool import Regularizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.conftest import Bench

LONGEST = 30

MODULE = '''\
"""The WGAN-LP gradient penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import NonNegativeFloat

from gantool import Component, LazyOption, Regularizer, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import DiscriminatorStep


class WganLP(LazyOption, Regularizer):
    """Penalty on slopes above 1 between real and fake images (Petzka et al. 2018)."""

    name = "their-wgan-lp"
    strength = "weight"
    uses_image_gradient = True

    weight: NonNegativeFloat = 10.0
    """Weight of the penalty."""

    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        share = step.random.uniform(len(step.real), 1, 1, 1)
        mixed = share * step.real + (1 - share) * step.fake  # [N, C, H, W]
        gradient = step.image_gradient(mixed, step.real_labels)  # [N, C, H, W]
        norms = gradient.flatten(1).norm(dim=1)  # [N]
        return self.weight * (norms - 1).relu().square().mean()


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [WganLP]
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import importlib

    (tmp_path / "their_wgan_lp.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("their_wgan_lp")


def test_it_takes_at_most_thirty_lines_as_ruff_formats_them() -> None:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    done = subprocess.run(command, input=MODULE, capture_output=True, text=True, check=True)
    assert done.stdout == MODULE  # ruff's defaults: 88 columns
    assert len([line for line in MODULE.splitlines() if line.strip()]) <= LONGEST


@pytest.mark.parametrize("norm", [0.5, 1.0, 2.5])
def test_its_value_on_a_linear_discriminator(
    module: ModuleType, bench: Callable[..., Bench], norm: float
) -> None:
    (component,) = module.gantool_components()
    penalty: Regularizer = component(weight=4.0)
    set_up = bench(penalty)
    weight = set_up.game.network("discriminator").get_parameter("to_logit.weight")
    with torch.no_grad():
        weight.mul_(norm / weight.norm())
    value = set_up.penalty(real=set_up.images()).item()
    assert value == pytest.approx(4 * max(0.0, norm - 1) ** 2, abs=1e-12)


def test_it_trains_and_can_be_turned_off(module: ModuleType, bench: Callable[..., Bench]) -> None:
    trainer = bench(module.WganLP(every_steps=2), module.WganLP(weight=0.0)).trainer
    trainer.one_step()
    assert [active.stream for active in trainer.game.regularization.active] == ["their-wgan-lp"]
    assert "penalty/their-wgan-lp" in trainer.game.totals.means()
