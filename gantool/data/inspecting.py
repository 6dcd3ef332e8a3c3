"""The data doctor: the content of a dataset, and every file that deserves a look."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gantool.data.duplicates import identical, similar
from gantool.data.prepare.decoding import NOT_AN_IMAGE
from gantool.data.prepare.fingerprint import rendering_of
from gantool.data.prepare.pool import Pool
from gantool.data.prepare.prepared import UNLABELED, squashed
from gantool.data.prepare.preparing import NoUsableImagesError, prepare, processors, silent
from gantool.data.remarks import LookingJob
from gantool.data.source import open_source
from gantool.interfaces.dataset import kind_of, way_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gantool.data.prepare.decoding import Skipped
    from gantool.data.prepare.fingerprint import Rendering
    from gantool.data.prepare.prepared import PreparedImages
    from gantool.data.prepare.preparing import Progress
    from gantool.interfaces.dataset import Dataset, ImageSource
    from gantool.recipe.schema import ImageTable

DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near duplicate"
STRIDE = 64
"""Images between two reports of progress."""
MANY = 4096
"""Images for which one more process is started."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark on one file, with details that may be empty; `used` says if it was prepared."""

    kind: str
    name: str
    detail: str
    used: bool


class Lengths(NamedTuple):
    """Least, middle and greatest of some lengths, in pixels."""

    least: int
    median: int
    greatest: int


@dataclass(frozen=True)
class Inspection:
    """The content of a dataset.

    Attributes:
        files: Number of files that the dataset names.
        class_names: In the order of their labels.
        profiles: Usable images by the color profile that they carry, the most frequent first.
        findings: On unusable files, on conversions, on copies, and on the other files.
        prepared: None if not one image can be used.
    """

    files: int
    class_names: tuple[str, ...]
    profiles: dict[str, int]
    other_files: tuple[str, ...]
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]
    prepared: PreparedImages | None

    @property
    def usable(self) -> int:
        """Number of images that could be prepared."""
        return 0 if self.prepared is None else len(self.prepared)

    @property
    def classes(self) -> dict[str, int]:
        """Usable images by class, in the order of their labels."""
        labels = self._labels[self._labels != UNLABELED]
        counts = np.bincount(labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    @property
    def unlabeled(self) -> int:
        """Usable images without a label."""
        return int((self._labels == UNLABELED).sum())

    @property
    def width(self) -> Lengths | None:
        """Of the usable images as they are meant to be seen; None if there are none."""
        return self._lengths(0)

    @property
    def height(self) -> Lengths | None:
        """As `width`."""
        return self._lengths(1)

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each kind, in the order in which they stand."""
        return dict(Counter(finding.kind for finding in self.findings))

    def as_json(self) -> dict[str, Any]:
        """Return everything but the images as plain data."""
        return {
            "files": self.files,
            "usable": self.usable,
            "classes": self.classes,
            "unlabeled": self.unlabeled,
            "width": self.width and self.width._asdict(),
            "height": self.height and self.height._asdict(),
            "profiles": self.profiles,
            "warnings": list(self.warnings),
            "counts": self.counts(),
            "findings": [asdict(finding) for finding in self.findings],
        }

    @property
    def _labels(self) -> NDArray[np.int64]:
        return np.empty(0, np.int64) if self.prepared is None else self.prepared.labels

    def _lengths(self, side: int) -> Lengths | None:
        if self.prepared is None:
            return None
        lengths = self.prepared.sizes[:, side]
        return Lengths(int(lengths.min()), int(np.median(lengths)), int(lengths.max()))


def inspect(
    dataset: Dataset,
    image: ImageTable,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Inspection:
    """Prepare a dataset, look at every file, and return what was found.

    Arguments are as of `prepare`; of progress, each image counts twice: it is decoded, and then
    looked at.

    Raises:
        DataError: When there are no files at all.
        DiskError: When the cache cannot be written or has no room.
    """
    source, report = open_source(dataset), progress or silent
    prepared, skipped = _prepare(dataset, source, image, report, workers)
    left_out = {image.number for image in skipped}
    usable = [index for index in range(len(source)) if index not in left_out]
    profiles, remarked = _look(source, usable, rendering_of(image), report, workers)
    others = tuple(source.other_files())
    warning = prepared and squashed(prepared.sizes, image.shape, image.fit)
    return Inspection(
        files=len(source),
        class_names=source.classes,
        profiles=profiles,
        other_files=others,
        warnings=(warning,) if warning else (),
        findings=(
            *(_unusable(source, image) for image in skipped),
            *remarked,
            *(_copies(prepared) if prepared else ()),
            *(Finding(kind_of(name), name, way_out(name), used=False) for name in others),
        ),
        prepared=prepared,
    )


def _prepare(
    dataset: Dataset, source: ImageSource, image: ImageTable, report: Progress, workers: int | None
) -> tuple[PreparedImages | None, tuple[Skipped, ...]]:
    """Return the prepared images, or None if not one can be used, and what was left out."""

    def half_done(done: int, total: int) -> None:
        report(done, 2 * total)

    try:
        prepared = prepare(dataset, image, source=source, progress=half_done, workers=workers)
    except NoUsableImagesError as error:
        return None, error.skipped
    return prepared, prepared.skipped


def _look(
    source: ImageSource,
    usable: list[int],
    rendering: Rendering,
    report: Progress,
    workers: int | None,
) -> tuple[dict[str, int], list[Finding]]:
    """Open every usable image once more; return counts of profiles, and findings."""
    profiles: Counter[str] = Counter()
    remarked: dict[int, list[Finding]] = {}
    chunks = ((start, min(start + STRIDE, len(usable))) for start in range(0, len(usable), STRIDE))
    several = processors() if workers is None else workers
    pool = Pool(LookingJob(source, usable, rendering), min(several, 1 + len(usable) // MANY))
    left = len(usable)
    for (start, stop), said in pool.run(chunks):
        for row, profile, remarks in said:
            profiles.update([profile] if profile is not None else ())
            name = source.name(usable[row])
            remarked[row] = [Finding(kind, name, detail, used=True) for kind, detail in remarks]
        left -= stop - start
        report(2 * len(source) - left, 2 * len(source))
    findings = [finding for row in sorted(remarked) for finding in remarked[row]]
    return dict(sorted(profiles.items(), key=lambda item: (-item[1], item[0]))), findings


def _unusable(source: ImageSource, image: Skipped) -> Finding:
    kind, _, detail = image.reason.partition(": ")
    if kind == NOT_AN_IMAGE and source.stamp(image.number)[0] == 0:
        detail = "empty file"
    return Finding(kind, image.name, detail, used=False)


def _copies(prepared: PreparedImages) -> Iterator[Finding]:
    """Yield the duplicates, exact ones first."""
    exact = identical(prepared.digests)
    near = similar(prepared.images, exact)
    for kind, copies in ((DUPLICATE, exact), (NEAR_DUPLICATE, near)):
        for row, original in sorted(copies.items()):
            yield Finding(kind, prepared.names[row], f"of {prepared.names[original]}", used=True)
