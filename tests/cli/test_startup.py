"""Commands that only read recipes and plugins start without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

PROGRAM = """
import json, sys
from gantool.cli.app import main

imported = {}
for command in json.loads(sys.argv[1]):
    try:
        code = main(command.split())
    except SystemExit as end:
        code = end.code
    heavy = {"torch", "torchvision", "matplotlib", "numpy"} & sys.modules.keys()
    imported[command] = [code, sorted(heavy)]
print(json.dumps(imported), file=sys.stderr)
"""
LIGHT = {
    "--help": 0,
    "--version": 0,
    "run --help": 0,
    "list-plugins": 0,
    "list-components": 0,
    "list-recipes": 0,
    "list-runs": 0,
    "schema": 0,
    "describe architecture/dcgan": 0,
    "show spectral": 0,
    "validate quickstart base l2 spectral": 0,
    "validate nothing-of-that-name": 2,
    "new-plugin no_name --kind loss": 2,
}


def test_light_commands_import_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(list(LIGHT))],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = json.loads(done.stderr.splitlines()[-1])
    assert imported == {command: [code, []] for command, code in LIGHT.items()}


def test_help_imports_neither_rich_nor_pydantic() -> None:
    program = "import sys\nfrom gantool.cli.app import main\n"
    program += "try: main(['--help'])\n"
    program += "except SystemExit: print({'rich', 'pydantic', 'tomlkit'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gantool", "list-recipes"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "quickstart\t" in done.stdout


def test_the_script_is_declared() -> None:
    (script,) = entry_points(group="console_scripts", name="gantool")
    assert script.value == "gantool.cli.app:main"


@pytest.mark.parametrize("command", [["show", "base"], ["--version"]])  # much, and buffered
def test_a_reader_that_leaves_early_is_no_bug(command: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "gantool", *command],
        check=False,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1
