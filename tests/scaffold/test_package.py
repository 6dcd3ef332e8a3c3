from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import gantool
from gantool.errors import UsageError
from gantool.interfaces.component import KINDS
from gantool.scaffold.package import LONGEST, Names, check_names, package_files, write_package

pytestmark = pytest.mark.quick

EVERY = {
    ".github/workflows/ci.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "gantool_zero_r1/__init__.py",
    "gantool_zero_r1/plugin.py",
    "gantool_zero_r1/py.typed",
    "pyproject.toml",
    "tests/test_contract.py",
    "zero-r1.toml",
}
BESIDES = {
    "architecture": {"gantool_zero_r1/networks.py"},
    "dataset": {"gantool_zero_r1/source.py"},
    "extractor": {"gantool_zero_r1/network.py"},
    "optimizer": {"gantool_zero_r1/lion.py"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_package(kind: str) -> None:
    content = package_files(Names("zero-r1", kind))
    assert content.keys() == EVERY | BESIDES.get(kind, set())
    project = tomllib.loads(content["pyproject.toml"])
    assert project["project"]["name"] == "gantool-zero-r1"
    entries = project["project"]["entry-points"]["gantool.plugins"]
    assert entries == {"zero-r1": "gantool_zero_r1.plugin"}
    assert project["project"]["dependencies"] == ["gantool>=0.1"]
    stated = f"gantool_interface = {gantool.interface_version}\n"
    assert stated in content["gantool_zero_r1/__init__.py"]
    assert tomllib.loads(content["zero-r1.toml"])["requires"] == ["gantool-zero-r1>=0.1"]
    assert content["zero-r1.toml"].endswith(
        content["README.md"].split("```toml\n")[1].split("```")[0]
    )
    assert "python-version: ${{ matrix.python }}" in content[".github/workflows/ci.yml"]


def test_the_contract_test_is_three_lines() -> None:
    test = package_files(Names("zero-r1", "loss"))["tests/test_contract.py"]
    (function,) = [node for node in ast.parse(test).body if isinstance(node, ast.FunctionDef)]
    assert ast.unparse(function).splitlines() == [
        "@parametrize_with_checks('zero-r1')",
        "def test_contract(check: Check) -> None:",
        "    check()",
    ]


@pytest.mark.parametrize("length", [1, LONGEST])
def test_code_is_formatted_whatever_the_length_of_the_name(tmp_path: Path, length: int) -> None:
    for kind in KINDS:
        write_package(tmp_path / kind, package_files(Names("a" * length, kind)))
    for command in (["format", "--check"], ["check", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, str(tmp_path)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_names() -> None:
    names = Names("zero-r1-x", "loss")
    assert names.distribution == "gantool-zero-r1-x"
    assert names.module == "gantool_zero_r1_x"
    assert names.component == "ZeroR1XLoss"
    check_names(names)


@pytest.mark.parametrize(
    "name", ["", "Sparkle", "1st", "a_b", "a-", "-a", "a--b", "a b", "é", "a/b", "a.b", "a\n"]
)
def test_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a plugin cannot be called"):
        check_names(Names(name, "loss"))


def test_names_that_are_too_long_are_refused() -> None:
    check_names(Names("a" * LONGEST, "loss"))
    with pytest.raises(UsageError, match="has 41 characters"):
        check_names(Names("a" * (LONGEST + 1), "loss"))


def test_modules_that_exist_are_not_shadowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_names(Names("made-up", "loss"))
    (tmp_path / "gantool_made_up.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="there is a module gantool_made_up already"):
        check_names(Names("made-up", "loss"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    paths = write_package(tmp_path / "there", {"b/c.txt": "1", "a.txt": "2"})
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "there/a.txt",
        "there/b/c.txt",
    ]
    for place in (tmp_path / "there", tmp_path / "there" / "a.txt"):
        with pytest.raises(UsageError, match="there is something at"):
            write_package(place, {"a.txt": "3"})
    assert (tmp_path / "there" / "a.txt").read_text() == "2"


def test_a_file_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Two processes find the folder empty; the second finds the first one's files."""
    folder = tmp_path / "package"

    class Second(dict[str, str]):
        def items(self) -> Any:
            folder.mkdir()
            (folder / "b.py").write_text("mine", encoding="utf-8")
            return super().items()

    with pytest.raises(UsageError, match="there is something at"):
        write_package(folder, Second({"a.py": "", "b.py": "new"}))
    assert (folder / "b.py").read_text() == "mine"
