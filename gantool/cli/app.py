"""The application: every command, and the one place where failures become messages."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gantool import __version__
from gantool.cli import data_download, data_inspect, data_prepare
from gantool.cli.arguments import DebugOption
from gantool.cli.cache import CLEAR_EXAMPLES, SHOW_EXAMPLES, clear
from gantool.cli.cache import show as show_cache
from gantool.cli.help import COMMANDS, SETTINGS, CommandPage, GroupPage
from gantool.cli.plugins import (
    check_plugin,
    describe,
    environment,
    list_components,
    list_plugins,
    new_plugin,
)
from gantool.cli.recipes import copy_recipe, list_recipes, schema, show, validate
from gantool.cli.runs import (
    ablate,
    bench,
    compare,
    evaluate,
    export,
    list_runs,
    report,
    resume,
    run,
    sample,
)
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


app = group("gantool", PURPOSE, EXAMPLES)
data = group("data", "Fetch, decode and look at images.")
cached = group("cache", "What was prepared once, and is kept.")


def add(
    to: typer.Typer, name: str, command: Callable[..., None], examples: str, panel: str = COMMANDS
) -> None:
    """Add a command to an application."""
    decorate = to.command(
        name,
        cls=CommandPage,
        epilog=examples,
        rich_help_panel=panel,
        context_settings=SETTINGS,
    )
    decorate(command)


add(app, "run", run.run, run.EXAMPLES, TRAIN)
add(app, "resume", resume.resume, resume.EXAMPLES, TRAIN)
add(app, "sample", sample.sample, sample.EXAMPLES, TRAIN)
add(app, "evaluate", evaluate.evaluate, evaluate.EXAMPLES, TRAIN)
add(app, "compare", compare.compare, compare.EXAMPLES, TRAIN)
add(app, "ablate", ablate.ablate, ablate.EXAMPLES, TRAIN)
add(app, "report", report.report, report.EXAMPLES, TRAIN)
add(app, "export", export.export, export.EXAMPLES, TRAIN)
add(app, "bench", bench.bench, bench.EXAMPLES, TRAIN)
add(app, "list-runs", list_runs.list_runs, list_runs.EXAMPLES, TRAIN)
add(app, "list-recipes", list_recipes.list_recipes, list_recipes.EXAMPLES, RECIPES)
add(app, "copy-recipe", copy_recipe.copy_recipe, copy_recipe.EXAMPLES, RECIPES)
add(app, "show", show.show, show.EXAMPLES, RECIPES)
add(app, "validate", validate.validate, validate.EXAMPLES, RECIPES)
add(app, "schema", schema.schema, schema.EXAMPLES, RECIPES)
add(app, "list-plugins", list_plugins.list_plugins, list_plugins.EXAMPLES, PLUGINS)
add(app, "list-components", list_components.list_components, list_components.EXAMPLES, PLUGINS)
add(app, "describe", describe.describe, describe.EXAMPLES, PLUGINS)
add(app, "check-plugin", check_plugin.check_plugin, check_plugin.EXAMPLES, PLUGINS)
add(app, "new-plugin", new_plugin.new_plugin, new_plugin.EXAMPLES, PLUGINS)
app.add_typer(data, name="data", rich_help_panel=REST)
add(data, "download", data_download.download, data_download.EXAMPLES)
add(data, "prepare", data_prepare.prepare, data_prepare.EXAMPLES)
add(data, "inspect", data_inspect.inspect, data_inspect.EXAMPLES)
app.add_typer(cached, name="cache", rich_help_panel=REST)
add(cached, "show", show_cache, SHOW_EXAMPLES)
add(cached, "clear", clear, CLEAR_EXAMPLES)
add(app, "environment", environment.environment, environment.EXAMPLES, REST)


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
        from gantool.cli.failures import show_bug, show_failure, understood

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
