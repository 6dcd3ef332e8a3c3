"""The size of the house, counted: `python tests/house.py`.

Files and lines of the core, its longest functions, its import circles (imports for typing
count), and the core files that `gantool run recipes/spectral.toml` enters on the way to the
first optimizer step and in one warm step.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

ROOT = Path(__file__).parents[1]
CORE = ROOT / "gantool"
LONGEST = 40
WARM_STEP = 15
FUNCTION = 0x1  # CO_OPTIMIZED: set for functions, not for the bodies of modules and classes


def files() -> list[Path]:
    """Return the Python files of the core."""
    return sorted(CORE.rglob("*.py"))


def lines(paths: list[Path] | None = None) -> int:
    """Return how many lines files have together, by default those of the core."""
    return sum(len(path.read_text().splitlines()) for path in paths or files())


def long_functions() -> list[str]:
    """Return the functions of more than `LONGEST` lines, decorators and docstrings included."""
    found = []
    for path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                length = (node.end_lineno or first) - first + 1
                if length > LONGEST:
                    found.append(f"{path.relative_to(ROOT)}:{first} {node.name} ({length} lines)")
    return found


def crowded_folders(most: int) -> list[str]:
    """Return the folders of the core that show more than `most` names."""
    found = []
    for folder in [CORE, *(path for path in CORE.rglob("*") if path.is_dir())]:
        names = [
            p.name for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
        ]
        count = len([name for name in names if name != "__init__.py"])
        if count > most:
            found.append(f"{folder.relative_to(ROOT)} ({count} names)")
    return found


def import_circles() -> list[list[str]]:
    """Return the groups of core modules that import each other, for typing or not."""
    modules = {_module(path): path for path in files()}
    graph = {name: _imports(path, modules) - {name} for name, path in modules.items()}
    return [sorted(group) for group in _strongly_connected(graph) if len(group) > 1]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """Return the core modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else node.module)
    return found & modules.keys()


def _strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return Tarjan's strongly connected components."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            at = stack.index(name)
            found.append(set(stack[at:]))
            del stack[at:]

    sys.setrecursionlimit(10_000)
    for name in graph:
        if name not in order:
            visit(name)
    return found


def trip() -> dict[str, list[str]]:
    """Return the core files entered to the first optimizer step, and in one warm step.

    Counted in a process of its own, with 24 images that are prepared before.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


class _Traveler:
    """A profiler that notes the core files entered on the parts of the trip that count."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {"first": set(), "warm": set()}
        self.part: str | None = "first"
        self.steps = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if not code.co_flags & FUNCTION or not code.co_filename.startswith(str(CORE)):
            return
        is_step = code.co_name == "one_step"
        if event == "call":
            self.steps += is_step
            if is_step and self.steps == WARM_STEP:
                self.part = "warm"
            if self.part:
                self.seen[self.part].add(str(Path(code.co_filename).relative_to(ROOT)))
        elif event == "return" and is_step and self.part == "warm":
            self.part = None

    def at_optimizer_step(self, *_: object) -> None:
        if self.part == "first":
            self.part = None


def _travel(folder: str) -> None:
    """Run the recipe under a profiler; print the files by the part of the trip."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    os.environ["GANTOOL_CACHE"] = folder + "/cache"
    recipe = ["recipes/spectral.toml", "--set", f"dataset.folder={_pictures(Path(folder))}"]
    recipe += ["--set", "image.size=32"]
    prepare = [sys.executable, "-m", "gantool", "data", "prepare", *recipe]
    subprocess.run(prepare, stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
    arguments = ["run", *recipe, "--steps", str(WARM_STEP + 1), "--out", folder + "/run"]
    for value in ("architecture.width=4", "training.batch_size=8", "device.name=cpu"):
        arguments += ["--set", value]
    torch.set_num_threads(1)
    traveler = _Traveler()
    register_optimizer_step_pre_hook(traveler.at_optimizer_step)
    from gantool.cli.app import main as gantool

    threading.setprofile(traveler)
    sys.setprofile(traveler)
    try:
        gantool(arguments)
    finally:
        sys.setprofile(None)
        print(json.dumps({part: sorted(found) for part, found in traveler.seen.items()}))
    assert traveler.steps > WARM_STEP, "the run has not come to its warm step"


def _pictures(folder: Path) -> Path:
    """Write some images into a new folder."""
    from PIL import Image

    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(24):
        Image.effect_noise((40, 40), 40 + number).convert("RGB").save(pictures / f"{number}.png")
    return pictures


def main() -> None:
    """Print all counts, and what exceeds them."""
    way = trip()
    print(f"files in gantool/: {len(files())}")
    print(f"lines in gantool/: {lines()}")
    for room in sorted({path.relative_to(CORE).parts[0] for path in files()}):
        inside = [path for path in files() if path.relative_to(CORE).parts[0] == room]
        print(f"    {room}: {len(inside)} files, {lines(inside)} lines")
    for what, found in (
        (f"functions over {LONGEST} lines", long_functions()),
        ("import circles", [", ".join(group) for group in import_circles()]),
        ("folders that show more than 12 names", crowded_folders(12)),
        ("core files entered up to the first optimizer step", way["first"]),
        ("core files in a warm step", way["warm"]),
    ):
        print(f"{what}: {len(found)}", *found, sep="\n    ")


if __name__ == "__main__":
    _travel(sys.argv[1]) if sys.argv[1:] else main()
