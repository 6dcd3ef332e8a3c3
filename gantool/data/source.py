"""The image source that a dataset opens, checked while it is used."""

from __future__ import annotations

import operator
import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from PIL.Image import Image

from gantool.data.cache import DATASETS, dataset_cache, entry_lock
from gantool.files.plain import refuse_link
from gantool.registry.calling import call, described, owner_of, passes, plugin_of
from gantool.registry.plugin import working_folder_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.interfaces.dataset import Dataset
    from gantool.registry.calling import Owner

MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
"""Errors of a source's own code; decoders raise them for broken files too."""
METHODS = ("image", "label", "name", "stamp")
"""Methods of every source, which has a length and classes too."""


class CheckedSource:
    """A source that a dataset has opened, whose mistakes are blamed on its plugin.

    Every method raises a PluginError where the source fails or returns something else.
    """

    def __init__(self, source: Any, owner: Owner) -> None:
        self._source = source
        self._owner = owner
        lacking = [name for name in METHODS if not hasattr(source, name)]
        if lacking or not hasattr(type(source), "__len__"):
            found = f"{described(source)} without {', '.join(lacking) or 'a length'}"
            raise owner.misbehaved("open", found, "an image source")
        self._length: int = self._called("its length", lambda: operator.index(len(source)))
        classes = self._called("its classes", lambda: source.classes)
        if not isinstance(classes, tuple | list) or not all(isinstance(c, str) for c in classes):
            raise owner.misbehaved("its source's classes", described(classes), "a tuple of names")
        self.classes: tuple[str, ...] = tuple(classes)

    @property
    def title(self) -> str:
        """Its owner, in words."""
        return self._owner.title

    def __len__(self) -> int:
        return self._length

    def __getattr__(self, name: str) -> Any:
        """Return other attributes of the source."""
        if name.startswith("_"):  # also while it is unpickled, when nothing is there yet
            raise AttributeError(name)
        found = getattr(self._source, name)
        return self._changed if name == "changed" else found

    def image(self, index: int) -> Image:
        """Return an image as it was opened; what opening a broken file raises passes through."""
        try:
            found = self._source.image(index)
        except MISTAKES as error:
            if self._owner.is_at_fault(error):
                raise self._owner.failed(f"image({index})", error) from error
            raise
        if not isinstance(found, Image):
            raise self._wrong("image", index, found, "an image of PIL")
        return found

    def label(self, index: int) -> int | None:
        """Return an image's label: one of the classes, or None."""
        found = self._asked("label", index)
        if found is None:
            return None
        try:
            label = operator.index(found)
        except TypeError:
            label = -1
        if not 0 <= label < len(self.classes):
            last = len(self.classes) - 1
            numbers = f"from 0 to {last}" if self.classes else "(it has no classes)"
            raise self._wrong("label", index, found, f"None or the number of a class {numbers}")
        return label

    def name(self, index: int) -> str:
        """Return an image's name for people."""
        found = self._asked("name", index)
        if isinstance(found, str):
            return found
        raise self._wrong("name", index, found, "text")

    def stamp(self, index: int) -> tuple[int, int]:
        """Return two numbers that change with an image."""
        found = self._asked("stamp", index)
        try:
            size, time = map(operator.index, found)
        except (TypeError, ValueError) as error:
            expected = "two whole numbers, of its size and its time"
            raise self._wrong("stamp", index, found, expected) from error
        return size, time

    def other_files(self) -> list[str]:
        """Return files beside the images that are not read, if the source knows them."""
        if not hasattr(self._source, "other_files"):
            return []
        found: list[Any] = self._called("other_files()", lambda: list(self._source.other_files()))
        if all(isinstance(name, str) for name in found):
            return found
        raise self._owner.misbehaved("other_files()", described(found), "paths as text")

    def _changed(self, index: int) -> int:
        found = self._asked("changed", index)
        if isinstance(found, int) and abs(found) < 2**63:
            return found
        raise self._wrong("changed", index, found, "a whole number of 64 bits")

    def _asked(self, hook: str, index: int) -> Any:
        return self._called(f"{hook}({index})", lambda: getattr(self._source, hook)(index))

    def _called(self, what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception as error:  # a plugin may fail in any way
            if passes(error):
                raise
            raise self._owner.failed(what, error) from error

    def _wrong(self, hook: str, index: int, found: Any, expected: str) -> Exception:
        function = getattr(self._source, hook)
        return self._owner.misbehaved(f"{hook}({index})", described(found), expected, function)


def open_source(dataset: Dataset) -> CheckedSource:
    """Open a dataset; only one process at a time may fill its folder in the cache.

    Raises:
        PluginError: When the dataset fails, or returns no source.
    """
    name = _name_in_cache(dataset)
    folder = dataset_cache(name)
    refuse_link(folder)
    with ExitStack() as held:
        with suppress(OSError):  # where nothing can be written, nobody fills it
            held.enter_context(entry_lock(DATASETS, name))
        held.enter_context(working_folder_kept())
        source = CheckedSource(call(dataset, "open", folder), owner_of(dataset))
    with suppress(OSError):
        os.utime(folder)  # its time is that of the last use
    return source


def _name_in_cache(dataset: Dataset) -> str:
    """Return the name of a dataset's folder, which two datasets of one name must not share."""
    from gantool.registry.catalog import installed

    plugin, meant = plugin_of(type(dataset)), installed().meant("dataset", dataset.name)
    is_another = plugin is not None and (meant is None or meant.plugin is not plugin)
    return f"{plugin.name}-{dataset.name}" if plugin and is_another else dataset.name
