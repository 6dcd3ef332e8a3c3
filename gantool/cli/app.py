"""The application: commands, their help pages, and the one place where failures are shown."""

from __future__ import annotations

import inspect
import os
import re
import sys
from contextlib import suppress
from functools import wraps
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from gantool import __version__
from gantool.cli import cache, data
from gantool.cli.output import styled
from gantool.cli.plugins import check_plugin, describe, installed, new_plugin
from gantool.cli.recipes import copy_recipe, show, validate
from gantool.cli.runs import ablate, compare, evaluate, export, report, run, sample
from gantool.reporting.console.messages import replace_closed_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXAMPLES = """
gantool run quickstart
gantool list-plugins
gantool copy-recipe quickstart mine.toml
"""
PURPOSE = """
Train GANs from recipes.

A recipe names dataset, architecture, loss and more; plugins supply them.
"""
TRAIN = "Train"
RECIPES = "Recipes"
PLUGINS = "Plugins"
REST = "Data and machine"
CTRL_C = 130
"""Exit code of a command that Ctrl-C ended."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
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


def show_tracebacks(wanted: bool) -> None:
    """Let every failure show where in the code it arose."""
    if wanted:
        import logging

        logging.getLogger("gantool").setLevel(logging.DEBUG)


DebugOption = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of every failure.", callback=show_tracebacks),
]


class Page:
    """A help page of our own.

    Typer's own pages with frames would double the time that `--help` takes, by importing a Markdown
    parser and a syntax highlighter that they do not use.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options of a command."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in ctx.command.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                name, meaning = record[0], LIMIT.sub("at least ", record[1])
                is_argument = parameter.param_type_name == "argument"
                name = name.partition(" <")[0] if is_argument else name
                rows["Arguments" if is_argument else "Options"].append((name, meaning))
        for heading, records in rows.items():
            _write_section(formatter, heading, records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are, a line each."""
        if ctx.command.epilog:
            with formatter.section(styled("Examples", bold=True)):
                for line in ctx.command.epilog.strip().splitlines():
                    formatter.write(f"  {line}\n")


class CommandPage(Page, TyperCommand):
    """A command with such a page."""

    @override
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [
            piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)
        ]


class GroupPage(Page, TyperGroup):
    """A group of commands with such a page."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        typed, meant = args[0], MEANT.get(args[0], "")
        known = meant.startswith("--") or meant.partition(" ")[0] in self.commands
        if meant and known and typed not in self.commands:
            ctx.fail(f"No such command '{typed}'. Did you mean '{meant}'?")
        return super().resolve_command(ctx, args)

    @override
    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_commands(self, ctx, formatter)
        super().format_options(ctx, formatter)


def _write_commands(group: TyperGroup, context: Any, formatter: Any) -> None:
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
        _write_section(formatter, panel, padded)


def _write_section(formatter: Any, heading: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(styled(heading, bold=True)):
            formatter.write_dl([(styled(name, fg="cyan"), text) for name, text in rows])


def group(name: str, purpose: str, epilog: str | None = None) -> typer.Typer:
    """Return an application without commands."""
    return typer.Typer(
        name=name,
        help=purpose,
        epilog=epilog,
        cls=GroupPage,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )


def add(to: typer.Typer, panel: str, *commands: Callable[..., None]) -> None:
    """Add commands to an application, below a heading: by their functions' names."""
    for command in commands:
        decorate = to.command(
            command.__name__.replace("_", "-"),
            cls=CommandPage,
            epilog=command.examples,  # type: ignore[attr-defined]
            rich_help_panel=panel,
            context_settings=SETTINGS,
        )
        decorate(_with_debug(command))


def _with_debug(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes `--debug` too, as all do."""

    @wraps(command)
    def wrapped(*, debug: bool, **arguments: Any) -> None:
        del debug
        command(**arguments)

    own = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(
        "debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=DebugOption
    )
    parameters = [*own.parameters.values(), option]
    wrapped.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}  # not as text
    return wrapped


app = group("gantool", PURPOSE, EXAMPLES)
images = group("data", "Fetch, decode and look at images.")
cached = group("cache", "What was prepared once, and is kept.")
add(app, TRAIN, run.run, run.resume, sample.sample, evaluate.evaluate, compare.compare)
add(app, TRAIN, ablate.ablate, report.report, export.export, run.bench, run.list_runs)
add(app, RECIPES, show.list_recipes, copy_recipe.copy_recipe, show.show, validate.validate)
add(app, RECIPES, show.schema)
add(app, PLUGINS, installed.list_plugins, installed.list_components, describe.describe)
add(app, PLUGINS, check_plugin.check_plugin, new_plugin.new_plugin)
app.add_typer(images, name="data", rich_help_panel=REST)
add(images, COMMANDS, data.download, data.prepare, data.inspect)
app.add_typer(cached, name="cache", rich_help_panel=REST)
add(cached, COMMANDS, cache.show, cache.clear)
add(app, REST, installed.environment)


def print_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"gantool {__version__}")
        raise typer.Exit


@app.callback()
def gantool(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Take the options that stand before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, or leave with it.

    Args:
        arguments: What follows the program's name; by default from the command line.
    """
    replace_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # paths are printed as they are
    try:
        return _run(arguments)
    except SystemExit as leaving:
        if leaving.code == CTRL_C and arguments is None:
            _leave_at_once()
        raise
    finally:
        _flush()


def _leave_at_once() -> NoReturn:
    """End the process, which has nothing left to do, without the interpreter's way of ending.

    Once torch is there it takes a second, and a Ctrl-C meanwhile can crash it.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(CTRL_C)


def _run(arguments: Sequence[str] | None) -> int:
    """Run a command; a failure becomes a message and its exit code."""
    try:
        app(arguments)
    except Exception as error:  # the one place that catches everything
        from gantool.cli.output import show_bug, show_failure, understood

        failure = understood(error)
        if failure is None:
            show_bug(error)
            return 1
        show_failure(failure)
        return failure.exit_code
    return 0


def _flush() -> None:
    """Write out what is still buffered; that the reader has left is no bug."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        raise SystemExit(1) from None
