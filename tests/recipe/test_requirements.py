from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import pytest

from gantool.recipe.check import consistency

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.schema import Recipe


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"gantool-wgan-gp": "0.10.0", "gantool-new": "1.0.dev3", "gantool-odd": "one"}

    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(consistency, "version", version)


def required(minimal: str, *wanted: str) -> str:
    return f"requires = {list(wanted)}\n{minimal}"


@pytest.mark.parametrize(
    "wanted",
    [
        "gantool-wgan-gp",
        "gantool-wgan-gp>=0.9",
        "gantool-wgan-gp>=0.2,<1",
        "gantool-new>=1.0.dev1",
        "gantool-odd",
        "gantool-x; python_version < '3'",
    ],
)
def test_installed_packages_do(read: Callable[..., Recipe], minimal: str, wanted: str) -> None:
    recipe = read(required(minimal, wanted))
    assert recipe.tables.requires == (wanted,)
    assert recipe.document["requires"] == [wanted]


def test_each_missing_package_is_named(complain: Callable[..., str], minimal: str) -> None:
    wanted = ("gantool-wgan-gp>=0.11", "gantool-x>=0.1", "gantool x")
    assert complain(required(minimal, *wanted)) == (
        "error: this recipe requires gantool-wgan-gp>=0.11, found 0.10.0\n"
        "  --> bad.toml:1:13\n"
        "  |\n"
        "1 | requires = ['gantool-wgan-gp>=0.11', 'gantool-x>=0.1', 'gantool x']\n"
        "  |             ^^^^^^^^^^^^^^^^^^^^^^^ pip install 'gantool-wgan-gp>=0.11'\n"
        "\n"
        "error: this recipe requires gantool-x>=0.1, which is not installed\n"
        "  --> bad.toml:1:38\n"
        "  |\n"
        "1 | requires = ['gantool-wgan-gp>=0.11', 'gantool-x>=0.1', 'gantool x']\n"
        "  |                                      ^^^^^^^^^^^^^^^^ pip install 'gantool-x>=0.1'\n"
        "\n"
        "error: expected a package and its version, got 'gantool x'\n"
        "  --> bad.toml:1:56\n"
        "  |\n"
        "1 | requires = ['gantool-wgan-gp>=0.11', 'gantool-x>=0.1', 'gantool x']\n"
        "  |                                                        ^^^^^^^^^^^ "
        "as in 'gantool-wgan-gp>=0.1'\n"
        "\n"
        "3 problems; nothing was run"
    )


def test_version_of_no_known_form_fits_no_bound(complain: Callable[..., str], minimal: str) -> None:
    told = complain(required(minimal, "gantool-odd>=1"))
    assert told.startswith("error: this recipe requires gantool-odd>=1, found one\n")


def test_requirements_are_texts(complain: Callable[..., str], minimal: str) -> None:
    told = complain(f"requires = ['gantool-wgan-gp', 5]\n{minimal}")
    assert told.startswith("error: expected text in quotes, got 5\n  --> bad.toml:1:32\n")
