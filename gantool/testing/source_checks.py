"""Promises of every dataset wherever, and however often, its images are read."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gantool.testing.claims import require
from gantool.testing.dataset_checks import account, looked_at, open_example
from gantool.testing.isolation import in_fresh_process
from gantool.testing.promises import promise

if TYPE_CHECKING:
    from gantool.interfaces.dataset import Dataset
    from gantool.testing.subject import Subject

THREADS = 4
ROUNDS = 3
"""Times that the threads read every image."""
SLACK = 1024
"""Bytes by which a pickle may grow while images are read."""
READING = """
import pathlib, pickle
from gantool.testing.dataset_checks import account, looked_at
source = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(json.dumps([account(source, index) for index in looked_at(source)]))
"""


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
