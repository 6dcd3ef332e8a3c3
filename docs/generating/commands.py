"""`commands.md`: every command of the command line."""

from __future__ import annotations

import inspect
import re
import signal
from typing import TYPE_CHECKING, Any

import typer.main
from typer.core import TyperGroup

from gantool.cli.app import COMMANDS, app
from gantool.errors import GantoolError, Interrupted
from generating.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """
`gantool COMMAND --help` says the same in a terminal. Results go to stdout, one record a line and
tab-separated where another program reads them; progress, warnings and errors go to stderr. Every
command takes `--help` (or `-h`), and `--debug`, which shows the traceback of a failure.
`gantool --version` prints the version; `gantool --install-completion` lets the shell complete
commands, recipes, runs, components and the keys of `--set`.
"""
EVERYWHERE = {"--help", "--debug"}
AT_LEAST = re.compile(r"\bx>=(?=[\d.]+\])")
REMARK = re.compile(r"\s+\[(.*)\]$")
"""What stands behind the meaning of an option: its default, its limits."""
FIRST_ROWS = (
    ("0", "Done."),
    ("1", "A plugin breaks a promise (`check-plugin`); a question was not answered with yes."),
    ("1", "Anything unforeseen: a bug, in gantool or in a plugin."),
)
VARIABLES = (
    (
        "GANTOOL_CACHE",
        "Folder of the cache; by default `gantool` in `$XDG_CACHE_HOME`, or `~/.cache`.",
    ),
    (
        "GANTOOL_ARTWORKS",
        "Folder or zip file of the dataset `artworks`, where a recipe names none.",
    ),
    ("GANTOOL_DISABLE_PLUGINS", "Plugins that are not even imported, separated by commas."),
    ("NO_COLOR", "Anything: no colors."),
)
Path = tuple[str, ...]


def content() -> Iterator[str]:
    """Yield the page below its introduction."""
    panels: dict[str, list[tuple[Path, Any]]] = {}
    for panel, path, command in _commands(typer.main.get_command(app)):
        panels.setdefault(panel, []).append((path, command))
    rows = (
        (f"[{' '.join(path)}](#gantool-{'-'.join(path)})", _paragraphs(command)[0])
        for commands in panels.values()
        for path, command in commands
    )
    yield table(("command", "purpose"), rows)
    yield "[Exit codes](#exit-codes) and [environment variables](#environment-variables) follow."
    for panel, commands in panels.items():
        yield f"## {panel}"
        for path, command in commands:
            yield from _command(path, command)
    yield "## Exit codes"
    yield table(("exit code", "what happened"), [*FIRST_ROWS, *_exit_codes()])
    yield "## Environment variables"
    yield table(("variable", "meaning"), ((f"`{name}`", what) for name, what in VARIABLES))


def _commands(group: Any, path: Path = (), panel: str = "") -> Iterator[tuple[str, Path, Any]]:
    """Yield every command that does something: its heading, how it is called, itself."""
    for name, command in group.commands.items():
        heading = panel or getattr(command, "rich_help_panel", None) or COMMANDS
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name), heading)
        elif not command.hidden:
            yield heading, (*path, name), command


def _command(path: Path, command: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=f"gantool {' '.join(path)}")
    yield f"### gantool {' '.join(path)}"
    yield from _paragraphs(command)
    pieces = " ".join(command.collect_usage_pieces(context))
    yield code(f"{context.info_name} {pieces}")
    for kind in ("argument", "option"):
        rows = list(_parameters(command, context, kind))
        if rows:
            yield table((kind, "meaning"), rows)
    yield code(command.epilog, "bash")


def _paragraphs(command: Any) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [" ".join(each.split()) for each in text.split("\n\n")]


def _parameters(command: Any, context: Any, kind: str) -> Iterator[tuple[str, str]]:
    """Yield each argument or option of a command and what it means."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if parameter.param_type_name != kind or record is None:
            continue
        if EVERYWHERE.isdisjoint(parameter.opts):
            name, meaning = record
            meaning = REMARK.sub(r" (\1)", AT_LEAST.sub("at least ", meaning))
            yield f"`{name.partition(' <')[0] if kind == 'argument' else name}`", meaning


def _exit_codes(error: type[GantoolError] = GantoolError) -> Iterator[tuple[str, str]]:
    """Yield the exit code of every error that is raised on purpose, and its meaning."""
    for kind in error.__subclasses__():
        if kind.__module__ == GantoolError.__module__:
            signals = (f"{128 + number}" for number in (signal.SIGINT, signal.SIGTERM))
            number = " or ".join(signals) if kind is Interrupted else str(kind.exit_code)
            yield number, (inspect.getdoc(kind) or "").partition("\n")[0]
            yield from _exit_codes(kind)
