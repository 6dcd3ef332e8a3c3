"""Promises of every dataset about the images that it finds."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from gantool.interfaces.dataset import TellsChanges, is_read
from gantool.testing.claims import BrokenPromise, require
from gantool.testing.isolation import no_network
from gantool.testing.promises import promise

if TYPE_CHECKING:
    from PIL.Image import Image

    from gantool.interfaces.dataset import Dataset, ImageSource
    from gantool.testing.subject import Subject

MOST = 24
"""Images of a source that are looked at, spread over all of it."""
LARGEST_STAMP = 2**63 - 1


@promise("dataset")
def opens_without_a_network(subject: Subject[Dataset]) -> None:
    """Its example is opened and read without a network."""
    dataset = subject.example()
    with no_network():
        source = dataset.open(subject.folder())
        for index in looked_at(source):
            digest(source.image(index))


@promise("dataset")
def counts_its_images(subject: Subject[Dataset]) -> None:
    """It has as many images as its length says, at least one, whenever it is opened."""
    dataset = subject.example()
    source = dataset.open(subject.folder())
    count = len(source)
    require(count > 0, "its example has no images")
    for index in {0, count - 1}:
        digest(source.image(index))
    again = len(dataset.open(subject.folder()))
    require(again == count, f"opened again, it has {again} images instead of {count}")


@promise("dataset")
def opens_images_without_loading_them(subject: Subject[Dataset]) -> None:
    """It returns images as `gantool.open_image` does, whose decoder can still be told a size."""
    from PIL.ImageFile import ImageFile

    source = open_example(subject)
    for index in looked_at(source):
        image = source.image(index)
        what = f"image {index} ({source.name(index)})"
        if not isinstance(image, ImageFile):
            raise BrokenPromise(f"{what} is a {type(image).__name__}, not a file opened by PIL")
        require(is_read(image), f"{what} is of the format {image.format}, which is not read")
        with image:
            loaded = image._im is not None and not image.tile
        require(not loaded, f"{what} is already decoded")


@promise("dataset")
def labels_images_by_their_classes(subject: Subject[Dataset]) -> None:
    """Every label is the index of one of its classes, or None."""
    source = open_example(subject)
    classes = len(source.classes)
    for index in looked_at(source):
        label = source.label(index)
        named = label is None or (type(label) is int and 0 <= label < classes)
        require(named, f"image {index} has the label {label!r}, of {classes} classes")


@promise("dataset")
def names_its_classes_apart(subject: Subject[Dataset]) -> None:
    """Its classes are a tuple of texts, each once."""
    classes: object = open_example(subject).classes
    if not isinstance(classes, tuple) or not all(isinstance(name, str) for name in classes):
        raise BrokenPromise(f"expected a tuple of texts, found {classes!r}")
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    require(not repeated, f"classes of the same name: {', '.join(repeated)}")


@promise("dataset")
def names_its_images_apart(subject: Subject[Dataset]) -> None:
    """Every image has a name, a text that no other image has."""
    source = open_example(subject)
    names: list[object] = [source.name(index) for index in range(len(source))]
    for index, name in enumerate(names):
        require(isinstance(name, str) and name != "", f"image {index} is named {name!r}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    require(not repeated, f"several images are named {', '.join(map(repr, repeated[:3]))}")


@promise("dataset")
def stamps_its_images(subject: Subject[Dataset]) -> None:
    """Every image has a stamp of two whole numbers that fit 64 bits, and so does `changed`."""
    source = open_example(subject)
    for index in looked_at(source):
        stamp: object = source.stamp(index)
        numbers = stamp if isinstance(stamp, tuple) else ()
        fit = all(type(number) is int and abs(number) <= LARGEST_STAMP for number in numbers)
        require(fit and len(numbers) == 2, f"image {index} has the stamp {stamp!r}")
        change: object = source.changed(index) if isinstance(source, TellsChanges) else 0
        fits = type(change) is int and abs(change) <= LARGEST_STAMP
        require(fits, f"image {index} was changed at {change!r}")


def open_example(subject: Subject[Dataset]) -> ImageSource:
    """Return the source of the example, with a cache of its own."""
    return subject.example().open(subject.folder())


def looked_at(source: ImageSource) -> list[int]:
    """Return indices spread over a source, the first and the last among them."""
    count = len(source)
    most = min(MOST, count)
    return sorted({round(step * (count - 1) / max(most - 1, 1)) for step in range(most)})


def digest(image: Image) -> str:
    """Return what tells decoded images apart."""
    content = image.tobytes()
    return hashlib.sha256(f"{image.mode} {image.size} ".encode() + content).hexdigest()


def account(source: ImageSource, index: int) -> tuple[str, int | None, str, tuple[int, int]]:
    """Return everything that a source says of an image."""
    label, name, stamp = source.label(index), source.name(index), source.stamp(index)
    return digest(source.image(index)), label, name, stamp
