"""The report in a real browser: headless Chromium, spoken to through a pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.reporting.grids import save_grid
from gantool.reporting.report.writing import write_report
from gantool.runs.folder import RunFolder
from gantool.runs.status import new_status, write_status

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None) or (
    shutil.which("google-chrome")
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
)
ENTER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Gives the pipe's ends the numbers at which Chromium expects them."""
HOSTILE = "<img src=x onerror=alert(1)>'\"</script><script>alert(2)</script>"
WIDTHS = (390, 1280)
MOVES = {"Home": 36, "ArrowRight": 39, "End": 35}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


class Browser:
    """Chromium with one tab, by the DevTools protocol: JSON ending in a zero byte, both ways."""

    def __init__(self, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENTER, str(to_read), str(to_write), *command],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and return its result; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            assert part, "chromium has ended"
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def open(self, path: Path, width: int, scheme: str = "light") -> None:
        """Show a page in a window of some width, and wait until it is loaded."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def value(self, expression: str) -> Any:
        """Return what JavaScript makes of an expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key, as a person does."""
        for kind in ("keyDown", "keyUp"):
            code = {"windowsVirtualKeyCode": MOVES[key]}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **code)

    def complaints(self) -> list[Any]:
        """Return what the console would show: errors, refusals, and what a page has logged."""
        kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [event["params"] for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for, but for what the page itself holds."""
        sent = [e for e in self.events if e["method"] == "Network.requestWillBeSent"]
        urls = [event["params"]["request"]["url"] for event in sent]
        return [url for url in urls if not url.startswith("data:")]

    def close(self) -> None:
        """End the browser."""
        self._session = ""
        self.call("Browser.close")
        self._process.wait(timeout=20)
        os.close(self._write)
        os.close(self._read)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        opened = Browser(Path(profile))
        yield opened
        opened.close()


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
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    browser.open(page, width, scheme)
    assert browser.value("innerWidth") == width
    assert browser.value("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll("main > section, .slider, .chart, .frame img, h1")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.className)"""
    assert browser.value(wide) == []
    assert browser.value("document.querySelectorAll('.chart svg path.line').length") > 8
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]


def test_the_colors_follow_the_theme(browser: Browser, page: Path) -> None:
    stroke = "getComputedStyle(document.querySelector('.line')).stroke"
    paper = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for scheme in ("light", "dark"):
        browser.open(page, 1280, scheme)
        seen.append((browser.value(stroke), browser.value(paper)))
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
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width)
    assert browser.value("document.querySelectorAll('.frame').length") == 25
    assert browser.value(SHOWN) == ["epoch 220"]
    browser.value("document.querySelector('.slider input').focus()")
    seen = {}
    for key in MOVES:
        browser.press(key)
        (label,) = browser.value(SHOWN)
        seen[label] = browser.value(f"{PICTURE}.src")
        assert browser.value(f"{PICTURE}.naturalWidth") == 8 * 33 + 1
        assert browser.value("document.querySelector('.slider output').value") == label
    assert list(seen) == ["epoch 1", "epoch 10", "epoch 220"]
    assert len(set(seen.values())) == 3
    assert browser.complaints() == []


def test_the_button_plays_and_stops(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    wait: Callable[[str], str] = lambda test: (  # noqa: E731
        f"new Promise(done => {{ const t = setInterval(() => {{ if ({test}) "
        "{ clearInterval(t); done(true); } }, 20); })"
    )
    value = "Number(document.querySelector('.slider input').value)"
    browser.value("document.querySelector('.slider button').click()")
    assert browser.value(value) == 0  # from the end, it begins anew
    moved = browser.call("Runtime.evaluate", expression=wait(f"{value} > 1"), awaitPromise=True)
    assert moved["result"]["value"] is True
    browser.value("document.querySelector('.slider button').click()")
    assert browser.value("document.querySelector('.slider button').textContent") == "▶"


def test_hostile_names_and_values_are_text(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    assert browser.value("document.querySelector('h1').textContent") == page.parent.name
    assert browser.value("document.title") == f"{page.parent.name} · gantool"
    text = browser.value("document.body.textContent")
    for place in ("verdict", "recipe", "scores", "curves"):
        content = browser.value(f"document.getElementById('{place}').textContent")
        assert HOSTILE.partition("'")[0] in content, place
    assert text.count("alert(2)") >= 4
    assert browser.value("document.querySelectorAll('img[src=x], main script').length") == 0
    assert browser.complaints() == []


def test_the_policy_forbids_what_a_mistake_would_load(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    outside = '<img src="https://example.org/a.png"><link rel="stylesheet" href="b.css">'
    outside += '<video src="https://example.org/a.mp4"></video>'
    broken.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{outside}"))
    browser.open(broken, 1280)
    refused = [entry["entry"]["text"] for entry in browser.complaints()]
    assert len([text for text in refused if "Content Security Policy" in text]) == 3
