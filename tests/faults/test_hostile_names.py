"""Names of runs, recipes, folders and classes are text in a run's page, whatever they look like."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import escape
from typing_extensions import override

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Publish, Recipe

SCRIPT = "<script>alert(1)<"
"""A name of a folder cannot hold the slash of an end tag, which HTML does not need."""
HANDLER = "\"'><img src=x onerror=alert(2)>"
TEMPLATE = "{{ ''.__class__ }}{% raw %}"
LINK = "javascript:alert(3)&lt;b&gt;"
PLAIN = ("run", "recipe", "one", "two")
NAMES = (
    (SCRIPT, HANDLER, TEMPLATE, LINK),
    (HANDLER, TEMPLATE, LINK, SCRIPT),
    (TEMPLATE, SCRIPT, HANDLER, LINK),
    (LINK, HANDLER, SCRIPT, TEMPLATE),
)


class Structure(HTMLParser):
    """All that a browser would act on: elements, names of attributes, scripts, what is loaded."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.loaded: list[str] = []
        self.policies: list[str] = []
        self.feed(page)
        self.close()

    @property
    def scripts(self) -> int:
        return sum(tag == "script" for tag, _ in self.elements)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        values = {name: value or "" for name, value in attrs}
        self.loaded += [values[name] for name in ("src", "href", "srcset") if name in values]
        if values.get("http-equiv", "").casefold() == "content-security-policy":
            self.policies.append(values["content"])


def page_of(recipe: Recipe, gallery: Path, folder: Path, names: tuple[str, ...]) -> str:
    """Train a run whose folder, recipe and classes have these names, and return its page."""
    run, own, *classes = names
    images = folder / f"{run} images"
    for kind, name in zip(("bright", "dark"), classes, strict=True):
        shutil.copytree(gallery / kind, images / name)
    file = recipe(
        dataset={"folder": str(images)}, training={"steps": 2, "conditional": True}
    ).rename(folder / f"{own}.toml")
    trained = gantool.run(file, out=folder / run, level="quiet")
    return trained.folder.report.read_text(encoding="utf-8")


def test_hostile_names_change_nothing_in_a_page(
    recipe: Recipe, gallery: Path, publish: Publish, full: bool, tmp_path: Path
) -> None:
    plain = Structure(page_of(recipe, gallery, tmp_path / "plain", PLAIN))
    assert len(plain.elements) > 50
    (policy,) = plain.policies
    assert "default-src 'none'" in policy
    assert not [name for _, names in plain.elements for name in names if name.startswith("on")]
    chosen = NAMES if full else NAMES[:1]
    for number, names in enumerate(chosen):
        page = page_of(recipe, gallery, tmp_path / str(number), names)
        found = Structure(page)
        assert set(found.elements) <= set(plain.elements), names  # axes differ in their marks
        assert found.scripts == plain.scripts, names
        assert found.policies == plain.policies
        assert all(place.startswith(("data:image/", "#")) for place in found.loaded), names
        assert f"<h1>{escape(names[0])}</h1>" in page  # they are there, as text
        assert escape(names[1]) in page
        assert "<script>alert" not in page
    publish(
        "7i",
        f"{4 * len(chosen)} hostile names of runs, recipes and classes in a run's page",
        "no element, attribute or script that plain names do not bring; nothing loaded",
    )
