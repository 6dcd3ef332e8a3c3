"""What only whole processes can show: scripts without a main guard, kills, and company."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gantool.data.prepare import pool, preparing, unfinished
from gantool.data.prepare.decoding import decode
from gantool.data.prepare.fingerprint import rendering_of
from gantool.data.prepare.preparing import prepare
from gantool.errors import DataError, DiskError
from gantool.recipe.schema import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Dataset

    Tree = Callable[[Path], Dataset]
    Fill = Callable[[int], Path]
    Opened = Callable[[], list[str]]

IMPORTABLE = Path(__file__).parent / "importable"
SMALL = ImageTable(size=8)
SCRIPT = """
import sys
from pathlib import Path
print("started", flush=True)
sys.path.insert(0, {importable!r})
from tree_source import TreeDataset
from gantool.data.prepare.preparing import prepare
from gantool.recipe.schema import ImageTable
prepared = prepare(
    TreeDataset(root=Path({root!r})),
    ImageTable(size=8),
    workers=2,
    progress=lambda done, total: print(done, total, flush=True),
)
print("prepared", len(prepared), "torch" in sys.modules, flush=True)
"""


@pytest.fixture
def script() -> Callable[[Path], str]:
    """Writes a program that prepares a folder, as a user may write it."""
    return lambda root: SCRIPT.format(importable=str(IMPORTABLE), root=str(root))


def pids(lines: list[str]) -> set[int]:
    return {int(line.split()[0]) for line in lines}


@pytest.mark.parametrize("how", ["file", "-c", "stdin"])
def test_program_without_main_guard_runs_once(
    script: Callable[[Path], str], folder: Fill, opened: Opened, tmp_path: Path, how: str
) -> None:
    text = script(folder(150))
    (tmp_path / "program.py").write_text(text)
    arguments = {"file": ["program.py"], "-c": ["-c", text], "stdin": ["-"]}[how]
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tmp_path,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = process.communicate(text if how == "stdin" else "")
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines().count("started") == 1
    assert output.splitlines()[-1] == "prepared 150 False"
    used = pids(opened())
    assert used
    assert process.pid not in used  # others did the work


def test_decoding_process_imports_no_torch() -> None:
    code = "import sys\nfrom gantool.data.prepare import job, pool\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_killed_preparation_leaves_no_process_and_resumes(
    script: Callable[[Path], str], tree: Tree, folder: Fill, opened: Opened, cache: Path
) -> None:
    root = folder(800)
    program = script(root).replace(
        "from gantool.data.prepare.preparing import prepare",
        "from gantool.data.prepare import unfinished\nunfinished.COMMIT_SECONDS = 0\n"
        "from gantool.data.prepare.preparing import prepare",
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline().split()[0].replace(b"started", b"0")) < 64:
            pass
        workers = [os.pidfd_open(pid) for pid in pids(opened())]
        process.send_signal(signal.SIGKILL)
    for worker in workers:
        assert select.select([worker], [], [], 20)[0], "a decoding process outlived its parent"
        os.close(worker)
    opened()
    prepared = prepare(tree(root), SMALL)
    assert len(opened()) < 800
    paths = sorted(root.rglob("*.png"))
    assert np.array_equal(
        prepared.images, [decode(Image.open(path), rendering_of(SMALL)) for path in paths]
    )


def test_two_programs_share_the_work(
    script: Callable[[Path], str], folder: Fill, opened: Opened
) -> None:
    command = [sys.executable, "-c", script(folder(150))]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    last = [process.communicate()[0].splitlines()[-1] for process in both]
    assert last == ["prepared 150 False"] * 2
    assert len(opened()) == 150


def test_waiting_program_shows_the_progress_of_the_other(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "COMMIT_SECONDS", -1.0)
    monkeypatch.setattr(preparing, "POLL_SECONDS", 0.01)
    dataset, halfway, seen = tree(folder(150)), Event(), Event()

    def first(done: int, total: int) -> None:
        if done == 64:
            halfway.set()
            assert seen.wait(20)

    def second(done: int, total: int) -> None:
        if (done, total) == (64, 150):
            seen.set()

    thread = Thread(target=prepare, args=(dataset, SMALL), kwargs={"progress": first, "workers": 1})
    thread.start()
    assert halfway.wait(20)
    assert len(prepare(dataset, SMALL, progress=second)) == 150
    thread.join()
    assert seen.is_set()


def test_small_sets_start_one_process(tree: Tree, folder: Fill, opened: Opened) -> None:
    prepare(tree(folder(100)), SMALL)
    assert len(pids(opened()) - {os.getpid()}) == 1


def test_slow_work_is_given_to_processes(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "processors", lambda: 3)
    monkeypatch.setattr(preparing, "SECONDS_PER_WORKER", 1e-4)
    monkeypatch.setattr(preparing, "TRIAL_SECONDS", 0.0)
    grown, grow = [], pool.Pool.grow

    def recorded(self: pool.Pool, workers: int) -> None:
        grown.append(workers)
        grow(self, workers)

    monkeypatch.setattr(pool.Pool, "grow", recorded)
    prepare(tree(folder(300)), SMALL)
    assert grown == [1, 3]


def test_full_disk_is_said_before_and_during(
    tree: Tree, folder: Fill, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = tree(folder(150))
    with monkeypatch.context() as patch:
        usage = SimpleNamespace(free=150 * 8 * 8 * 3 - 1)
        patch.setattr("gantool.data.prepare.preparing.shutil.disk_usage", lambda path: usage)
        with pytest.raises(DiskError, match=r"needs 0.03 MB, and .* has 0.03 MB free"):
            prepare(dataset, SMALL)
    exchange = pool.Worker._exchange

    def full(self: pool.Worker, request: bytes) -> Any:
        if request.startswith(b"128 "):  # as a worker says it
            return {"failure": ["disk", 28, "No space left on device"]}, None
        return exchange(self, request)

    with monkeypatch.context() as patch:
        patch.setattr(pool.Worker, "_exchange", full)
        with pytest.raises(DiskError, match="No space left") as caught:
            prepare(dataset, SMALL)
    assert caught.value.exit_code == 6
    assert caught.value.hint is not None
    assert "GANTOOL_CACHE" in caught.value.hint
    opened()
    prepare(dataset, SMALL)  # with room again, only what is missing is decoded
    assert len(opened()) == 150 - 128


def test_error_of_the_source_stops_all(tree: Tree, folder: Fill) -> None:
    root = folder(150)
    (root / "gone.png").touch()
    with pytest.raises(DataError, match="the archive is gone"):
        prepare(tree(root), SMALL, workers=2)
