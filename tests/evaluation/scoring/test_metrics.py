from __future__ import annotations

import pytest
import torch

from gantool import Evidence, Metric, PluginError, Samples, UsageError
from gantool.evaluation.scoring.metrics import measure


class Dice(Metric):
    """Throws a die."""

    name = "dice"
    direction = "higher"
    fault: str = ""
    """What goes wrong."""

    def compute(self, evidence: Evidence) -> dict[str, float]:
        if self.fault == "plugin":
            raise IndexError("no seventh side")
        if self.fault == "usage":
            raise UsageError("too few dice")
        return {"value": float(torch.rand((), generator=evidence.random))}

    def score_name(self, extractor: str | None) -> str:
        return f"dice-{extractor}"


@pytest.fixture
def evidence() -> Evidence:
    samples = Samples(torch.zeros(2, 3, 1, 1, dtype=torch.uint8), torch.zeros(2, 4))
    return Evidence(samples, samples, None, torch.Generator().manual_seed(0))


def test_chance_is_a_metrics_own(evidence: Evidence) -> None:
    """Whatever others have drawn before, and in whatever order."""
    first = measure(Dice(), evidence, seed=5, extractor="eyes")
    assert first.keys() == {"dice-eyes/value"}
    assert measure(Dice(), evidence, seed=5, extractor="eyes") == first
    assert measure(Dice(), evidence, seed=6, extractor="eyes") != first


def test_a_failing_metric_is_named(evidence: Evidence) -> None:
    with pytest.raises(
        PluginError, match=r"metric 'dice' failed in compute .*: IndexError: no seventh side"
    ):
        measure(Dice(fault="plugin"), evidence, seed=0, extractor=None)
    with pytest.raises(UsageError, match="too few dice"):
        measure(Dice(fault="usage"), evidence, seed=0, extractor=None)
