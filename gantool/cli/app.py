"""The application: every command, and the one place where failures become messages."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gantool import __version__
from gantool.cli import cache, data
from gantool.cli.arguments import DebugOption
from gantool.cli.help import COMMANDS, SETTINGS, CommandPage, GroupPage
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
        decorate(command)


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
