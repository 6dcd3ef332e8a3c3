"""Promises of every dataset about the images that it finds, wherever they are read."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gantool.interfaces.dataset import TellsChanges, is_read
from gantool.testing.harness.isolation import in_fresh_process, no_network
from gantool.testing.promises import BrokenPromise, promise, require

if TYPE_CHECKING:
    from PIL.Image import Image

    from gantool.interfaces.dataset import Dataset, ImageSource
    from gantool.testing.promises import Subject

MOST = 24
"""Images of a source that are checked, spread over all of it."""
LARGEST_STAMP = 2**63 - 1
THREADS = 4
ROUNDS = 3
"""Times that the threads read every image."""
SLACK = 1024
"""Bytes by which a pickle may grow while images are read."""
READING = """
import pathlib, pickle
from gantool.testing.checks.datasets import account, looked_at
source = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(json.dumps([account(source, index) for index in looked_at(source)]))
"""


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
    """Return a hash of a decoded image."""
    content = image.tobytes()
    return hashlib.sha256(f"{image.mode} {image.size} ".encode() + content).hexdigest()


def account(source: ImageSource, index: int) -> tuple[str, int | None, str, tuple[int, int]]:
    """Return everything that a source says of an image."""
    label, name, stamp = source.label(index), source.name(index), source.stamp(index)
    return digest(source.image(index)), label, name, stamp


@promise("dataset")
def gives_the_same_image_for_an_index(subject: Subject[Dataset]) -> None:
    """An index means the same image, label, name and stamp each time, also when opened again."""
    dataset, cache = subject.example(), subject.folder()
    source, reopened = dataset.open(cache), dataset.open(cache)
    for index in looked_at(source):
        first = account(source, index)
        require(account(source, index) == first, f"image {index} differs when it is read again")
        same = account(reopened, index) == first
        require(same, f"image {index} differs when the dataset is opened again")


@promise("dataset")
def can_be_pickled(subject: Subject[Dataset]) -> None:
    """Its source can be pickled, as paths and options: reading images does not make it larger."""
    source = open_example(subject)
    size = len(pickle.dumps(source))
    said = [account(source, index) for index in looked_at(source)]
    content = pickle.dumps(source)
    grown = len(content) - size
    require(grown <= SLACK, f"its pickle has grown by {grown} bytes while images were read")
    unpickled = pickle.loads(content)
    for index, before in zip(looked_at(source), said, strict=True):
        require(account(unpickled, index) == before, f"image {index} differs when unpickled")


@promise("dataset")
def is_read_by_threads(subject: Subject[Dataset]) -> None:
    """Four threads that read it at the same time get what one gets."""
    source = open_example(subject)
    indices = looked_at(source)
    alone = {index: account(source, index) for index in indices}
    order = [*indices, *reversed(indices)] * ROUNDS
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(lambda index: account(source, index), order))
    for index, said in zip(order, together, strict=True):
        require(said == alone[index], f"image {index} differs when threads read it")


@promise("dataset")
def is_read_by_another_process(subject: Subject[Dataset]) -> None:
    """Another process that is sent its source reads the same images from it."""
    source = open_example(subject)
    sent = subject.folder() / "source.pickle"
    sent.write_bytes(pickle.dumps(source))
    there = json.loads(in_fresh_process(READING, str(sent)))
    here = json.loads(json.dumps([account(source, index) for index in looked_at(source)]))
    different = [number for number, said in enumerate(there) if said != here[number]]
    require(len(there) == len(here), f"it has {len(there)} images there and {len(here)} here")
    require(not different, f"image {looked_at(source)[different[0] if different else 0]} differs")
