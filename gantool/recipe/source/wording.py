"""Plain words for the errors that pydantic reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic_core import ErrorDetails

LONGEST_SHOWN = 60

TYPES = {
    **dict.fromkeys(("int_type", "int_from_float"), "a whole number"),
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "path_type": "a path in quotes",
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "an array"),
    **dict.fromkeys(("dict_type", "dataclass_type", "dataclass_exact_type"), "a table"),
    **dict.fromkeys(("model_type", "model_attributes_type"), "a table"),
}
"""Expectations, by pydantic's name of the error."""

LIMITS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda limit: _above(limit["gt"]),
    "greater_than_equal": lambda limit: f"at least {_number(limit['ge'])}",
    "less_than": lambda limit: _below(limit["lt"]),
    "less_than_equal": lambda limit: f"at most {_number(limit['le'])}",
    "multiple_of": lambda limit: f"a multiple of {_number(limit['multiple_of'])}",
    "literal_error": lambda limit: str(limit["expected"]),
    "enum": lambda limit: str(limit["expected"]),
    "string_too_short": lambda limit: f"text of at least {limit['min_length']} characters",
    "string_too_long": lambda limit: f"text of at most {limit['max_length']} characters",
    "string_pattern_mismatch": lambda limit: f"text of the form {limit['pattern']}",
    "too_short": lambda limit: f"an array of at least {limit['min_length']} values",
    "too_long": lambda limit: f"an array of at most {limit['max_length']} values",
}
"""Expectations, from the limits that come with the error."""


def reword(errors: Sequence[ErrorDetails], value: Any) -> str:
    """Return one sentence for all errors about one value: the branches of a union fail together."""
    for error in errors:
        if error["type"] in ("value_error", "assertion_error"):  # the component's own words
            return str(error["ctx"]["error"])
    missing = [error for error in errors if error["type"] == "missing"]
    told = [error for error in errors if error["type"] != "missing"] + missing[-1:]
    expected = dict.fromkeys(_expected(error) for error in told)
    return f"expected {' or '.join(expected)}, got {brief(value)}"


def _expected(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind in TYPES:
        return TYPES[kind]
    if kind in LIMITS:
        return LIMITS[kind](error["ctx"])
    last = error["loc"][-1] if error["loc"] else None
    if kind == "missing" and isinstance(last, int):  # the last missing element of a tuple
        return f"an array of {last + 1} values"
    return error["msg"].removeprefix("Input should be ")


def _number(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _above(limit: Any) -> str:
    return f"at least {limit + 1}" if isinstance(limit, int) else f"more than {_number(limit)}"


def _below(limit: Any) -> str:
    return f"at most {limit - 1}" if isinstance(limit, int) else f"less than {_number(limit)}"


def brief(value: Any) -> str:
    """Return a value as a recipe would hold it, cut where it is long."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        text = "an array of tables"
    elif isinstance(value, list):
        text = f"[{', '.join(map(brief, value))}]"
    else:
        text = repr(value)  # which spells out control characters
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
