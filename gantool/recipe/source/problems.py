"""Everything that is wrong with a recipe, each problem shown where it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gantool.errors import RecipeError
from gantool.recipe.source.toml import Positions, Span, locate
from gantool.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.recipe.source.toml import KeyPath

MOST_SHOWN = 50
"""A hostile recipe can have thousands of problems; nobody reads more than these."""
LONGEST_MESSAGE = 500
MOST_COLUMNS = 100
"""Characters of a line that are shown."""


@dataclass(frozen=True, eq=False)
class Source:
    """A recipe file, or one `--set` argument, as messages name it."""

    label: str
    folder: Path
    """What its relative paths are relative to."""
    rank: int = 0
    """Its turn among the sources of a recipe: the file, its parents, the arguments."""
    text: str | None = None
    """The file's text, with line ends of one character; None for an argument."""

    @cached_property
    def positions(self) -> Positions:
        """Spans of everything in the text."""
        return locate(self.text or "")


@dataclass(frozen=True)
class Place:
    """A span of a source, and the path of what stands there; arguments are not divided."""

    source: Source
    span: Span
    path: KeyPath = ()

    def of(self, *path: str | int) -> Place:
        """Return the same place for something else, which is missing there."""
        return replace(self, path=path)

    @property
    def standing(self) -> tuple[int, int]:
        """Their order: the source's turn, then the first character."""
        return self.source.rank, self.span.start

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return (self.source.text or "").count("\n", 0, self.span.start) + 1

    @property
    def column(self) -> int:
        """Character in that line, from 1."""
        return self.span.start - (self.source.text or "").rfind("\n", 0, self.span.start)

    def __str__(self) -> str:
        label = self.source.label
        return label if self.source.text is None else f"{label}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a recipe.

    Attributes:
        message: What was expected and what was found.
        path: Names of tables and options, and indices into arrays, down to the culprit.
        file: The recipe file, or the argument: "--set training.steps=abc".
        line: Line in the file, from 1; None for an argument.
        column: Character in the line, from 1; None for an argument.
        suggestion: The way out, if there is one to offer.
        excerpt: The line itself; None for an argument.
        width: Characters that the culprit takes up, from `column` on.
    """

    message: str
    path: tuple[str | int, ...]
    file: str
    line: int | None = None
    column: int | None = None
    suggestion: str | None = None
    excerpt: str | None = None
    width: int = 1

    @property
    def place(self) -> str:
        """`file:line:column`, which terminals and editors can follow; or the argument."""
        return self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        way_out = "" if self.suggestion is None else f"; {self.suggestion}"
        return f"{self.place}: {self.message}{way_out}"


class Problems:
    """The problems of one recipe, each place named once."""

    def __init__(self) -> None:
        self.partial = False  # once a part was not read, nothing can be said of what is missing
        self._known: dict[Place, Problem] = {}
        self._uncounted = 0

    def add(self, message: str, place: Place, suggestion: str | None = None) -> None:
        """Remember a problem; a second one of the same path at the same place is dropped."""
        if place in self._known:
            return
        if self.many:
            self._uncounted += 1
        else:
            self._known[place] = _problem(message, place, suggestion)

    def missing(self, message: str, place: Place, suggestion: str | None = None) -> None:
        """Remember that something is missing, unless it may be in a part that was not read."""
        if not self.partial:
            self.add(message, place, suggestion)

    @property
    def many(self) -> bool:
        """Whether further problems will not be shown, so that guessing for them is wasted."""
        return len(self._known) >= MOST_SHOWN

    def raise_any(self) -> None:
        """Raise all problems, in the order of the sources and of the places in each."""
        if self._known:
            places = sorted(self._known, key=lambda each: (*each.standing, [*map(str, each.path)]))
            problems = tuple(self._known[place] for place in places)
            raise RecipeError(_listing(problems, self._uncounted), problems=problems)


def _problem(message: str, place: Place, suggestion: str | None) -> Problem:
    message, text = printable(message), place.source.text
    suggestion = None if suggestion is None else printable(suggestion)
    label = printable(place.source.label)
    if text is None:
        return Problem(message, place.path, label, suggestion=suggestion)
    start, end = place.span
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    return Problem(
        message,
        place.path,
        label,
        line=place.line,
        column=place.column,
        suggestion=suggestion,
        excerpt=text[start - place.column + 1 : line_end],
        width=max(1, min(end, line_end) - start),
    )


def printable(text: str) -> str:
    """Spell out what would move the cursor of a terminal, and cut what would fill its screen."""
    cut = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."
    return visible(cut, kept="")


def _listing(problems: tuple[Problem, ...], more: int) -> str:
    total = len(problems) + more
    count = "1 problem" if total == 1 else f"{total} problems"
    first = f"{count}, of which {len(problems)} are shown" if more else count
    return "\n\n".join([*map(_with_caret, problems), f"{first}; nothing was run"])


def _with_caret(problem: Problem) -> str:
    gutter = " " * len(str(problem.line or 0))
    lines = [f"error: {problem.message}", f"{gutter} --> {problem.place}"]
    if problem.excerpt is None:
        lines += [f"{gutter} = {problem.suggestion}"] if problem.suggestion else []
        return "\n".join(lines)
    line, before, width = _window(problem.excerpt, (problem.column or 1) - 1, problem.width)
    carets = f"{' ' * _cells(line[:before])}{'^' * _cells(line[before : before + width] or ' ')}"
    lines += [f"{gutter} |", f"{problem.line} | {line}".rstrip()]
    lines.append(f"{gutter} | {carets} {problem.suggestion or ''}".rstrip())
    return "\n".join(lines)


def _window(line: str, start: int, width: int) -> tuple[str, int, int]:
    """Cut a long line around the culprit; return it, where the culprit starts, and its width."""
    line = "".join(char if char.isprintable() else " " for char in line)  # tabs, escape sequences
    first = 0 if start + width <= MOST_COLUMNS else max(0, start - MOST_COLUMNS // 2)
    window = line[first : first + MOST_COLUMNS]
    return window, start - first, min(width, MOST_COLUMNS - (start - first))


def _cells(text: str) -> int:
    """Return the columns of a terminal that a text takes up."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
