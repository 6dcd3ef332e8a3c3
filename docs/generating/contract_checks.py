"""`contract-checks.md`: what a plugin promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.interfaces.component import KINDS
from gantool.testing import checks_for
from gantool.testing.promises import COMPONENT, PLUGIN
from generating.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """
What gantool expects of every plugin, one function a promise. Three lines in a plugin's own tests
check all of them:

```python
from gantool.testing import Check, parametrize_with_checks


@parametrize_with_checks("my-plugin")
def test_contract(check: Check) -> None:
    check()
```

The test of each promise is called `plugin:kind/name::check`. `gantool check-plugin my-plugin`
makes the same checks without pytest, `gantool check-plugin my-plugin:my-loss` those of one
component, and a test's name makes that one alone. What fails for one reason is shown as one.

A promise that a component cannot keep is named on its class, with the reason, for both; as soon as
it is kept after all, the exemption is an error:

```python
from typing import ClassVar

from gantool import Loss


class Odd(Loss):
    name = "odd"
    expected_failures: ClassVar = {"stays_finite": "it has a pole at 0"}
```

`parametrize_with_checks` also takes `expected_failures={"my-plugin::loads": "why"}`, for tests
alone.

`closed_forms={"my-penalty": value}` compares a regularizer's penalty with its value on paper:
`value(component, game)` computes it from weights and images of a `gantool.testing.QuadraticGame`,
whose discriminator has another gradient in each image, so that R1 on the wrong images is found.
"""


def content() -> Iterator[str]:
    """Yield the page below its introduction."""
    titles = {PLUGIN: "Of a plugin", COMPONENT: "Of every component"}
    for group in (PLUGIN, COMPONENT, *KINDS):
        yield f"## {titles.get(group, f'Of {_with_article(group)}')}"
        rows = ((f"`{promise.name}`", promise.text) for promise in checks_for(group))
        yield table(("check", "promise"), rows)


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
