"""Each check of optimizers, seen failing on an optimizer that breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import NonNegativeFloat
from torch import Tensor
from typing_extensions import override

from gantool import Optimizer, Scheduled

if TYPE_CHECKING:
    from gantool.testing import CheckResult


class Sound(Optimizer):
    """Torch's NAdam."""

    name = "sound"

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return torch.optim.NAdam(
            parameters, lr=learning_rate, foreach=False, capturable=learning_rate.is_cuda
        )


class HalfOfThem(Sound):
    """Leaves parameters alone."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return super().build(list(parameters)[1:], learning_rate)


class NotTorch(Sound):
    """Returns what is no optimizer."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return None  # type: ignore[return-value]


class Ascending(Sound):
    """Climbs."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=learning_rate, maximize=True)


class Fixed(Sound):
    """Reads the learning rate once."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=float(learning_rate))


class Deaf(Sound):
    """Makes groups of its own of the parameters that it is given."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        given = [w for p in parameters for w in (p["params"] if isinstance(p, dict) else [p])]
        return super().build(given, learning_rate)


class Counting(torch.optim.SGD):
    """Slows down by a number that no checkpoint holds."""

    steps = 0

    @override
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.steps += 1
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.grad.div_(self.steps)
        super().step()


class Forgetful(Sound):
    """Begins anew after a restart."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return Counting(parameters, lr=learning_rate)


class Shaken(torch.optim.SGD):
    """Adds noise of its own."""

    @override
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.grad.add_(torch.randn_like(weight))
        super().step()


class Noisy(Sound):
    """Draws from the global generator."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return Shaken(parameters, lr=learning_rate)


class Steady(Sound):
    """Has a decay that may be scheduled, and takes the first one."""

    decay: Scheduled[NonNegativeFloat] = Scheduled(0.5)
    """Share of each weight that is added to its gradient."""

    @override
    def build(self, parameters: Any, learning_rate: Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=learning_rate, weight_decay=self.decay.start)


class Decaying(Steady):
    """Has a decay that falls."""

    @override
    def follow(self, optimizer: torch.optim.Optimizer, progress: float) -> None:
        optimizer.param_groups[0]["weight_decay"] = self.decay.value(progress)


BROKEN = [
    ("trains_what_it_is_given", HalfOfThem, "of 3 parameters, its groups hold 2"),
    ("trains_what_it_is_given", NotTorch, "`build` returned NoneType"),
    ("follows_the_gradient_down", Ascending, r"goes up the slope: \d"),
    ("reads_the_learning_rate_in_every_step", Fixed, "with the learning rate 0 .* weights move"),
    ("takes_options_of_groups", Deaf, r"a group's eps = \S+ became"),
    ("resumes_exactly", Forgetful, "after a restart"),
    ("depends_on_its_options_alone", Noisy, "trained again"),
    ("follows_its_schedules", Steady, "with a schedule, the option 'decay' stays what it is"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Optimizer], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} | {"works_on_a_gpu"} == names_of("optimizer")


@pytest.mark.parametrize("component", [Sound, Decaying])
def test_sound_optimizers_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Optimizer]
) -> None:
    every = try_every_check(component)
    results = [each for each in every if not each.id.endswith("works_on_a_gpu")]
    assert results
    assert [result for result in results if result.status != "passed"] == []
