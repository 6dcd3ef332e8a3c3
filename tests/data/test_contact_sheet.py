from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gantool.data import contact_sheet as drawing
from gantool.data.contact_sheet import contact_sheet
from gantool.data.prepare.preparing import prepare
from gantool.recipe.schema import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from gantool import Dataset


def test_images_stand_in_a_line_a_class(
    tree: Callable[[Path], Dataset], folder: Callable[[int], Path]
) -> None:
    prepared = prepare(tree(folder(30)), ImageTable(size=96))
    sheet = np.asarray(contact_sheet(prepared, count=10))
    step, left = drawing.SIDE + drawing.GAP, drawing.MARGIN
    top = drawing.MARGIN + drawing.CAPTION
    assert sheet.shape == (2 * left + 2 * (step + drawing.CAPTION) - 4, 2 * left + 5 * step - 4, 3)
    for label in (0, 1):
        y = top + label * (step + drawing.CAPTION)
        for column in range(5):
            x = left + column * step
            row = label * 15 + column * 3  # evenly spread over the fifteen of a class
            assert np.array_equal(sheet[y : y + 96, x : x + 96], prepared.images[row])
        caption = sheet[y - drawing.CAPTION : y]
        assert (caption.min(axis=(0, 1)) < 80).all()  # ink
        assert (caption[:, -drawing.MARGIN :] == drawing.PAPER).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_unlabeled_images_stand_in_one_block(
    tree: Callable[[Path], Dataset],
    picture: Callable[..., Image.Image],
    tmp_path: Path,
    channels: int,
) -> None:
    (tmp_path / "images").mkdir()
    for index in range(14):
        picture(index).save(tmp_path / "images" / f"{index}.png")
    prepared = prepare(tree(tmp_path / "images"), ImageTable(size=(24, 48), channels=channels))  # type: ignore[arg-type]
    sheet = contact_sheet(prepared, count=100)
    assert sheet.mode == "RGB"
    assert sheet.size == (2 * 20 + 12 * 100 - 4, 2 * 20 + 28 + 2 * 52 - 4)
