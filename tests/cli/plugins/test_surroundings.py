"""Whatever surrounds the program: closed streams, names of any bytes, odd settings."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gantool.recipe.schema import DeviceTable
from gantool.training.device.device import open_device

CLOSED = {"input": "<&-", "output": ">&-", "errors": "2>&-", "all": "<&- >&- 2>&-"}
NAMES = {"escape": "runs/\x1b[31mred", "no text": os.fsdecode(b"runs/t\xfcst")}


@pytest.mark.parametrize("closed", CLOSED.values(), ids=CLOSED)
def test_a_closed_stream_is_no_reason_to_fail(closed: str) -> None:
    words = ["sh", "-c", f'exec "$0" -m gantool list-recipes {closed}', sys.executable]
    assert subprocess.run(words, check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_no_file_is_opened_in_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """Else a checkpoint would be given what libraries print."""
    code = (
        "import os, sys; from gantool.reporting.console.messages import replace_closed_streams; "
        "replace_closed_streams(); file = open(sys.argv[1], 'w'); "
        "os.write(1, b'noise'); os.write(2, b'noise'); print('noise'); file.close()"
    )
    file = tmp_path / "file"
    words = ["sh", "-c", 'exec "$0" -c "$1" "$2" >&- 2>&- <&-', sys.executable, code, str(file)]
    assert subprocess.run(words, check=False).returncode == 0
    assert file.read_bytes() == b""


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_runs_may_have_any_name(
    gantool: Callable[..., Any], recipe: Path, on_terminal: Callable[[int], None], name: str
) -> None:
    """What a name holds is spelt out on a terminal, and where UTF-8 cannot hold it."""
    on_terminal(100)
    assert gantool("run", recipe, "--out", "runs/plain", "--quiet").code == 0
    for words in (
        ("run", recipe, "--out", name),
        ("resume", name, "--steps", 3),
        ("sample", name, "--grid"),
        ("report", name),
        ("export", name, "--to", "safetensors,html"),
        ("compare", name, "runs/plain", "--out", "page.html"),
        ("list-runs",),
        ("validate", f"{name}/recipe.toml"),
        ("show", f"{name}/recipe.toml"),
    ):
        outcome = gantool(*words)
        said = outcome.stdout + outcome.stderr
        assert outcome.code == 0, (words, said)
        assert "\x1b[31mred" not in said
        said.encode()  # a terminal that knows no surrogates can show it


@pytest.mark.parametrize("wish", ["abc", "0", "-1", "", "100000"])
def test_a_number_of_threads_that_is_not_taken_is_named(
    wish: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wish)
    with caplog.at_level(logging.WARNING, "gantool"):
        open_device(DeviceTable(name="cpu"))
    threads = torch.get_num_threads()
    message = f"OMP_NUM_THREADS is {wish!r}: torch computes with {threads} threads"
    assert [record.getMessage() for record in caplog.records] == [message]


@pytest.mark.parametrize("form", ["{}", "{},3", " {} "])
def test_a_number_of_threads_that_is_taken_is_not(
    form: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", form.format(torch.get_num_threads()))
    with caplog.at_level(logging.WARNING, "gantool"):
        open_device(DeviceTable(name="cpu"))
    assert caplog.records == []
