"""Each check of datasets, seen failing on a dataset that breaks its promise."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick

BROKEN = [
    ("opens_without_a_network", "CallingHome", "there is no network in this check"),
    ("counts_its_images", "Empty", "its example has no images"),
    ("counts_its_images", "CountsOnce", "opened again, it has 4 images instead of 5"),
    ("opens_images_without_loading_them", "Decoded", r"image 0 \(dawn/0.png\) is already decoded"),
    ("opens_images_without_loading_them", "Converted", "is a Image, not a file opened by PIL"),
    ("opens_images_without_loading_them", "PostScript", "of the format EPS, which is not read"),
    ("labels_images_by_their_classes", "FromOne", "image 3 has the label 2, of 2 classes"),
    ("names_its_classes_apart", "Twins", "classes of the same name: dawn, dusk"),
    ("names_its_classes_apart", "ListOfClasses", r"a tuple of texts, found \['dawn', 'dusk'\]"),
    ("names_its_images_apart", "Namesakes", "several images are named 'dawn', 'dusk'"),
    ("names_its_images_apart", "Unnamed", "image 0 is named PosixPath"),
    ("stamps_its_images", "TimeInSeconds", r"image 0 has the stamp \(\d+, \d+\.\d+\)"),
    ("stamps_its_images", "ChangedInSeconds", r"image 0 was changed at \d+\.\d+"),
    ("gives_the_same_image_for_an_index", "Restless", "image 0 differs when it is read again"),
    ("gives_the_same_image_for_an_index", "Shuffled", "differs when the dataset is opened again"),
    ("can_be_pickled", "Locked", "cannot pickle '_thread.lock' object"),
    ("can_be_pickled", "Hoarding", r"grown by \d{5} bytes while images were read"),
    ("is_read_by_threads", "OneHand", r"image \d differs when threads read it"),
    ("is_read_by_another_process", "AtHome", "image 0 differs"),
]


@pytest.fixture
def tried(importable: Path) -> Any:
    """Return the module of datasets to try."""
    return importlib.import_module("tried_datasets")


@pytest.fixture
def dataset(tried: Any) -> Callable[[str], Any]:
    """Return a dataset by its name, or the sound one with the source of that name."""

    def find(name: str) -> Any:
        found = getattr(tried, name)
        return found if issubclass(found, tried.Sound) else tried.opening(found)

    return find


@pytest.mark.parametrize(("name", "broken", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult],
    dataset: Callable[[str], Any],
    name: str,
    broken: str,
    finding: str,
) -> None:
    result = try_check(name, dataset(broken))
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("dataset")


def test_sound_dataset_passes(
    try_every_check: Callable[..., list[CheckResult]], tried: Any
) -> None:
    results = try_every_check(tried.Sound)
    assert results
    assert [result for result in results if result.status != "passed"] == []
