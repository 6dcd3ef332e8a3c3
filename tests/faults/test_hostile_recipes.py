"""Recipes from a stranger: each is refused at once, with a message, and none of it runs."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gantool
from gantool.errors import GantoolError

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

MEGABYTE = 2**20
SLOWEST = 2.0
"""Seconds, on a loaded machine."""


def recipes(true: str, folder: Path) -> dict[str, bytes]:
    """Return hostile recipes by what is wrong with them; `true` is a whole one."""
    marker = folder / "executed"
    call = f"os.system('touch {marker}')"
    texts = {
        "a use that calls a function": true.replace('"bce"', f'"python:{call}"'),
        "a use that names a module": true.replace('"bce"', '"os:system"'),
        "a use that climbs out": true.replace('"bce"', '"../../../etc/passwd"'),
        "an expression as a value": true.replace("steps = 14", f"steps = '{{{{ {call} }}}}'"),
        "a shell in a value": true.replace('"cpu"', f'"$(touch {marker})"'),
        "a format string": true.replace('"cpu"', '"{0.__class__.__mro__}"'),
        "a recipe that extends itself": 'extends = "hostile.toml"\n' + true,
        "a recipe that extends a pipe": 'extends = "pipe"\n' + true,
        "a recipe that extends /etc/passwd": 'extends = "/etc/passwd"\n' + true,
        "a plugin that is not there": 'requires = ["gantool-evil; import os"]\n' + true,
        "brackets, 500 deep": "x = " + "[" * 500,
        "braces, 500 deep": "x = " + "{a=" * 500,
        "a key of 20,000 parts": "a" + ".a" * 20_000 + " = 1",
        "a header of 20,000 parts": "[a" + ".a" * 20_000 + "]",
        "5,000 digits": "x = " + "1" * 5000,
        "10 megabytes": "#" * 10 * MEGABYTE,
        "a learning rate of nan": true + "[optimizer]\nlearning_rate = nan\n",
        "a learning rate of inf": true + "[optimizer]\nlearning_rate = inf\n",
        "a key twice": true + "[optimizer]\neps = 1\neps = 2\n",
        "a table twice": true + "[loss]\n",
        "another type": true.replace("steps = 14", 'steps = "14"'),
        "an unknown option": true.replace("steps = 14", "steps = 14\nstepz = 1"),
        "escape sequences": true.replace('"bce"', '"\\u001b[31mred\\u0007"'),
        "7,000 options in a line": "training={" + ",".join(f"a{n}=1" for n in range(7000)) + "}",
        "3,800 entries": "[[regularizers]]\n" * 3800,
    }
    raw = {name: text.encode() for name, text in texts.items()}
    assert all(text != true for text in texts.values())
    return raw | {
        "a byte order mark": b"\xef\xbb\xbf" + true.encode(),
        "bytes that are no UTF-8": b"x = '\xff'\n",
        "a null": b"\0",
        "a quote without an end": b'x="""' + b'\\"' * 30_000,
    }


def test_hostile_recipes_are_refused_at_once(
    recipe: Recipe, fork: Fork, publish: Publish, tmp_path: Path
) -> None:
    true = recipe().read_text(encoding="utf-8")
    hostile = recipes(true, tmp_path)
    found, file = tmp_path / "found.json", tmp_path / "hostile.toml"
    os.mkfifo(tmp_path / "pipe")

    def refused(content: bytes) -> tuple[int, float, str]:
        file.write_bytes(content)
        started = time.process_time()
        try:
            gantool.run(file, out=tmp_path / "run", level="quiet")
        except GantoolError as error:
            return error.exit_code, time.process_time() - started, str(error)
        return 0, 0.0, ""

    def work() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        results = {name: refused(content) for name, content in hostile.items()}
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        found.write_text(json.dumps([results, growth]))

    before = set(tmp_path.rglob("*"))
    victim = fork(work)
    assert victim.wait() == 0, victim.output.read_text()
    results, growth = json.loads(found.read_text())
    for name, (code, seconds, message) in results.items():
        assert code == 2, (name, message)
        assert seconds < SLOWEST, name
        assert any(place in message for place in ("hostile.toml", "extend", "/etc/passwd")), name
        assert all(char.isprintable() or char == "\n" for char in message), name
    left = {path.name for path in set(tmp_path.rglob("*")) - before}
    assert left == {"found.json", "hostile.toml", "victim.txt"}
    assert growth < 100 * MEGABYTE
    slowest = max(seconds for _, seconds, _ in results.values())
    publish(
        "7h",
        f"{len(results)} hostile recipes: calls, paths, depths, sizes, encodings, values",
        f"all refused with a message that names the place, exit 2; 0 executions, 0 files; the "
        f"slowest after {slowest:.2f} s, memory grew {growth / MEGABYTE:.0f} MB",
    )
