from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from gantool.cli.app import MEANT, app
from gantool.recipe.shipped import shipped_recipes

pytestmark = pytest.mark.quick

ROOT = typer.main.get_command(app)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, and how it is called."""
    if isinstance(command, TyperGroup):
        for name, inside in command.commands.items():
            yield from leaves(inside, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(ROOT))
EXAMPLES = [
    example
    for command in (ROOT, *COMMANDS.values())
    for example in (command.epilog or "").strip().splitlines()
]


def words_of(example: str) -> list[str]:
    """Return what follows the program's name in an example, as the shell would pass it."""
    said = shlex.split(example.partition(">")[0])
    while "=" in said[0]:  # environment variables
        said = said[1:]
    assert said[0] == "gantool"
    return said[1:]


def test_every_command_of_the_tool_is_there() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        "run",
        "resume",
        "sample",
        "validate",
        "show",
        "list-plugins",
        "list-components",
        "describe",
        "list-recipes",
        "list-runs",
        "copy-recipe",
        "data download",
        "data prepare",
        "data inspect",
        "cache show",
        "cache clear",
        "environment",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_explains_every_argument_and_gives_examples(
    path: tuple[str, ...], gantool: Callable[..., Any]
) -> None:
    outcome = gantool(*path, "-h")
    assert outcome.code == 0
    assert outcome.stdout == gantool(*path, "--help").stdout
    assert outcome.stderr == ""
    command = COMMANDS[path]
    assert all(parameter.help for parameter in command.params), "an option without help"
    examples = outcome.stdout.partition("Examples:\n")[2].splitlines()
    assert examples == [f"  {line}" for line in command.epilog.strip().splitlines()] != []
    assert all(f"gantool {' '.join(path)}" in line for line in examples)
    assert max(map(len, outcome.stdout.splitlines())) <= 100


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_commands_that_are_understood(example: str) -> None:
    command, words = ROOT, words_of(example)
    while isinstance(command, TyperGroup):
        name, *words = words
        command = command.commands[name]
    command.make_context("gantool", words)  # raises where an option is unknown or a value wrong


def test_examples_were_found() -> None:
    assert len(EXAMPLES) > 2 * len(COMMANDS)


def test_help_groups_the_commands(gantool: Callable[..., Any]) -> None:
    page = gantool("--help").stdout
    headings = re.findall(r"^(\S.*):$", page, re.MULTILINE)
    assert headings == ["Train", "Recipes", "Plugins", "Data and machine", "Options", "Examples"]
    for path in COMMANDS:
        assert re.search(rf"^  {path[0]} +\S", page, re.MULTILINE)


def test_version(gantool: Callable[..., Any]) -> None:
    import gantool as package

    assert gantool("--version").stdout == f"gantool {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run", "base", "--stesp", "3"], "No such option: --stesp"),
        (["train", "base"], "No such command 'train'. Did you mean 'run'?"),
        (["help"], "No such command 'help'. Did you mean '--help'?"),
        (["plugins"], "No such command 'plugins'. Did you mean 'list-plugins'?"),
        (["data", "list"], "No such command 'list'."),
        (["run"], "missing argument RECIPE"),
        (["run", "base", "--steps", "0"], "--steps"),
        (["run", "base", "--steps", "many"], "--steps"),
        (["run", "base", "--quiet", "--verbose"], "--quiet and --verbose exclude each other"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    words: list[str], said: str, gantool: Callable[..., Any]
) -> None:
    outcome = gantool(*words)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert said in outcome.stderr


def test_run_without_a_recipe_lists_them(gantool: Callable[..., Any]) -> None:
    lines = gantool("run").stderr.splitlines()
    for recipe in shipped_recipes():
        assert any(line.split(maxsplit=1) == [recipe.name, recipe.summary] for line in lines)


def test_what_other_programs_call_a_command_leads_to_one_that_exists() -> None:
    for typed, meant in MEANT.items():
        assert typed not in {path[0] for path in COMMANDS}
        assert tuple(meant.split()) in COMMANDS or meant in ("--help", "--version")
