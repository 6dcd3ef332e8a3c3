from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gantool import DataError, Dataset
from gantool.data.prepare import job as row_file
from gantool.data.prepare.decoding import decode
from gantool.data.prepare.fingerprint import rendering_of
from gantool.data.prepare.preparing import prepare
from gantool.recipe.schema import ImageTable

if TYPE_CHECKING:
    Tree = Callable[..., Dataset]
    Fill = Callable[[int], Path]
    Opened = Callable[[], list[str]]
    Draw = Callable[..., Image.Image]

SMALL = ImageTable(size=8)


def expected_images(root: Path, table: ImageTable) -> np.ndarray:
    """Every readable image below a folder, decoded one by one."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return np.stack([decode(Image.open(path), rendering_of(table)) for path in paths])


def unfinished_folder(cache: Path) -> Path:
    (found,) = (cache / "prepared").glob(".unfinished-*")
    return found


@pytest.mark.parametrize("workers", [None, 1, 2])
@pytest.mark.parametrize(
    "table", [SMALL, ImageTable(size=(6, 10), channels=1, fit="crop"), ImageTable(channels=4)]
)
def test_images_labels_and_names_are_those_of_the_source(
    tree: Tree, folder: Fill, table: ImageTable, workers: int | None
) -> None:
    root = folder(150)  # three chunks
    prepared = prepare(tree(root), table, workers=workers)
    assert np.array_equal(prepared.images, expected_images(root, table))
    assert prepared.images.dtype == np.uint8
    assert not prepared.images.flags.writeable
    assert prepared.labels.tolist() == [0] * 75 + [1] * 75
    assert prepared.labels.dtype == np.int64
    assert prepared.names[0] == "a/0000.png"
    assert list(prepared.names[74:76]) == ["a/0148.png", "b/0001.png"]
    assert prepared.classes == ("a", "b")
    assert prepared.skipped == ()
    assert prepared.shape == table.shape


def test_nothing_is_opened_twice(tree: Tree, folder: Fill, opened: Opened) -> None:
    root = folder(20)
    first = prepare(tree(root), SMALL)
    assert len(opened()) == 20
    again = prepare(tree(root), SMALL)
    assert opened() == []
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again.images, first.images)


FILE_CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: Image.new("RGB", (9, 9), "red").save(root / "a" / "0000.png"),
    "name": lambda root: (root / "a" / "0000.png").rename(root / "a" / "0001.png"),
    "class": lambda root: (root / "b").rename(root / "c"),
    "removal": lambda root: (root / "a" / "0000.png").unlink(),
}


@pytest.mark.parametrize("change", FILE_CHANGES)
def test_changed_files_are_prepared_anew(tree: Tree, folder: Fill, change: str) -> None:
    root = folder(4)
    before = prepare(tree(root), SMALL)
    FILE_CHANGES[change](root)
    after = prepare(tree(root), SMALL)
    assert after.fingerprint != before.fingerprint
    assert after.folder != before.folder
    assert np.array_equal(after.images, expected_images(root, SMALL))


@pytest.mark.parametrize(
    "table",
    [ImageTable(size=(8, 4)), ImageTable(size=8, channels=1), ImageTable(size=8, fit="pad")],
)
def test_another_shape_or_fit_is_prepared_anew(tree: Tree, folder: Fill, table: ImageTable) -> None:
    root = folder(4)
    before = prepare(tree(root), SMALL)
    after = prepare(tree(root), table)
    assert after.fingerprint != before.fingerprint
    assert after.folder != before.folder
    assert np.array_equal(after.images, expected_images(root, table))


def test_other_labels_or_classes_are_prepared_anew(tree: Tree, folder: Fill) -> None:
    root = folder(4)
    assert prepare(tree(root), SMALL).labels.tolist() == [0, 0, 1, 1]
    assert prepare(tree(root, labeled=False), SMALL).labels.tolist() == [-1] * 4
    assert prepare(tree(root, greeting="class "), SMALL).classes == ("class a", "class b")


def test_moved_folder_keeps_its_prepared_images(tree: Tree, folder: Fill, opened: Opened) -> None:
    root = folder(4)
    prepare(tree(root), SMALL)
    opened()
    prepare(tree(root.rename(root.parent / "elsewhere")), SMALL)
    assert opened() == []


def test_progress_counts_every_image_once(tree: Tree, folder: Fill) -> None:
    calls: list[tuple[int, int]] = []
    prepare(tree(folder(150)), SMALL, progress=lambda *call: calls.append(call), workers=2)
    assert calls == sorted(calls)
    assert calls[0] == (0, 150)
    assert calls[-1] == (150, 150)
    assert len(calls) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_preparation_resumes(
    tree: Tree, folder: Fill, cache: Path, opened: Opened, workers: int
) -> None:
    root = folder(320)

    for goal in (128, 192, 256):

        def interrupt(done: int, total: int, goal: int = goal) -> None:
            if done >= goal:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare(tree(root), SMALL, progress=interrupt, workers=workers)
        with (unfinished_folder(cache) / "journal.jsonl").open("a") as journal:
            journal.write('{"chunk": [192, 25')  # as a crash in the middle of a line leaves it
    opened()
    prepared = prepare(tree(root), SMALL, workers=workers)
    assert len(opened()) == 320 - 256
    assert np.array_equal(prepared.images, expected_images(root, SMALL))
    assert not list((cache / "prepared").glob(".unfinished-*"))


def test_crash_while_gaps_are_closed_starts_afresh(
    tree: Tree, folder: Fill, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder(150)
    (root / "a" / "0010.png").write_bytes(b"")
    monkeypatch.setattr(row_file, "MOVE_BYTES", 1000)

    move = row_file.RowFile._move

    def die(self: row_file.RowFile, bad: np.ndarray, rows: int) -> None:
        move(self, bad, rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(row_file.RowFile, "_move", die)
        with pytest.raises(KeyboardInterrupt):
            prepare(tree(root), SMALL)
    opened()
    prepared = prepare(tree(root), SMALL)
    assert len(opened()) == 150
    (root / "a" / "0010.png").unlink()
    assert np.array_equal(prepared.images, expected_images(root, SMALL))


@pytest.mark.parametrize("size", [64, 1000, 16 << 20])
def test_unusable_images_leave_no_gap(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(row_file, "MOVE_BYTES", size)  # rows that overlap when they move, too
    root = folder(150)
    bad = [0, 1, 2, 66, 67, 100, 149]
    for index in bad:
        (root / "ab"[index % 2] / f"{index:04d}.png").write_bytes(b"no image")
    prepared = prepare(tree(root), SMALL)
    assert {image.name for image in prepared.skipped} == {
        f"{'ab'[index % 2]}/{index:04d}.png" for index in bad
    }
    assert {image.reason for image in prepared.skipped} == {"not an image"}
    for image in prepared.skipped:
        (root / image.name).unlink()
    assert np.array_equal(prepared.images, expected_images(root, SMALL))
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
    assert list(prepared.names) == names
    assert prepared.labels.tolist() == ["ab".index(name[0]) for name in names]


def test_without_one_usable_image_it_is_an_error(tree: Tree, tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    with pytest.raises(DataError, match="'tree' holds no images"):
        prepare(tree(root), SMALL)
    for index in range(5):
        (root / f"{index}.jpg").write_text("<html>")
    expected = r"none of the 5 images can be used \(0.jpg: not an image; 1.jpg: .*, …\)"
    with pytest.raises(DataError, match=expected) as caught:
        prepare(tree(root), SMALL)
    assert caught.value.exit_code == 3
    assert not list((cache / "prepared").glob(".unfinished-*"))


@pytest.mark.parametrize("locked", ["one", "all"])
def test_unreadable_file_is_tried_again(
    tree: Tree, folder: Fill, opened: Opened, locked: str
) -> None:
    root = folder(3)
    (root / "a" / "0000.png").rename(root / "locked.png")
    if locked == "all":
        (root / "a" / "0002.png").unlink()
        (root / "b" / "0001.png").unlink()
    (root.parent / "locked").touch()
    if locked == "all":
        with pytest.raises(DataError, match=r"locked.png: unreadable: Permission denied"):
            prepare(tree(root), SMALL)
    else:
        without = prepare(tree(root), SMALL)
        assert [image.reason for image in without.skipped] == ["unreadable: Permission denied"]
        opened()
        assert len(prepare(tree(root), SMALL)) == 2
        assert len(opened()) == 1
    (root.parent / "locked").unlink()
    prepared = prepare(tree(root), SMALL)
    assert prepared.skipped == ()
    assert np.array_equal(prepared.images, expected_images(root, SMALL))


def test_unreadable_file_is_tried_again_after_an_interruption(tree: Tree, folder: Fill) -> None:
    root = folder(150)
    (root / "a" / "0000.png").rename(root / "locked.png")
    (root.parent / "locked").touch()

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(tree(root), SMALL, progress=interrupt)
    (root.parent / "locked").unlink()
    prepared = prepare(tree(root), SMALL)
    assert prepared.skipped == ()
    assert np.array_equal(prepared.images, expected_images(root, SMALL))


@pytest.mark.parametrize("damage", ["shorter", "longer", "manifest", "header", "gone", "labels"])
def test_damaged_preparation_is_made_again(
    tree: Tree, folder: Fill, opened: Opened, damage: str
) -> None:
    root = folder(6)
    prepared = prepare(tree(root), SMALL)
    images, manifest = (prepared.folder / name for name in ("images.npy", "manifest.json"))
    content = images.read_bytes()
    match damage:
        case "shorter":
            images.write_bytes(content[:-1])
        case "longer":
            images.write_bytes(content + b"x")
        case "header":
            images.write_bytes(content.replace(b"(6, 8, 8, 3)", b"(6, 4, 16,3)"))
        case "gone":
            (prepared.folder / "names.npy").unlink()
        case "labels":
            labels = prepared.folder / "labels.npy"
            labels.write_bytes(labels.read_bytes().replace(b"<i8", b"<f8"))
        case _:
            manifest.write_text(manifest.read_text()[:-20])
    opened()
    again = prepare(tree(root), SMALL)
    assert len(opened()) == 6
    assert np.array_equal(again.images, expected_images(root, SMALL))
    assert again.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_what_a_source_prints_does_no_harm(
    tree: Tree, folder: Fill, capfd: pytest.CaptureFixture[str]
) -> None:
    root = folder(6)
    (root / "a" / "0000.png").rename(root / "loud.png")
    assert len(prepare(tree(root), SMALL, workers=2)) == 6
    assert capfd.readouterr().out == ""
