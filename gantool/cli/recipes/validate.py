"""`gantool validate`: check recipes without training."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import (
    JsonOption,
    SetOption,
    argument,
    complete_recipe,
    examples,
)
from gantool.cli.output import one_line, print_json, print_records, show_failure, styled, tell
from gantool.errors import GantoolError, RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Validation:
    """The outcome of validating a recipe, which is as the user named it."""

    recipe: str
    warnings: tuple[str, ...] = ()
    error: GantoolError | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, with the problems that have no place in a file too."""
        from gantool.recipe.source.problems import Problem

        problems = self.error.problems if isinstance(self.error, RecipeError) else ()
        if self.error is not None and not problems:
            hint = self.error.hint
            problems = (Problem(self.error.message, (), self.recipe, suggestion=hint),)
        return {
            "recipe": self.recipe,
            "valid": self.error is None,
            "problems": list(map(asdict, problems)),
            "warnings": list(self.warnings),
        }


@examples(
    "gantool validate recipes/*.toml",
    "gantool validate mine.toml --set training.steps=600",
    "gantool validate mine.toml --json",
)
def validate(
    recipes: Annotated[
        list[str],
        argument("RECIPE", "Recipe files, or names of shipped recipes.", complete_recipe),
    ],
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check recipes without training.

    Every problem is shown with its file, line and column. What needs the images or a device is
    checked by gantool run RECIPE --dry-run.
    """
    validations = [_checked(recipe, overrides or ()) for recipe in recipes]
    if as_json:
        print_json([validation.as_data() for validation in validations])
    else:
        for validation in validations:
            _report(validation)
            if validation.error is not None and validation is not validations[-1]:
                tell("")
    if codes := [validation.error.exit_code for validation in validations if validation.error]:
        raise typer.Exit(max(codes))


def _checked(recipe: str, overrides: Sequence[str]) -> Validation:
    from gantool.recipe.reading import read_recipe

    try:
        return Validation(recipe, read_recipe(recipe, overrides).warnings)
    except GantoolError as error:
        return Validation(recipe, error=error)


def _report(validation: Validation) -> None:
    """Show warnings and problems on stderr, and the state on stdout."""
    from gantool.reporting.console.messages import WARNING_STYLE, open_console, say

    for warning in validation.warnings:
        say(open_console(), ("warning:", WARNING_STYLE), f" {validation.recipe}: {warning}")
    if validation.error is not None:
        show_failure(validation.error)
    state = "valid" if validation.error is None else "invalid"
    if sys.stdout.isatty():
        color = typer.colors.GREEN if validation.error is None else typer.colors.RED
        print(styled(f"{state:<9}", fg=color) + one_line(validation.recipe))
    else:
        print_records([(validation.recipe, state)])
