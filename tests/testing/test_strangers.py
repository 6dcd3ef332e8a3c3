"""Networks of well-known papers, as strangers write them, raise no false alarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gantool import Architecture, Regularizer
from gantool.testing import checks_for
from tests.testing.importable.strangers.biggan import BigGAN
from tests.testing.importable.strangers.regularizers import STRANGERS
from tests.testing.importable.strangers.sngan import SNGAN
from tests.testing.importable.strangers.stylegan2 import StyleGAN2

if TYPE_CHECKING:
    from gantool.testing import CheckResult

ELSEWHERE = ("checks_without_torch", "works_on_a_gpu")
"""The first is not for modules that import torch, the second is in test_gpu_checks."""


def of_width(component: type[Architecture], option: str, width: int) -> type[Architecture]:
    """Return an architecture whose example has a width."""
    about = {"__module__": component.__module__, "__doc__": component.__doc__}
    types = {"__annotations__": {option: int}}
    return type(component.__name__, (component,), {**about, **types, option: width})


@pytest.mark.parametrize("width", [4, 16, 64])
@pytest.mark.parametrize(
    ("component", "option"), [(SNGAN, "width"), (BigGAN, "ch"), (StyleGAN2, "width")]
)
def test_no_check_fails(
    try_check: Callable[..., CheckResult],
    component: type[Architecture],
    option: str,
    width: int,
) -> None:
    tried = of_width(component, option, width)
    names = [p.name for p in checks_for("architecture") if p.name not in ELSEWHERE]
    results = [try_check(name, tried) for name in names]
    assert results
    assert [(each.id, each.message) for each in results if each.status != "passed"] == []


@pytest.mark.parametrize("component", STRANGERS)
def test_regularizers_are_tried_on_what_they_support(
    try_every_check: Callable[..., list[CheckResult]], component: type[Regularizer]
) -> None:
    results = [each for each in try_every_check(component) if not each.id.endswith(ELSEWHERE)]
    assert len(results) >= 20
    assert [(each.id, each.message) for each in results if each.status != "passed"] == []
