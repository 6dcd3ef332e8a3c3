from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, PositiveInt

from gantool.interfaces.component import Component


class Parent(Component):
    """A component with options."""

    kind = "loss"
    name = "parent"

    plain: int = 1
    """What it is."""
    long: PositiveInt = 2
    """What it is,
    over two lines.
    """
    silent: int = 3

    class Inner(Component):
        """A component inside of a component."""

        option: int = 0
        """Of the inner one."""


class Child(Parent):
    """A component with some options of its own."""

    plain: int = 5
    long: PositiveInt = 6
    """Something else."""


def meanings(component: type[BaseModel]) -> dict[str, str | None]:
    return {name: field.description for name, field in component.model_fields.items()}


def test_strings_below_fields_are_their_meaning() -> None:
    assert meanings(Parent) == {
        "plain": "What it is.",
        "long": "What it is,\nover two lines.",
        "silent": None,
    }
    assert meanings(Parent.Inner) == {"option": "Of the inner one."}
    properties = Parent.model_json_schema()["properties"]
    assert properties["plain"]["description"] == "What it is."


def test_a_field_that_is_declared_again_speaks_for_itself() -> None:
    assert meanings(Child) == {"plain": None, "long": "Something else.", "silent": None}
    assert meanings(Parent)["plain"] == "What it is."


@pytest.mark.parametrize("meaning", ["first", "second"])
def test_classes_in_functions_and_under_conditions(meaning: str) -> None:
    if meaning == "first":

        class Local(Component):
            """A component of a function."""

            option: int = 0
            """Of the first branch."""

        assert meanings(Local) == {"option": "Of the first branch."}
    else:

        class Other(Component):
            """Another component of a function."""

            option: int = 0
            """Of the second branch."""

        assert meanings(Other) == {"option": "Of the second branch."}


def test_a_file_that_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    source = 'from gantool import Component\nclass A(Component):\n    a: int = 0\n    """{}"""\n'
    monkeypatch.syspath_prepend(tmp_path)
    for meaning in ("Before.", "Afterwards."):
        (tmp_path / "made_up_options.py").write_text(source.format(meaning))
        sys.modules.pop("made_up_options", None)
        importlib.invalidate_caches()
        module = importlib.import_module("made_up_options")
        assert meanings(module.A) == {"a": meaning}


def test_classes_without_a_file_have_no_meanings() -> None:
    code = 'class A(Component):\n    a: int = 0\n    """Lost."""\n'
    namespace = {"Component": Component, "__name__": "nowhere"}
    exec(code, namespace)
    component = namespace["A"]
    assert isinstance(component, type)
    assert issubclass(component, Component)
    assert meanings(component) == {"a": None}


def test_it_agrees_with_pydantic() -> None:
    class Reference(BaseModel):
        model_config = ConfigDict(use_attribute_docstrings=True)

        plain: int = 1
        """What it is."""
        long: PositiveInt = 2
        """What it is,
        over two lines.
        """
        silent: int = 3

    class ReferenceChild(Reference):
        plain: int = 5
        long: PositiveInt = 6
        """Something else."""

    assert meanings(Reference) == meanings(Parent)
    assert meanings(ReferenceChild) == meanings(Child)
