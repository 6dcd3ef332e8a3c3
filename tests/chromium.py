"""A real browser, driven through a pipe by the Chrome DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
KEYS = {"Home": 36, "ArrowRight": 39, "End": 35}
PATIENCE = 60.0


def find_chromium() -> str | None:
    """Return the first browser that is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One page in a headless browser; what it logs and asks for is kept."""

    def __init__(self, executable: str, profile: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # the protocol is spoken on descriptors 3 and 4
        script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._loaded: set[str] = set()
        (page,) = [
            target
            for target in self.send("Target.getTargets")["targetInfos"]
            if target["type"] == "page"
        ]
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def open(
        self,
        address: str,
        width: int = 1100,
        height: int = 900,
        *,
        scale: float = 1,
        scheme: str = "light",
    ) -> None:
        """Load a page in a window of some size, for readers of the "light" or the "dark"."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale}
        self.send("Emulation.setDeviceMetricsOverride", **size, mobile=width < 500)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)
        self._load("about:blank")  # another fragment alone would load nothing
        self.complaints.clear()
        self.requests.clear()
        self._load(address)

    def _load(self, address: str) -> None:
        loader = self.send("Page.navigate", url=address)["loaderId"]
        while loader not in self._loaded:
            self._note(self._next())

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of an expression once it is true."""
        until = time.monotonic() + PATIENCE
        paused = "new Promise((resolve) => setTimeout(resolve, 20))"
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < until, f"never true: {expression}"
            self.evaluate(paused)
        return value

    def press(self, key: str) -> None:
        """Press a key, as a person does."""
        for kind in ("keyDown", "keyUp"):
            code = {"windowsVirtualKeyCode": KEYS[key]}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, **code)

    def close(self) -> None:
        """Leave."""
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(30)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            read = os.read(self._in, 1 << 20)
            assert read, "the browser is gone"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        """Keep what the page complains about, what it asks for, and that it is loaded."""
        parameters = event.get("params", {})
        notes: dict[str, Callable[[], None]] = {
            "Log.entryAdded": lambda: self.complaints.append(parameters["entry"]["text"]),
            "Runtime.exceptionThrown": lambda: self.complaints.append(str(parameters)),
            "Runtime.consoleAPICalled": lambda: self.complaints.append(str(parameters["args"])),
            "Network.requestWillBeSent": lambda: self.requests.append(parameters["request"]["url"]),
            "Page.lifecycleEvent": lambda: self._reach(parameters["name"], parameters["loaderId"]),
        }
        notes.get(event.get("method", ""), lambda: None)()

    def _reach(self, moment: str, loader: str) -> None:
        if moment == "load":
            self._loaded.add(loader)
