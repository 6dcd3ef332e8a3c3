"""The report in a real browser, where one is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gantool.reporting.pictures.grids import save_grid
from gantool.reporting.report.writing import write_report
from gantool.runs.folder import RunFolder
from gantool.runs.status import new_status, write_status

if TYPE_CHECKING:
    from tests.chromium import Chromium

HOSTILE = "<img src=x onerror=alert(1)>'\"</script><script>alert(2)</script>"
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a run of 220 epochs, with names and values that want to be markup."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "a <b>run&amp; of 'mine'")
    folder.samples.mkdir(parents=True)
    recipe = ["[image]", "size = 32", "[sampling]", "count = 64", "[training]"]
    folder.recipe.write_text("\n".join([*recipe, f"note = '''{HOSTILE}'''"]), encoding="utf-8")
    write_status(folder, new_status(HOSTILE, 7260).at(7260, "completed"))
    random = np.random.default_rng(0)
    write_lines(folder.metrics, map(figures, range(10, 7261, 10)))
    write_lines(folder.timing, ({"step": s, "seconds": 2.5} for s in range(10, 7261, 10)))
    long_name = "distance/" + "w" * 120
    write_lines(folder.scores, ({"step": s, long_name: 1 / s, HOSTILE: s} for s in (1000, 7000)))
    write_lines(folder.health, [{"step": 5000, "sign": "generator", "message": HOSTILE * 3}])
    noise = random.integers(0, 256, (12, 64, 32, 32, 3), dtype=np.uint8)
    for epoch in range(1, 221):
        if epoch <= len(noise):
            save_grid(noise[epoch - 1], folder.sample_grid(33 * epoch))
        else:
            before = folder.sample_grid(33 * (epoch - len(noise)))
            folder.sample_grid(33 * epoch).hardlink_to(before)
    return write_report(folder)


def write_lines(path: Path, lines: Any) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def figures(step: int) -> dict[str, Any]:
    wave = float(np.sin(step / 50))
    players = ("discriminator", "generator")
    losses = {f"{player}_loss": 1.5 + wave for player in players}
    norms = {f"{player}_gradient_norm": 10 + 5 * wave for player in players}
    scores = {"real_score": 0.7, "fake_score": 0.3, f"penalty/{HOSTILE}": 0.1}
    return {"step": step, "epoch": step / 33, **losses, **norms, **scores}


def test_220_epochs_fit_into_3_megabytes(page: Path) -> None:
    assert 200_000 < page.stat().st_size < 3_000_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_complains_or_loads(
    chromium: Chromium, page: Path, width: int, scheme: str
) -> None:
    chromium.open(page.as_uri(), width, scheme=scheme)
    assert chromium.evaluate("innerWidth") == width
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll("main > section, .slider, .chart, .frame img, h1")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.className)"""
    assert chromium.evaluate(wide) == []
    assert chromium.evaluate("document.querySelectorAll('.chart svg path.line').length") > 8
    assert chromium.complaints == []
    assert [url for url in chromium.requests if not url.startswith("data:")] == [page.as_uri()]


def test_the_colors_follow_the_theme(chromium: Chromium, page: Path) -> None:
    stroke = "getComputedStyle(document.querySelector('.line')).stroke"
    paper = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for scheme in ("light", "dark"):
        chromium.open(page.as_uri(), 1280, scheme=scheme)
        seen.append((chromium.evaluate(stroke), chromium.evaluate(paper)))
    (light_stroke, light_paper), (dark_stroke, dark_paper) = seen
    assert light_stroke != dark_stroke
    assert brightness(light_paper) > 200
    assert brightness(dark_paper) < 60


def brightness(color: str) -> float:
    return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) / 3


SHOWN = """[...document.querySelectorAll(".frame")]
    .filter(f => getComputedStyle(f).visibility === "visible").map(f => f.dataset.label)"""
PICTURE = "document.querySelector('.frame:not([hidden]) img')"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_slider_moves_by_keyboard_and_shows_other_pictures(
    chromium: Chromium, page: Path, width: int
) -> None:
    chromium.open(page.as_uri(), width)
    assert chromium.evaluate("document.querySelectorAll('.frame').length") == 25
    assert chromium.evaluate(SHOWN) == ["epoch 220"]
    chromium.evaluate("document.querySelector('.slider input').focus()")
    seen = {}
    for key in ("Home", "ArrowRight", "End"):
        chromium.press(key)
        (label,) = chromium.evaluate(SHOWN)
        seen[label] = chromium.evaluate(f"{PICTURE}.src")
        assert chromium.evaluate(f"{PICTURE}.naturalWidth") == 8 * 33 + 1
        assert chromium.evaluate("document.querySelector('.slider output').value") == label
    assert list(seen) == ["epoch 1", "epoch 10", "epoch 220"]
    assert len(set(seen.values())) == 3
    assert chromium.complaints == []


def test_the_button_plays_and_stops(chromium: Chromium, page: Path) -> None:
    chromium.open(page.as_uri(), 1280)
    value = "Number(document.querySelector('.slider input').value)"
    chromium.evaluate("document.querySelector('.slider button').click()")
    assert chromium.evaluate(value) == 0  # from the end, it begins anew
    chromium.wait_for(f"{value} > 1")
    chromium.evaluate("document.querySelector('.slider button').click()")
    assert chromium.evaluate("document.querySelector('.slider button').textContent") == "▶"


def test_hostile_names_and_values_are_text(chromium: Chromium, page: Path) -> None:
    chromium.open(page.as_uri(), 1280)
    assert chromium.evaluate("document.querySelector('h1').textContent") == page.parent.name
    assert chromium.evaluate("document.title") == f"{page.parent.name} · gantool"
    text = chromium.evaluate("document.body.textContent")
    for place in ("verdict", "recipe", "scores", "curves"):
        content = chromium.evaluate(f"document.getElementById('{place}').textContent")
        assert HOSTILE.partition("'")[0] in content, place
    assert text.count("alert(2)") >= 4
    assert chromium.evaluate("document.querySelectorAll('img[src=x], main script').length") == 0
    assert chromium.complaints == []


def test_the_policy_forbids_what_a_mistake_would_load(
    chromium: Chromium, page: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    outside = '<img src="https://example.org/a.png"><link rel="stylesheet" href="b.css">'
    outside += '<video src="https://example.org/a.mp4"></video>'
    broken.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{outside}"))
    chromium.open(broken.as_uri(), 1280)
    assert len([text for text in chromium.complaints if "Content Security Policy" in text]) == 3
