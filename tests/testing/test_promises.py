"""The list of promises: complete, told in sentences, and there without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gantool import UsageError
from gantool.interfaces.component import KINDS
from gantool.testing import Promise, checks_for
from gantool.testing.promises import GROUPS

pytestmark = pytest.mark.quick

PROMISES = [promise for group in GROUPS for promise in checks_for(group)]


def test_every_kind_has_checks_and_a_test_of_them() -> None:
    assert set(KINDS) < set(GROUPS)
    for group in GROUPS:
        assert checks_for(group), group
        assert (Path(__file__).parent / f"test_{group}_checks.py").is_file(), group


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_promise_is_one_sentence_of_few_words(promise: Promise) -> None:
    text = promise.text
    assert text.endswith(".")
    assert ". " not in text
    assert len(text.split()) <= 25
    assert "\n" not in (promise.function.__doc__ or "")


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_unique_within_a_component(kind: str) -> None:
    names = [promise.name for promise in (*checks_for("component"), *checks_for(kind))]
    assert len(names) == len(set(names))


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no checks for 'sampler'\none of: plugin, component"):
        checks_for("sampler")


def test_importing_the_package_imports_neither_torch_nor_pytest() -> None:
    code = "import sys, gantool.testing; print(sorted({'torch', 'pytest'} & set(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"
