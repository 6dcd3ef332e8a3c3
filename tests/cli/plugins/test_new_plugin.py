from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = "from gantool import hookimpl\n@hookimpl\ndef gantool_components():\n    return []\n"


def test_paths_are_printed_and_the_next_commands_shown(gantool: Callable[..., Any]) -> None:
    outcome = gantool("new-plugin", "sparkle", "--kind", "regularizer")
    assert outcome.code == 0
    paths = outcome.stdout.splitlines()
    assert "gantool-sparkle/gantool_sparkle/plugin.py" in paths
    assert all(Path(path).is_file() for path in paths)
    assert {str(path) for path in Path().rglob("*") if path.is_file()} == set(paths)
    assert "  pip install -e gantool-sparkle " in outcome.stderr
    assert "  gantool describe regularizer/sparkle " in outcome.stderr


def test_a_folder_to_put_it_into(gantool: Callable[..., Any], tmp_path: Path) -> None:
    place = tmp_path / "my plugins"
    outcome = gantool("new-plugin", "sparkle", "--kind", "loss", "--folder", place)
    assert (place / "gantool-sparkle" / "pyproject.toml").is_file()
    assert f"pip install -e '{place}/gantool-sparkle'" in outcome.stderr
    again = gantool("new-plugin", "sparkle", "--kind", "loss", "--folder", place)
    assert again.code == 2
    assert "there is something at" in again.stderr


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("losses", "loss", "error: gantool has a plugin 'losses' already\n"),
        ("weight-decay", "loss", "error: gantool has a plugin 'weight-decay' already\n"),
        (
            "hinge",
            "loss",
            "error: there is a loss 'hinge' already, in plugin 'losses' of gantool\n",
        ),
        ("metric", "loss", "error: a plugin cannot be called 'metric', which is a kind\n"),
        ("Sparkle", "loss", "error: a plugin cannot be called 'Sparkle'\nhint: expected lower"),
        ("sparkle", "lossy", "error: unknown kind 'lossy'\nhint: kinds: dataset, "),
    ],
)
def test_taken_and_malformed_names_are_refused(
    gantool: Callable[..., Any], name: str, kind: str, message: str
) -> None:
    outcome = gantool("new-plugin", name, "--kind", kind)
    assert outcome.code == 2
    assert outcome.stderr.startswith(message)
    assert not list(Path().iterdir())


def test_a_name_of_another_kind_is_free(gantool: Callable[..., Any]) -> None:
    assert gantool("new-plugin", "hinge", "--kind", "metric").code == 0


def test_the_name_of_an_installed_plugin_is_taken(
    gantool: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("third-kit", SOURCE)
    outcome = gantool("new-plugin", "third-kit", "--kind", "metric")
    assert outcome.stderr.startswith("error: gantool-third-kit has a plugin 'third-kit' already\n")
