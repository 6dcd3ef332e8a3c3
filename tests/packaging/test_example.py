"""The example of a third party's package, installed beside the wheel."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "gantool-wgan-gp"
LONGEST = 30
"""Lines that a published regularizer takes, documentation and empty lines aside."""


@dataclass(frozen=True)
class Bench:
    """Where the wheel and the example are installed, and a working folder.

    Attributes:
        python: An interpreter that sees the wheel and not the checkout.
        site: Where the example is.
        folder: A copy of the example's own folder.
    """

    python: Path
    site: Path
    folder: Path

    def run(self, *arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.site)}
        done = subprocess.run(
            [str(self.python), "-m", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def bench(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Install the example, as a package and without network."""
    folder = tmp_path_factory.mktemp("example")
    copy = folder / EXAMPLE.name
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--target", str(folder / "site"), str(copy)]
    subprocess.run(pip, check=True)
    shutil.rmtree(copy / "gantool_wgan_gp")  # what is imported is what is installed
    return Bench(python, folder / "site", copy)


def test_it_is_listed(bench: Bench) -> None:
    plugins = json.loads(bench.run("gantool", "list-plugins", "--json", "--strict"))
    (listed,) = (plugin for plugin in plugins if plugin["distribution"] != "gantool")
    assert listed["name"] == "wgan-gp"
    assert listed["distribution"] == "gantool-wgan-gp"
    assert listed["version"] == "0.1.0"
    assert listed["components"] == [{"kind": "regularizer", "name": "slope-penalty"}]


def test_it_keeps_the_contract(bench: Bench) -> None:
    told = bench.run("pytest", "-q", "-p", "no:cacheprovider", "-rA")
    checked = [line for line in told.splitlines() if line.startswith("PASSED")]
    identifier = "wgan-gp:regularizer/slope-penalty::agrees_with_its_closed_form"
    assert any(identifier in line for line in checked)
    assert len(checked) > 20
    assert "skipped" not in told
    records = bench.run("gantool", "check-plugin", "wgan-gp").splitlines()
    assert len(records) == len(checked) - 1  # without a test, there is no closed form
    assert {record.split("\t")[1] for record in records} == {"passed"}


def test_its_recipe_is_valid_and_trains(bench: Bench) -> None:
    assert bench.run("gantool", "validate", "slopes.toml") == "slopes.toml\tvalid\n"
    bench.run("gantool", "run", "slopes.toml", "--steps", "2", "--out", "run", "--device", "cpu")
    records = (bench.folder / "run" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(records[-1])
    assert last["step"] == 2
    assert last["penalty/slope-penalty"] > 0
    written = (bench.folder / "run" / "recipe.toml").read_text()
    assert 'requires = ["gantool-wgan-gp>=0.1"]' in written


def test_its_code_is_short_and_formatted() -> None:
    for command in (["format", "--check"], ["check", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, str(EXAMPLE)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    source = (EXAMPLE / "gantool_wgan_gp" / "plugin.py").read_text(encoding="utf-8")
    assert len(_without_docstrings(source)) <= LONGEST


def _without_docstrings(source: str) -> list[str]:
    """Return the lines that say something, but for strings that stand alone."""
    documentation = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    return [line for number, line in lines if line.strip() and number not in documentation]
