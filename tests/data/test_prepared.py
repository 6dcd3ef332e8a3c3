from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gantool.data.prepare.prepared import open_prepared
from gantool.data.prepare.preparing import prepare
from gantool.data.selection import split
from gantool.recipe.schema import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from gantool import Dataset

    Tree = Callable[[Path], Dataset]
    Fill = Callable[[int], Path]

pytestmark = pytest.mark.quick

NAMES = [f"{index}.jpg" for index in range(1000)]


@pytest.mark.parametrize("held_out", [0.0, 0.1, 0.5, 0.999])
def test_split_divides_exactly(held_out: float) -> None:
    train, out = split(NAMES, held_out, seed=0)
    assert len(out) == round(1000 * held_out)
    assert sorted([*train.tolist(), *out.tolist()]) == list(range(1000))
    for part in (train, out):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


def test_split_holds_out_one_image_and_never_all() -> None:
    assert [len(part) for part in split(NAMES[:3], 0.01, seed=0)] == [2, 1]
    assert [len(part) for part in split(NAMES[:3], 0.99, seed=0)] == [1, 2]
    assert [len(part) for part in split(NAMES[:1], 0.5, seed=0)] == [1, 0]


def test_split_depends_on_seed_and_name_alone() -> None:
    _, out = split(NAMES, 0.2, seed=3)
    _, reversed_out = split(NAMES[::-1], 0.2, seed=3)
    assert {NAMES[i] for i in out} == {NAMES[::-1][i] for i in reversed_out}
    _, other = split(NAMES, 0.2, seed=4)
    assert 20 < len(set(out.tolist()) & set(other.tolist())) < 70  # 40 expected by chance


def test_split_barely_changes_when_images_are_added() -> None:
    _, before = split(NAMES, 0.2, seed=0)
    more = [*NAMES, *(f"new {index}.jpg" for index in range(50))]
    _, after = split(more, 0.2, seed=0)
    old = {NAMES[i] for i in before}
    new = {more[i] for i in after if i < 1000}
    assert len(old ^ new) <= 20  # of 200


def test_split_is_even_over_the_dataset() -> None:
    _, out = split(NAMES, 0.5, seed=1)
    assert abs(out.mean() - 499.5) < 30  # 5 standard errors of the mean of half the indices


@pytest.mark.parametrize(
    "name", ["a\nb.png", "Du\u0308rer.png", "Dürer.png", "tab\there.png", "\udcff mojibake.png"]
)
def test_every_file_name_survives(
    tree: Tree, tmp_path: Path, picture: Callable[..., Image.Image], name: str
) -> None:
    root = tmp_path / "images"
    (root / "class").mkdir(parents=True)
    names = sorted(["class/a.png", f"class/{name}", "z.png"])
    for index, each in enumerate(names):
        with (root / each).open("wb") as file:
            picture(index).save(file, "PNG")
    prepared = prepare(tree(root), ImageTable(size=4))
    assert list(prepared.names) == names
    assert prepared.names[-1] == "z.png"
    assert prepared.names[1:] == names[1:]
    assert prepared.labels.tolist() == [0, 0, -1]
    with pytest.raises(IndexError):
        prepared.names[3]
    train, out = split(prepared.names, 0.4, seed=0)
    assert len(train) + len(out) == 3


def test_other_fingerprint_is_not_opened(tree: Tree, folder: Fill) -> None:
    prepared = prepare(tree(folder(2)), ImageTable(size=4))
    assert open_prepared(prepared.folder, prepared.fingerprint) is not None
    assert open_prepared(prepared.folder, prepared.fingerprint[::-1]) is None
    assert open_prepared(prepared.folder / "no", prepared.fingerprint) is None


def test_opening_is_quick_and_needs_no_writable_cache(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(tree(folder(2)), ImageTable(size=4))

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gantool.data.prepare.prepared.os.utime", refuse)
    started = time.perf_counter()
    assert open_prepared(prepared.folder, prepared.fingerprint) is not None
    assert time.perf_counter() - started < 0.05
