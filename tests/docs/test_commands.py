"""Every command that the documentation shows is one that the command line understands."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from gantool.cli.app import app
from gantool.recipe.shipped import shipped_names

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:bash|console|)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = re.compile(r"^(?:\$ )?(?:gantool|torchrun .*-m gantool) (.+)$", re.MULTILINE)
USAGE = re.compile(r"\[(?:OPTIONS|[A-Z/]+)\]|\b[A-Z]{3,}\b|…")
"""What stands for something else: the line is no command, but says how one is made."""
MANY_GPUS = (ROOT / "docs" / "many-gpus.md").read_text(encoding="utf-8")


def shown(page: Path) -> list[str]:
    """Return what follows `gantool` in each line of a page's blocks that starts so."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in START.findall(block)]
    return [line for line in lines if not USAGE.search(re.sub(r"'.*?'|\$\w+", "", line))]


COMMANDS = [(page.name, line) for page in PAGES for line in shown(page)]


def understand(words: list[str]) -> Any:
    """Parse a command's words; raises where an option is unknown or a value wrong."""
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        name, *words = words
        command = command.commands[name]
    return command.make_context("gantool", words)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_are_understood(page: str, line: str) -> None:
    words = shlex.split(re.sub(r" {2,}\S.*", "", line).partition(" > ")[0], comments=True)
    recipe = understand(words).params.get("recipe")
    takes_folders = words[:2] == ["data", "inspect"]
    if isinstance(recipe, str) and not recipe.endswith(".toml") and not takes_folders:
        assert recipe in shipped_names(), page


def test_commands_were_found() -> None:
    pages = {page for page, _ in COMMANDS}
    assert {"README.md", "tutorial.md", "commands.md", "recipes.md", "many-gpus.md"} <= pages
    assert len(COMMANDS) > 100


def test_scripts_for_clusters_are_scripts() -> None:
    scripts = re.findall(r"^```bash\n(#!.*?)^```$", MANY_GPUS, re.MULTILINE | re.DOTALL)
    tasks = re.findall(r"^```yaml\n(.*?)^```$", MANY_GPUS, re.MULTILINE | re.DOTALL)
    assert (len(scripts), len(tasks)) == (1, 1)
    yaml = pytest.importorskip("yaml")
    task = yaml.safe_load(tasks[0])
    assert {"num_nodes", "resources", "setup", "run"} <= task.keys()
    for script in (*scripts, task["setup"], task["run"]):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        for words in re.findall(r"\bwork=[(\"](.*)[)\"]$", script, re.MULTILINE):
            understand(shlex.split(words.replace("$run", "runs/base")))
