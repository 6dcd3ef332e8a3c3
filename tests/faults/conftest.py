"""Victims to kill, disks to fail, and the table of what came of it."""

from __future__ import annotations

import builtins
import fcntl
import hashlib
import io
import json
import mmap
import os
import signal
import struct
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import ascii_lowercase
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

import gantool
from gantool import files
from gantool.cli.output import understood
from gantool.recipe.documents import dump
from gantool.runs.checkpoints import MANIFEST, STATE, Checkpoint, Checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status
from gantool.training.trainer import Trainer
from tests.states import leaves

torch.set_num_threads(1)

PUBLISHED: dict[str, tuple[str, str]] = {}
PROPERTY = "figure"
"""Figures travel with the tests' reports, also from the processes of pytest-xdist."""
DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: written by pytest tests/faults --faults=full -->", "<!-- end -->"
CRASHED = 70
"""Exit code of a victim that ended in a traceback."""

Publish = Callable[[str, str, str], None]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        for name, value in report.user_properties:
            if name == PROPERTY:
                number, fault, figure = cast("tuple[str, str, str]", value)
                PUBLISHED[number] = (fault, figure)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = PUBLISHED
    if rows:
        terminalreporter.section(f"faults injected ({config.getoption('--faults')})")
    for number, (fault, figure) in sorted(rows.items()):
        terminalreporter.write_line(f"{number:>3}  {fault}: {figure}")
    if rows and config.getoption("--faults") == "full":
        write_table(rows)


def write_table(rows: dict[str, tuple[str, str]]) -> None:
    """Put figures into the document's table; rows of tests that did not run stay."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {
        cells[0]: "|".join(cells[1:])
        for line in table.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 4
    }
    when = f"{date.today().isoformat()}, torch {torch.__version__}"
    known |= {number: f"{fault}|{figure}|{when}" for number, (fault, figure) in rows.items()}
    known = {number: row for number, row in known.items() if number[:1].isdecimal()}
    lines = ["", "| # | fault | figure | measured |", "|---|---|---|---|"]
    for number in sorted(known, key=lambda n: (int(n.rstrip(ascii_lowercase)), n)):
        lines.append(f"| {number} | {' | '.join(known[number].split('|'))} |")
    DOCUMENT.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{after}", "utf-8")


@pytest.fixture
def publish(request: pytest.FixtureRequest) -> Publish:
    """Return what prints a test's figure, and keeps it for the table."""

    def publish(number: str, fault: str, figure: str) -> None:
        print(f"{fault}: {figure}")
        request.node.user_properties.append((PROPERTY, (number, fault, figure)))

    return publish


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether all faults are wanted, not a few of each."""
    return bool(request.config.getoption("--faults") == "full")


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the curves, which take longer than the training and come after it."""
    monkeypatch.setattr("gantool.reporting.pictures.curves.draw_curves", lambda *_: None)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 26 pictures of two classes."""
    folder, random = tmp_path_factory.mktemp("gallery"), np.random.default_rng(0)
    for index in range(26):
        kind = folder / ("bright" if index % 2 else "dark")
        kind.mkdir(exist_ok=True)
        pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(kind / f"{index}.png")
    return folder


Recipe = Callable[..., Path]


@pytest.fixture
def recipe(tmp_path: Path, gallery: Path) -> Recipe:
    """Return what writes the recipe of a run of a second; keyword arguments are tables."""

    def write(**tables: Any) -> Path:
        document: dict[str, Any] = {
            "dataset": {"use": "folder", "folder": str(gallery)},
            "architecture": {"use": "dcgan", "latent_dim": 8, "width": 4},
            "loss": {"use": "bce"},
            "image": {"size": 16},
            "training": {"steps": 14, "batch_size": 6, "log_every_steps": 2},
            "ema": {"half_life_images": 30},
            "sampling": {"count": 4},
            "checkpoints": {"every_steps": 3},
            "device": {"name": "cpu"},
        }
        for name, table in tables.items():
            merged = isinstance(table, dict) and name in document
            document[name] = {**document[name], **table} if merged else table
        path = tmp_path / "small.toml"
        path.write_text(dump(document), encoding="utf-8")
        return path

    return write


@dataclass
class Victim:
    """A forked process at work.

    Attributes:
        process: Its id.
        output: Where its screen and its traceback go.
    """

    process: int
    output: Path
    _shared: mmap.mmap

    @property
    def step(self) -> int:
        """Steps that it has completed, whether saved or not."""
        return int(struct.unpack("i", self._shared[:4])[0])

    def strike(self, number: int) -> None:
        """Send it a signal; it may have ended."""
        os.kill(self.process, number)

    def wait(self) -> int:
        """Return how it ended: an exit code, or minus the number of a signal."""
        _, status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(status)


Fork = Callable[..., Victim]


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    """Return what lets a function run in a process of its own, torch and plugins already there."""
    gantool.load  # noqa: B018  resolved once, before anybody forks

    def fork(work: Callable[[], object], *prepare: Callable[[], object]) -> Victim:
        shared, output = mmap.mmap(-1, 4), tmp_path / "victim.txt"
        process = os.fork()
        if process:
            return Victim(process, output, shared)
        code = CRASHED
        try:
            screen = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(screen, 1)
            os.dup2(screen, 2)
            _count_steps(shared)
            for change in prepare:
                change()
            code = _code_of(work)
        finally:
            os._exit(code)

    return fork


def _count_steps(shared: mmap.mmap) -> None:
    one_step = Trainer.one_step

    def counted(trainer: Trainer) -> None:
        one_step(trainer)
        shared[:4] = struct.pack("i", trainer.step)

    setattr(Trainer, "one_step", counted)  # noqa: B010  in this process only


def _code_of(work: Callable[[], object]) -> int:
    """Return the exit code that the command line would give."""
    try:
        work()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        failure = understood(error)
        os.write(2, traceback.format_exc().encode(errors="replace"))
        return CRASHED if failure is None else failure.exit_code
    return 0


def go_on(recipe: Path, run: Path) -> None:
    """Do what a person does after a crash: resume the run, or start it if there is none."""
    if RunFolder(run).exists():
        gantool.resume(run, level="quiet")
    else:
        gantool.run(recipe, out=run, level="quiet")


@pytest.fixture
def finish(fork: Fork) -> Callable[[Path, Path], int]:
    """Return what brings a run to its end in a process of its own, and returns its exit code."""
    return lambda recipe, run: fork(lambda: go_on(recipe, run)).wait()


def newest(run: Path) -> int | None:
    """Return the step of a run's newest intact checkpoint."""
    folder = RunFolder(run)
    checkpoint, _ = Checkpoints(folder.checkpoints, read_status(folder).identifier).newest()
    return None if checkpoint is None else checkpoint.step


def difference(one: Path, other: Path, *, lost_grids: bool = False) -> str | None:
    """Return what two finished runs do not have in common: weights, optimizers, figures, grids.

    Args:
        one: A run in which nothing went wrong.
        other: The run to compare.
        lost_grids: Whether grids may be missing from the other; those there may not differ.
    """
    states = [max((run / "checkpoints").glob("step-*")) / "state.pt" for run in (one, other)]
    first, second = (dict(leaves(torch.load(path, weights_only=True))) for path in states)
    assert len(first) > 50
    for key in first.keys() | second.keys():
        if first.get(key) != second.get(key):
            return key
    grids = {path.name for run in (one, other) for path in (run / "samples").glob("step-*.png")}
    assert grids
    for name in ("metrics.jsonl", *(f"samples/{name}" for name in grids)):
        if lost_grids and name.endswith(".png") and not (other / name).exists():
            continue
        if not (other / name).exists() or (one / name).read_bytes() != (other / name).read_bytes():
            return name
    return None


def seal(checkpoint: Path, state: object) -> None:
    """Put a state into a checkpoint and make the manifest agree, as an attacker would."""
    torch.save(state, checkpoint / STATE)
    data = (checkpoint / STATE).read_bytes()
    manifest = json.loads((checkpoint / MANIFEST).read_text())
    manifest["files"] = {STATE: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}
    (checkpoint / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    assert Checkpoint(checkpoint, manifest["step"]).damage() is None


@pytest.fixture
def sealed() -> Callable[[Path, object], None]:
    return seal


@pytest.fixture
def same() -> Callable[..., str | None]:
    return difference


@pytest.fixture
def newest_step() -> Callable[[Path], int | None]:
    return newest


@dataclass
class Disk:
    """Every write of a process, counted; the one that is wanted goes wrong.

    Attributes:
        act: Called instead of the operation number `at`, and of all later ones if `lasting`.
        at: Which operation, from 0.
        lasting: Whether the disk stays as it is from then on.
        count: Operations so far.
    """

    act: Callable[[str], None]
    at: int
    lasting: bool = False
    only_below: Path | None = None
    count: int = 0

    def install(self) -> None:
        """Stand between this process and its files."""
        self._wrap(files.disk, "fsync")
        self._wrap(fcntl, "flock")
        for name in ("rename", "replace", "mkdir", "rmdir", "unlink"):
            self._wrap(os, name)
        opened_low = os.open

        def open_low(path: Any, flags: int, *args: Any, **options: Any) -> int:
            if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and self._concerns(path):
                self.touch(f"open {path}")
            return opened_low(path, flags, *args, **options)

        os.open = open_low
        opened = io.open

        def open_counted(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            if set(mode) & set("wax+") and self._concerns(file):
                self.touch(f"open {file}")
                return _CountedFile(opened(file, mode, *args, **options), self)
            return opened(file, mode, *args, **options)

        builtins.open = io.open = open_counted

    def touch(self, what: str) -> None:
        """Count an operation, and let it go wrong if it is its turn."""
        number, self.count = self.count, self.count + 1
        if number == self.at or (self.lasting and number > self.at):
            self.act(what)

    def _concerns(self, place: Any) -> bool:
        if self.only_below is None:
            return True
        if isinstance(place, int):
            place = os.readlink(f"/proc/self/fd/{place}")
        return str(place).startswith(str(self.only_below))

    def _wrap(self, module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted(*args: Any, **options: Any) -> Any:
            if self._concerns(args[0]) and not options:
                self.touch(f"{name} {args[0]}")
            return original(*args, **options)

        setattr(module, name, counted)


class _CountedFile:
    """A file whose writes are counted as the system sees them: once a full buffer, and the rest."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk, self._waiting = file, disk, 0

    def write(self, data: Any) -> Any:
        self._waiting += len(data)
        if self._waiting >= io.DEFAULT_BUFFER_SIZE:
            self._pass_on()
        return self._file.write(data)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._pass_on()
        self._file.flush()

    def close(self) -> None:
        try:
            self._pass_on()
        finally:
            self._file.close()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting = 0
            self._disk.touch("write")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _CountedFile:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)


def die(what: str) -> None:
    """Be killed in the middle of a write."""
    del what
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


@pytest.fixture
def disk() -> type[Disk]:
    return Disk


@pytest.fixture
def killed_at_write() -> Callable[[int], Disk]:
    """Return a disk at whose n-th operation the process is killed."""
    return lambda number: Disk(die, number)
