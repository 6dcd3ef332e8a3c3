"""Whatever becomes of a file, a command says so in a message, starts nothing, and stays inside."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gantool
from gantool.cli.app import main
from gantool.cli.output import understood
from gantool.recipe.documents import dump
from tests.faults.mutations import mutate, restore

if TYPE_CHECKING:
    from tests.faults.conftest import Publish

SECONDS = 30
"""A command that takes longer has hung: each takes less than one, on a free processor."""
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile"}
BELOW_FOLDERS = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.chmod"}
BELOW_FOLDERS |= {"shutil.rmtree"}
WRITES = BELOW_FOLDERS | {"os.truncate"}
FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
ROWS = {"run": "13a", "checkpoints": "13b", "recipe": "13c", "exported": "13d", "cache": "13e"}
Commands = Callable[[Path], list[list[object]]]


class Watch:
    """Notes what a command starts, and what it writes, removes or renames outside a folder."""

    def __init__(self) -> None:
        self.inside: tuple[str, ...] | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._look)

    @contextmanager
    def over(self, *inside: Path) -> Iterator[list[str]]:
        self.inside, self.seen = tuple(str(path) for path in inside), []
        try:
            yield self.seen
        finally:
            self.inside = None

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event in STARTS and "gantool.data" not in repr(arguments):
            self.seen.append(f"{event} {arguments}")
        if event in WRITES or (event == "open" and self._opens_to_write(arguments)):
            self.seen += [
                f"{event} {path}" for path in _paths(event, arguments) if self._is_outside(path)
            ]

    def _is_outside(self, path: str) -> bool:
        return path != os.devnull and not path.startswith(self.inside or ())

    @staticmethod
    def _opens_to_write(arguments: tuple[Any, ...]) -> bool:
        return isinstance(arguments[2], int) and bool(arguments[2] & FLAGS)


def _paths(event: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """Yield the paths that an event changes; one below an open folder comes with its number."""
    folder = arguments[-1] if event in BELOW_FOLDERS else -1
    base = os.getcwd() if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
    for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
        if isinstance(path, str | bytes | os.PathLike):
            yield os.path.normpath(os.path.join(base, os.fsdecode(path)))


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def times(request: pytest.FixtureRequest, full: bool) -> int:
    """Return how often each file is damaged: twice, or 20 times in the full suite, or as asked."""
    return request.config.getoption("--mutations") or (20 if full else 2)


@pytest.fixture(scope="module")
def made(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run with a file of every kind, another one, an exported folder, a cache and a recipe."""
    place = tmp_path_factory.mktemp("made")
    document: dict[str, Any] = {
        "dataset": {"use": "folder", "folder": str(gallery)},
        "architecture": {"use": "dcgan", "latent_dim": 8, "width": 4},
        "loss": {"use": "bce"},
        "regularizers": [{"use": "r1"}],
        "metrics": [{"use": "kid", "subset_size": 4}],
        "evaluation": {"extractor": "random-conv", "count": 8},
        "image": {"size": 16},
        "training": {"steps": 4, "batch_size": 6, "log_every_steps": 1},
        "sampling": {"count": 4},
        "checkpoints": {"every_steps": 2, "keep_last": 2},
        "device": {"name": "cpu"},
    }
    (place / "parent.toml").write_text(dump(document), encoding="utf-8")
    recipe = place / "small.toml"
    recipe.write_text('extends = "parent.toml"\n[ema]\nhalf_life_images = 30.0\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTOOL_CACHE", str(place / "cache"))
        for name in ("run", "other"):
            gantool.run(recipe, out=place / name, level="quiet")
        evaluated = ["--extractor", "pixels", "--metrics", "fid", "--count", "4", "--quiet"]
        assert code_of(["evaluate", place / "run", *evaluated]) == 0
        exported = ["--to", "safetensors", "--out", str(place / "exported"), "--quiet"]
        assert code_of(["export", place / "run", *exported]) == 0
        run = place / "run"
        (run / "health.jsonl").write_text('{"step": 3, "sign": "generator", "message": "alike"}\n')
        (run / "loggers.json").write_text('{"notes": {"scalars": 4}}\n')
        (run / "diverged.json").write_text('{"step": 9, "figures": ["a"], "try": ["--set a=1"]}\n')
        (run / "skipped.tsv").write_text("a.png\tbroken\n")
        yield place


def of_run(run: Path) -> list[list[object]]:
    """Return the commands that read a run's files."""
    other, out = run.with_name("other"), run.parent / "written"
    return [
        ["list-runs", run.parent],
        ["report", run, "--no-neighbors", "--out", out / "page.html"],
        ["compare", run, other, "--apart", "--out", out / "c.html", "--markdown", out / "c.md"],
        ["sample", run, "--count", 1, "--out", out / "one.png"],
        ["resume", run, "--steps", 4, "--quiet"],
    ]


def of_scores(run: Path) -> list[list[object]]:
    """Return the commands that read scores besides."""
    out = run.parent / "written"
    return [
        ["evaluate", run.with_name("other"), "--protocol", run, "--quiet"],
        ["export", run, "--to", "safetensors", "--out", out / "exported", "--quiet"],
        *of_run(run),
    ]


def of_checkpoint(run: Path) -> list[list[object]]:
    """Return the commands that read checkpoints."""
    out = run.parent / "written"
    return [
        ["sample", run, "--count", 1, "--out", out / "one.png"],
        ["sample", run, "--count", 1, "--checkpoint", "best", "--out", out / "one.png"],
        ["list-runs", run.parent],
        ["resume", run, "--steps", 5, "--quiet"],
    ]


def of_exported(run: Path) -> list[list[object]]:
    """Return what reads an exported folder: there is no command but `gantool.load`."""
    return [[run.with_name("exported")]]


def of_recipe(run: Path) -> list[list[object]]:
    recipe = run.with_name("small.toml")
    return [["validate", recipe], ["show", recipe], ["copy-recipe", recipe, run.parent / "c.toml"]]


def of_cache(run: Path) -> list[list[object]]:
    """Return the commands that read prepared images and features."""
    return [["cache", "show"], ["evaluate", run, "--quiet"]]


SUBJECTS: dict[str, Commands] = {
    "run/run.json": of_run,
    "run/recipe.toml": of_run,
    "run/metrics.jsonl": of_run,
    "run/timing.jsonl": of_run,
    "run/environment.json": of_run,
    "run/parent.json": of_run,
    "run/health.jsonl": of_run,
    "run/loggers.json": of_run,
    "run/diverged.json": of_run,
    "run/skipped.tsv": of_run,
    "run/scores.jsonl": of_scores,
    "run/evaluations.jsonl": of_scores,
    "run/checkpoints/step-00000004/manifest.json": of_checkpoint,
    "run/checkpoints/step-00000004/state.pt": of_checkpoint,
    "run/checkpoints/step-00000004/score.json": of_checkpoint,
    "small.toml": of_recipe,
    "parent.toml": of_recipe,
}
"""Files by their places, and what reads them."""


def command(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it said."""
    signal.alarm(SECONDS)
    try:
        code = code_of(arguments)
    finally:
        signal.alarm(0)
    return code, "".join(capsys.readouterr())


def code_of(arguments: list[object]) -> int:
    try:
        if len(arguments) == 1:
            return loading(arguments[0])
        code: object = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    assert isinstance(code, int)
    return code


def loading(folder: object) -> int:
    """Draw from an exported folder; return the exit code that a command would give."""
    try:
        gantool.load(Path(str(folder))).sample(1)
    except Exception as error:
        failure = understood(error)
        if failure is None:
            traceback.print_exc()
        return 1 if failure is None else failure.exit_code
    return 0


def files_below(made: Path) -> dict[str, Commands]:
    """Return every file of the exported folder and the cache, and what reads it."""
    found: dict[str, Commands] = {}
    for folder, commands in (("exported", of_exported), ("cache", of_cache)):
        files = [path for path in (made / folder).rglob("*") if path.is_file()]
        assert files, f"nothing in {folder} to damage"
        found |= {str(path.relative_to(made)): commands for path in files}
    return found


def hung(number: int, frame: object) -> None:
    raise TimeoutError(f"it takes longer than {SECONDS} seconds")


@pytest.mark.parametrize("group", ["run", "checkpoints", "recipe", "exported", "cache"])
def test_damage_ends_in_a_message_and_stays_inside(
    group: str,
    made: Path,
    watch: Watch,
    times: int,
    publish: Publish,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subjects = {
        file: commands
        for file, commands in (SUBJECTS | files_below(made)).items()
        if group == group_of(file)
    }
    assert subjects
    signal.signal(signal.SIGALRM, hung)
    (tmp_path / "outside").mkdir()
    monkeypatch.chdir(tmp_path / "outside")
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setenv("GANTOOL_CACHE", str(work / "cache"))
    faults, count = [], 0
    for file, commands in subjects.items():
        for seed in range(times):
            restore(work, made)
            (work / "written").mkdir()
            way = mutate(work / file, seed)
            count += 1
            for arguments in commands(work / "run"):
                with watch.over(work, scratch) as seen:
                    code, said = command(arguments, capsys)
                where = f"{file}, {way} {seed}: gantool {' '.join(map(str, arguments))}"
                if code not in DOCUMENTED or "Traceback" in said or "bug in gantool" in said:
                    faults.append(f"{where}: exit code {code}\n{said[-1500:]}")
                faults += [f"{where}: {what}" for what in seen[:1]]
                faults += [f"{where}: {said[-300:]!r} steers" for _ in [0] if "\x1b]0" in said]
    shutil.rmtree(work)
    assert os.listdir(tmp_path / "outside") == []
    assert not faults, f"{len(faults)} faults in {count} mutations\n" + "\n\n".join(faults[:20])
    publish(
        ROWS[group],
        f"{count} mutations of {len(subjects)} files ({group})",
        "no traceback, nothing started, nothing written elsewhere",
    )


def group_of(file: str) -> str:
    top, _, rest = file.partition("/")
    return "checkpoints" if rest.startswith("checkpoints") else top if rest else "recipe"
