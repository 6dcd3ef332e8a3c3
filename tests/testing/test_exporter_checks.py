"""Each check of exporters, seen failing on an exporter that breaks its promise."""

from __future__ import annotations

import io
import random
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from typing_extensions import override

from gantool import Exporter, MissingExtraError, Trained, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick

FILE = "generator.npz"


class Sound(Exporter):
    """Writes the weights as NumPy does."""

    name = "sound"
    loadable: ClassVar[bool] = True

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        import numpy as np

        arrays: dict[str, Any] = {name: each.numpy() for name, each in trained.weights.items()}
        with (folder / FILE).open("wb") as file:
            np.savez(file, **arrays)
        return "weights for NumPy"

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        import zipfile

        import numpy as np
        import torch

        try:
            with np.load(io.BytesIO((folder / FILE).read_bytes()), allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise UsageError(f"{folder / FILE} is damaged: {error}") from error


class Plain(Sound):
    """Writes what cannot be loaded, and says how it is used."""

    loadable: ClassVar[bool] = False

    @classmethod
    @override
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        return f"`{FILE}` in {repository or folder}."


class Idle(Plain):
    """Writes nothing."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        return "nothing"


class Presumptuous(Plain):
    """Writes a card of its own."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        (folder / "README.md").touch()
        return "a card"


class Speechless(Sound):
    """Says nothing of what it wrote."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        super().export(trained, folder)
        return None  # type: ignore[return-value]


class Aside(Sound):
    """Leaves a file beside its folder."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        (folder.parent / "cache.bin").touch()
        return super().export(trained, folder)


class Asking(Sound):
    """Asks a server."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        socket.getaddrinfo("convert.example", 443)
        return super().export(trained, folder)


class Rounding(Sound):
    """Rounds the weights themselves."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        trained.network.half().float()
        return super().export(trained, folder)


class Training(Sound):
    """Leaves the network in training mode."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        trained.network.train()
        return super().export(trained, folder)


class Stamping(Sound):
    """Adds a number of its own."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        (folder / "stamp").write_text(str(random.random()))
        return super().export(trained, folder)


class Numbering(Sound):
    """Gives its file another name each time."""

    @override
    def export(self, trained: Trained, folder: Path) -> str:
        (folder / f"{random.random()}").touch()
        return super().export(trained, folder)


class Silent(Sound):
    """Gives no text for the card."""

    @classmethod
    @override
    def usage(cls, trained: Trained, folder: str, repository: str | None) -> str:
        return None  # type: ignore[return-value]


class Forgetful(Sound):
    """Loads some of the weights."""

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        weights = dict(super().load(folder))
        weights.popitem()
        return weights


class Doubling(Sound):
    """Loads other weights."""

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        return {name: 2 * each for name, each in super().load(folder).items()}


class Trusting(Sound):
    """Lets NumPy's own error out."""

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        import numpy as np
        import torch

        with np.load(io.BytesIO((folder / FILE).read_bytes()), allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


class Careless(Sound):
    """Takes what is there for whole."""

    @classmethod
    @override
    def load(cls, folder: Path) -> Mapping[str, Tensor]:
        return {}


BROKEN = [
    ("writes_files", Idle, r"exporter 'tried:sound' wrote no file"),
    ("writes_files", Presumptuous, r"writes README\.md, which is a file of gantool"),
    ("writes_files", Speechless, r"export .*returned None, expected a line of text"),
    ("keeps_to_its_folder", Aside, r"beside the folder there is cache\.bin"),
    ("works_without_a_network", Asking, "there is no network in this check"),
    ("leaves_the_generator_as_it_was", Rounding, "after the export: .* differs"),
    ("leaves_the_generator_as_it_was", Training, "the network is in training mode"),
    ("writes_the_same_again", Stamping, "two exports differ in stamp"),
    ("writes_the_same_again", Numbering, r"only one of two exports has 0\."),
    ("says_how_its_files_are_used", Silent, "`usage` returns NoneType, not text"),
    ("gives_its_weights_back", Forgetful, "loaded again: only one of the two has"),
    ("gives_its_weights_back", Doubling, "loaded again: .* differs"),
    ("refuses_damaged_files", Trusting, r"empty files end in \w+Error: "),
    ("refuses_damaged_files", Careless, "empty files are loaded as if they were whole"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Exporter], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("exporter")


@pytest.mark.parametrize("component", [Sound, Plain])
def test_sound_exporters_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Exporter]
) -> None:
    results = try_every_check(component)
    loaded = {"gives_its_weights_back", "refuses_damaged_files"}
    assert (
        bool(loaded & {result.id.rpartition("::")[2] for result in results}) == component.loadable
    )
    assert [result for result in results if result.status != "passed"] == []


def test_an_exporter_without_its_package_is_not_judged(
    try_check: Callable[..., CheckResult],
) -> None:
    class Absent(Sound):
        """Needs what is not here."""

        @override
        def check(self) -> None:
            raise MissingExtraError("a package is missing", "install it")

    assert try_check("works_without_a_network", Absent).status == "passed"
    result = try_check("writes_files", Absent)
    assert (result.status, result.message) == ("skipped", "a package is missing\ninstall it")
