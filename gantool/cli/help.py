"""Help pages: headings, groups of commands, and examples line by line.

Typer's own pages with frames would double the time that `--help` takes, by importing a Markdown
parser and a syntax highlighter that they do not use.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, TypeVar

from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from gantool.cli.output import styled

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXAMPLES = "Examples"
COMMANDS = "Commands"
MEANT = {
    "check": "validate",
    "continue": "resume",
    "doctor": "environment",
    "download": "data download",
    "eval": "evaluate",
    "fid": "evaluate",
    "fit": "run",
    "generate": "sample",
    "help": "--help",
    "info": "environment",
    "init": "copy-recipe",
    "inspect": "data inspect",
    "list": "list-runs",
    "ls": "list-runs",
    "new": "new-plugin",
    "plugins": "list-plugins",
    "prepare": "data prepare",
    "recipes": "list-recipes",
    "runs": "list-runs",
    "score": "evaluate",
    "start": "run",
    "train": "run",
    "version": "--version",
}
"""What people type, and the command or option that does it."""
LIMIT = re.compile(r"\bx>=(?=\d+\])")

Command = TypeVar("Command", bound="Callable[..., None]")


def examples(text: str) -> Callable[[Command], Command]:
    """Give a command the examples that its page ends with, one a line."""

    def mark(command: Command) -> Command:
        command.examples = text  # type: ignore[attr-defined]
        return command

    return mark


class CommandPage(TyperCommand):
    """A command with a help page of our own."""

    @override
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [
            piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)
        ]

    @override
    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_parameters(self, ctx, formatter)

    @override
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_examples(self, formatter)


class GroupPage(TyperGroup):
    """A group of commands with a help page of our own."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        typed, meant = args[0], MEANT.get(args[0], "")
        known = meant.startswith("--") or meant.partition(" ")[0] in self.commands
        if meant and known and typed not in self.commands:
            ctx.fail(f"No such command '{typed}'. Did you mean '{meant}'?")
        return super().resolve_command(ctx, args)

    @override
    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_commands(self, ctx, formatter)
        write_parameters(self, ctx, formatter)

    @override
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_examples(self, formatter)


def write_commands(group: TyperGroup, context: Any, formatter: Any) -> None:
    """Write the commands of a group below the headings they were registered with."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        summary = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
        panel = getattr(command, "rich_help_panel", None) or COMMANDS
        panels.setdefault(panel, []).append((name, summary))
    widest = max(len(name) for rows in panels.values() for name, _ in rows)
    for panel, rows in panels.items():
        padded = [(f"{name:<{widest}}", summary) for name, summary in rows]
        write_section(formatter, panel, padded)


def write_parameters(command: TyperCommand | TyperGroup, context: Any, formatter: Any) -> None:
    """Write the arguments and options of a command."""
    rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            name, meaning = record[0], LIMIT.sub("at least ", record[1])
            is_argument = parameter.param_type_name == "argument"
            name = name.partition(" <")[0] if is_argument else name
            rows["Arguments" if is_argument else "Options"].append((name, meaning))
    for heading, records in rows.items():
        write_section(formatter, heading, records)


def write_section(formatter: Any, heading: str, rows: list[tuple[str, str]]) -> None:
    """Write a heading and what stands below it, if anything does."""
    if rows:
        with formatter.section(styled(heading, bold=True)):
            formatter.write_dl([(styled(name, fg="cyan"), text) for name, text in rows])


def write_examples(command: TyperCommand | TyperGroup, formatter: Any) -> None:
    """Write the examples as they are, a line each."""
    if command.epilog:
        with formatter.section(styled(EXAMPLES, bold=True)):
            for line in command.epilog.strip().splitlines():
                formatter.write(f"  {line}\n")
