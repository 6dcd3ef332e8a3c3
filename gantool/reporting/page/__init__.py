"""The page kit: one self-contained HTML file that opens anywhere, offline, in light and dark."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from gantool.files.disk import written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment


def render(template: str, **context: Any) -> str:
    """Return the page that a template makes of its context.

    Every value is escaped, unless it is a `markupsafe.Markup`; the page's content security policy
    forbids it to load anything besides.

    The template is a file among the kit's, as "report.html"; it extends "layout.html", whose blocks
    are "title", "style", "lead", "content", "footer" and "script".

    Raises:
        jinja2.UndefinedError: When the template asks for something else.
    """
    return _environment().get_template(template).render(**context)


def write_page(path: Path, page: str) -> None:
    """Write a page, so that a reader sees the old one or the new one; its folder must exist."""
    with written_aside(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="backslashreplace")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("gantool.reporting.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
