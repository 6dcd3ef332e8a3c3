"""The exporter `html`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import PositiveInt
from typing_extensions import override

from gantool import Component, Exporter, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from gantool import Trained

FILE = "generator.html"


class Html(Exporter):
    """A page that draws pictures in the browser, offline, from weights inside it."""

    name = "html"
    needs_independent_images: ClassVar[bool] = True

    sliders: PositiveInt = 8
    """Sliders on the page: one for each of the latent's numbers that change pictures the most."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        from gantool_browser.page import write_page

        facts = write_page(trained, folder / FILE, self.sliders)
        return f"page with {facts.weights:,} weights in {facts.precision}"

    @classmethod
    @override
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        return f"`{FILE}` is a page that draws pictures in a browser, offline."


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the exporter."""
    return [Html]
