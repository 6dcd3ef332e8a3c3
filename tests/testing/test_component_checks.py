"""Each check of components in general, seen failing on one that breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import pytest
from pydantic import ConfigDict, Field, NonNegativeFloat, PlainValidator, PositiveInt
from typing_extensions import override

from gantool import Component, Regularizer

if TYPE_CHECKING:
    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick


class Sound(Regularizer):
    """Regularizer with options of every sort."""

    name = "sound"

    weight: NonNegativeFloat = 1.0
    """Weight of the penalty."""
    levels: tuple[PositiveInt, ...] = (1, 2)
    """Levels it looks at."""
    mode: Literal["mean", "sum"] = "mean"
    """How terms are put together."""
    start: PositiveInt | None = None
    """Step of its start; absent: from the first one on."""
    folder: Path = Path("somewhere")
    """Where it looks."""


class Shouting(Sound):
    """Regularizer with a name that recipes do not write."""

    name = "SOUND_2"


class Kind(Sound):
    """Regularizer that is called like a kind."""

    name = "loss"


class Silent(Sound):
    name = "silent"


class Rambling(Sound):
    """Regularizer whose first line
    goes on in the second.
    """


class RunningOn(Sound):
    """Regularizer.
    It does not leave a line.
    """


class Endless(Sound):
    """Regularizer with a long first line."""


Endless.__doc__ = f"Regularizer {'that goes on ' * 7}and on."


class Titled(Sound):
    """Regularizer without a sentence"""


class Foreign(Sound):
    """Regularizer whose example is another one."""

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return Sound()  # type: ignore[return-value]


class Demanding(Sound):
    """Regularizer with a required option, and without an example."""

    source: Path
    """Where from."""


class Forgetful(Sound):
    """Regularizer that writes down less than it holds."""

    weight: NonNegativeFloat = Field(1.0, exclude=True)
    """Weight of the penalty."""

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return cls(weight=2.0)


class Thawed(Sound):
    """Regularizer that can be changed."""

    model_config = ConfigDict(frozen=False)


class Undescribed(Sound):
    """Regularizer with an option that nobody explains."""

    secret: float = 0.0


class Open(Sound):
    """Regularizer that takes any option."""

    model_config = ConfigDict(extra="allow")


class Careless(Sound):
    """Regularizer that takes any number."""

    model_config = ConfigDict(allow_inf_nan=True)


class CarelessInside(Sound):
    """Regularizer that takes any number in an array."""

    shares: tuple[Annotated[float, Field(allow_inf_nan=True)], ...] = (0.5,)
    """Shares."""


class Guessing(Sound):
    """Regularizer that makes numbers of texts."""

    model_config = ConfigDict(strict=False)


class Listing(Sound):
    """Regularizer with a list."""

    names: list[str] | None = None
    """Names."""


class Anything(Sound):
    """Regularizer that holds whatever it is given."""

    table: Any = Field(default_factory=dict)
    """A table."""


class Rounding(Sound):
    """Regularizer whose default is not of its type."""

    size: Annotated[float, PlainValidator(lambda value: float(round(value)))] = 1.5
    """Size."""


class Uncallable(Sound):
    """Regularizer with an option that no recipe can say."""

    call: Callable[[], None] | None = None
    """What to call."""


class Opaque(Sound):
    """Regularizer whose schema leaves out an option."""

    @override
    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        schema = super().model_json_schema(*arguments, **options)
        del schema["properties"]["weight"]
        return schema


class Misnaming(Sound):
    """Regularizer that excuses a check that there is not."""

    expected_failures = {"trians": "it is slow"}  # noqa: RUF012


class Unreasoned(Sound):
    """Regularizer that says nothing for its excuse."""

    expected_failures = {"trains": " "}  # noqa: RUF012


class Claiming(Sound):
    """Regularizer that lists what it excuses."""

    expected_failures: ClassVar[Any] = ["trains"]


BROKEN = [
    ("excuses_known_checks", Misnaming, "names 'trians', which is no check of it"),
    ("excuses_known_checks", Unreasoned, "gives no reason for 'trains'"),
    ("excuses_known_checks", Claiming, r"is \['trains'\], not reasons by the names of checks"),
    ("has_a_name_for_recipes", Shouting, "'SOUND_2' is no lower-case name"),
    ("has_a_name_for_recipes", Kind, "'loss' is the name of a kind"),
    ("says_what_it_is_in_one_line", Silent, "class Silent has no docstring of its own"),
    ("says_what_it_is_in_one_line", Rambling, "the first line is no whole sentence"),
    ("says_what_it_is_in_one_line", Titled, "the first line is no whole sentence"),
    ("says_what_it_is_in_one_line", RunningOn, "the first line goes on in the second"),
    ("says_what_it_is_in_one_line", Endless, r"the first line has 110 characters"),
    ("makes_an_example", Foreign, "`example` returned a Sound"),
    ("makes_an_example", Demanding, "not valid: source: Field required; override `example`"),
    ("makes_an_example", Forgetful, r"weight=2.0.* is .*weight=1.0"),
    ("cannot_be_changed", Thawed, "its attribute 'weight' can be set"),
    ("describes_every_option", Undescribed, "no docstring below: secret"),
    ("refuses_unknown_options", Open, "accepts the option 'an-option-that-nobody-has'"),
    ("refuses_numbers_that_are_not_finite", Careless, "'weight' accepts inf"),
    ("refuses_numbers_that_are_not_finite", CarelessInside, r"'shares\.0' accepts nan"),
    ("takes_no_text_for_numbers", Guessing, "'weight' accepts '1.0' for 1.0"),
    ("has_no_mutable_options", Listing, "'names' may hold a list; use a tuple"),
    ("has_no_mutable_options", Anything, "an option holds something mutable"),
    ("has_defaults_that_a_recipe_can_say", Rounding, "default of 'size' is 1.5, read back 2.0"),
    ("exports_a_schema", Uncallable, "PydanticInvalidForJsonSchema"),
    ("exports_a_schema", Opaque, r"the schema has \['folder', .*, the class \[.*'weight'\]"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Component], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("component")


def test_sound_component_passes(
    try_check: Callable[..., CheckResult], names_of: Callable[[str], set[str]]
) -> None:
    results = [try_check(name, Sound) for name in sorted(names_of("component"))]
    assert results
    assert [result for result in results if result.status != "passed"] == []
