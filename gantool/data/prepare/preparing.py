"""Decode every image of a dataset once, and find images that were decoded before."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from filelock import Timeout

from gantool.data.cache import PREPARED, UNFINISHED, VARIABLE, entry_lock, prepared_cache
from gantool.data.prepare.decoding import DIGEST_BYTES, UNREADABLE, Skipped
from gantool.data.prepare.fingerprint import fingerprint, listing_of, rendering_of
from gantool.data.prepare.job import DecodingJob
from gantool.data.prepare.pool import Pool
from gantool.data.prepare.prepared import (
    ARRAYS,
    DIGESTS,
    HEADER_BYTES,
    MANIFEST,
    SIZE,
    SIZES,
    Manifest,
    PreparedImages,
    checksums,
    open_prepared,
)
from gantool.data.prepare.unfinished import JOURNAL, Unfinished, images_done, write_columns
from gantool.data.source import open_source
from gantool.errors import DataError, DiskError
from gantool.files.disk import remove, sync_folder, sync_path

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

    from gantool.data.prepare.fingerprint import Listing
    from gantool.data.prepare.pool import Result
    from gantool.interfaces.dataset import Dataset, ImageSource
    from gantool.recipe.schema import ImageTable

    Progress = Callable[[int, int], None]

SECONDS_PER_WORKER = 0.5
"""Work for which one more process is worth starting."""
TRIAL_SECONDS = 0.1
"""Time of decoding in one process after which the rest is estimated."""
POLL_SECONDS = 0.5


class NoUsableImagesError(DataError):
    """All images were skipped."""

    def __init__(self, skipped: tuple[Skipped, ...]) -> None:
        first = "; ".join(f"{image.name}: {image.reason}" for image in skipped[:3])
        more = ", …" if len(skipped) > 3 else ""
        super().__init__(f"none of the {len(skipped)} images can be used ({first}{more})")
        self.skipped = skipped


def prepare(
    dataset: Dataset,
    image: ImageTable,
    *,
    source: ImageSource | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> PreparedImages:
    """Return a dataset's images at one shape, decoding them if that has not been done before.

    Decoding runs in processes of its own, several where that is quicker, so that a file that
    crashes its decoder costs one image. It can be interrupted and resumed, and is shared with other
    runs that prepare the same images at the same time: they wait, and show its progress. Images
    that cannot be used are skipped and named.

    A `source` is the dataset's, where it is open already. `progress` is told the number of images
    done and the number of all, now and then. `workers` are processes to decode in; by default as
    many as there are processors, and fewer where the work is not worth them.

    Raises:
        DataError: When there are no images, or none that can be used.
        DiskError: When the cache cannot be written or has no room.
    """
    source = open_source(dataset) if source is None else source
    if not len(source):
        raise DataError(f"dataset '{dataset.name}' holds no images")
    listing = listing_of(source, rendering_of(image))
    folder = prepared_cache() / f"{_family(dataset.name, image)}{listing.mark[:16]}"
    job = DecodingJob(source, rendering_of(image), _unfinished(folder))
    if found := _existing(folder, listing, job):
        return found
    report = progress or silent
    with _disk_errors(folder), _shared_lock(folder, len(source), report):
        if found := _existing(folder, listing, job):  # another run did it meanwhile
            return found
        _make(folder, listing, job, workers, report)
    if made := open_prepared(folder, listing.mark):
        return made
    raise DiskError(f"{folder} vanished while it was opened", "run the command again")


def prepared_before(name: str, image: ImageTable, mark: str) -> PreparedImages | None:
    """Return the images of a fingerprint from the cache, or None; nothing is decoded."""
    family = _family(name, image)
    for folder in prepared_cache().iterdir():
        if folder.name.startswith(family) and (found := open_prepared(folder, mark)):
            return found
    return None


def _family(name: str, image: ImageTable) -> str:
    """Return the beginning of the names of folders with a dataset's prepared images."""
    channels, height, width = image.shape
    return f"{name}-{height}x{width}x{channels}-{image.fit}-"


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _existing(folder: Path, listing: Listing, job: DecodingJob) -> PreparedImages | None:
    """Return prepared images, unless files that were unreadable can be read now."""
    found = open_prepared(folder, listing.mark)
    if found is None:
        return None
    unread = [image.number for image in found.skipped if image.reason.startswith(UNREADABLE)]
    if not unread:
        return found
    trial = Pool(replace(job, folder=None), 1).run((index, index + 1) for index in unread)
    skipped = [why for _, skips in trial for _, why in skips]
    still = len(skipped) == len(unread) and all(why.startswith(UNREADABLE) for why in skipped)
    return found if still else None


def _make(
    folder: Path, listing: Listing, job: DecodingJob, workers: int | None, report: Progress
) -> None:
    """Decode what is left to decode and put everything in its final place."""
    unfinished = Unfinished(job, len(job.source))
    _check_room(folder, (unfinished.count - unfinished.images_done) * job.row_bytes)
    report(unfinished.images_done, unfinished.count)
    try:
        for chunk, skips in _decoded(job, unfinished, workers):
            unfinished.add(chunk, skips)
            report(unfinished.images_done, unfinished.count)
    finally:
        unfinished.commit()
    skipped = tuple(
        Skipped(job.source.name(index), reason, index)
        for index, reason in sorted(unfinished.skipped.items())
    )
    if len(skipped) == unfinished.count:
        unfinished.discard()
        raise NoUsableImagesError(skipped)
    unfinished.compact()
    _publish(folder, listing, job, skipped)


def _decoded(job: DecodingJob, unfinished: Unfinished, workers: int | None) -> Iterator[Result]:
    """Yield chunks when they are decoded: in one other process, or more where that is quicker."""
    pool = Pool(job, workers or 1)
    before, started = unfinished.images_done, time.monotonic()
    with closing(pool.run(unfinished.remaining())) as results:
        for chunk, skips in results:
            yield chunk, skips
            elapsed = time.monotonic() - started
            if workers is None and elapsed > TRIAL_SECONDS:
                done = unfinished.images_done - before
                left = unfinished.count - unfinished.images_done
                workers = min(processors(), 1 + int(elapsed * left / done / SECONDS_PER_WORKER))
                pool.grow(workers)


def _publish(
    folder: Path, listing: Listing, job: DecodingJob, skipped: tuple[Skipped, ...]
) -> None:
    """Complete the folder, sync it, and only then give it its name."""
    made = _unfinished(folder)
    (made / JOURNAL).unlink(missing_ok=True)
    left_out = {image.number for image in skipped}
    count, name_bytes = write_columns(made, job.source, left_out)
    converted = np.fromfile(made / SIZES, "<u4", offset=HEADER_BYTES)[2 :: SIZE.size // 4]
    Manifest(
        listing=listing._replace(earlier="") if converted.any() else listing,
        fingerprint=_content_mark(made, job, left_out),
        shape=job.rendering.shape,
        classes=job.source.classes,
        skipped=skipped,
        images=count,
        name_bytes=name_bytes,
        checksums=checksums(made),
    ).write(made)
    for name in (*ARRAYS, MANIFEST):
        sync_path(made / name)
    sync_folder(made)
    remove(folder)  # damaged, or with files missing that can be read now
    made.rename(folder)
    sync_folder(folder.parent)


def _content_mark(made: Path, job: DecodingJob, left_out: Container[int]) -> str:
    """Return the fingerprint of the images that were just decoded."""
    used = (number for number in range(len(job.source)) if number not in left_out)
    with (made / DIGESTS).open("rb") as file:
        file.seek(HEADER_BYTES)
        digests = iter(lambda: file.read(DIGEST_BYTES), b"")
        return fingerprint(job.source, job.rendering, used, digests)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise DiskError(
            f"preparing the images needs {needed / 1e6:,.2f} MB,"
            f" and {folder.parent} has {free / 1e6:,.2f} MB free",
            f"free some space, or set {VARIABLE} to a folder with more",
        )


def _unfinished(folder: Path) -> Path:
    """Return the place where a folder is made before it gets its name."""
    return folder.with_name(f"{UNFINISHED}{folder.name}")


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"cannot write prepared images to {folder.parent}: {error.strerror or error}",
            f"free some space, or set {VARIABLE} to another folder",
        ) from error


@contextmanager
def _shared_lock(folder: Path, count: int, report: Progress) -> Iterator[None]:
    """Hold the lock on a folder; while another run holds it, show its progress."""
    lock = entry_lock(PREPARED, folder.name)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL_SECONDS)
        except Timeout:
            report(images_done(_unfinished(folder)), count)
    try:
        yield
    finally:
        lock.release()


def silent(done: int, total: int) -> None:
    """Show no progress."""
