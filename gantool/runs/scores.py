"""Scores in a run folder: those of training and of evaluations, with their protocols."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import from_json, to_json

from gantool.runs.documents import Damages, Number, Step, in_words
from gantool.runs.records import newest_lines
from gantool.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.runs.folder import RunFolder

PIXELS = "pixels"
"""Stands for an extractor where images are compared by their own values."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
MOST_RECORDS = 10_000
MOST_FINDINGS = 200
"""Findings that are read: more would tell nobody more."""
SPREADS = ("/sd", "-sd")
"""Ends of the names of scores that measure the spread of others."""


@dataclass(frozen=True)
class ExtractorStamp:
    """The extractor that computed features, identified by its weights and resizing."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="ignore")

    name: str
    weights: str = ""
    resizer: str = "none"

    def __str__(self) -> str:
        weights = f", weights {self.weights[:8]}" if self.weights else ""
        resizer = f", {self.resizer}" if self.resizer != "none" else ""
        return f"{self.name}{weights}{resizer}"


@dataclass(frozen=True)
class Protocol:
    """All that a score depends on besides the generator and the metric's own options.

    Attributes:
        fingerprint: Of the prepared images, of which those below are a part.
        image: Shape and fit.
        split: Which real images were compared with: "train".
        real: Number of these.
        held_out: Number of real images kept from training, for metrics that use some.
        fake: Number of generated images.
        batch_statistics: Of the generator's BatchNorm layers.
        seeds: Where the latents of each repetition started.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="ignore")

    extractor: ExtractorStamp
    dataset: str
    fingerprint: str
    image: str
    split: str
    real: Count
    held_out: Count
    fake: Count
    generator: Literal["ema", "raw"]
    batch_statistics: str
    seeds: tuple[Seed, ...]
    gantool: str = VERSION

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, to be written as JSON."""
        return {**asdict(self), "seeds": list(self.seeds)}

    def differences(self, other: Protocol) -> tuple[str, ...]:
        """Return why scores by these two protocols are not comparable; nothing if they are.

        Other seeds, and versions of gantool, are no obstacle.
        """
        theirs = vars(other)
        return tuple(
            f"{name.replace('_', ' ')}: {ours} against {theirs[name]}"
            for name, ours in vars(self).items()
            if ours != theirs[name] and name not in ("seeds", "gantool")
        )


def _or_none(value: Any, info: ValidationInfo) -> Protocol | None:
    """Take an unreadable protocol, which another version may have written, as none."""
    if value is None:
        return None
    try:
        return _PROTOCOL.validate_json(to_json(value))
    except ValidationError as error:
        if info.context is not None:
            info.context.append(in_words(error, "protocol"))
        return None


_PROTOCOL = TypeAdapter(Protocol)
Stated = Annotated[Protocol | None, PlainValidator(_or_none)]


class _Record(BaseModel):
    """An object with a step."""

    model_config = ConfigDict(strict=True, frozen=True)

    step: Step


@dataclass(frozen=True, slots=True)
class Score:
    """One score of an evaluation.

    Attributes:
        name: As in "fid/distance".
        mean: Over the sampling seeds; None where it is not finite.
        sd: Standard deviation over them, where there are several.
        floor: The same of one half of the real images against the other, if it was computed.
        values: One for each seed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)

    name: str
    direction: Literal["lower", "higher", "none"] = "none"
    mean: Number | None = None
    sd: Number | None = None
    floor: Number | None = None
    values: tuple[Number | None, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_spread(self) -> bool:
        """Whether it measures the spread of another one."""
        return self.name.endswith(SPREADS)

    def over(self, values: tuple[float, ...], floor: float | None) -> Score:
        """Return the same score with other values, one for each seed."""
        sd = statistics.stdev(values) if len(values) > 1 else None
        return replace(self, mean=statistics.fmean(values), sd=sd, floor=floor, values=values)


class Scored(_Record):
    """Scores that were taken during training: a line of scores.jsonl."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number | None]

    protocol: Stated = None
    non_finite: tuple[str, ...] = ()
    remarks: ClassVar[tuple[str, ...]] = ()

    @property
    def values(self) -> dict[str, float]:
        """Every score that is a number, and every spread, by name."""
        found = self.__pydantic_extra__.items()
        return {name: value for name, value in found if value is not None and name != "epoch"}

    @property
    def scores(self) -> tuple[Score, ...]:
        """The same in the form of an evaluation, with means alone."""
        return tuple(Score(name, mean=value) for name, value in self.values.items())


class Evaluation(_Record):
    """Scores of one checkpoint, in the order of the metrics: a line of evaluations.jsonl."""

    protocol: Stated = None
    scores: tuple[Score, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def means(self) -> dict[str, float]:
        """Every score that is a number, by name."""
        return {score.name: score.mean for score in self.scores if score.mean is not None}

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON, which knows neither NaN nor infinity."""
        data: dict[str, Any] = from_json(to_json(dict(self), inf_nan_mode="null"))
        return data


class Printed(Evaluation):
    """An evaluation as `gantool evaluate --json` prints it, or a protocol, which has no step."""

    step: Step = 0


class Finding(_Record):
    """A finding of the health watcher: a line of health.jsonl."""

    sign: str = ""
    message: str = "something"


Record = TypeVar("Record", bound=_Record)


def read_scores(folder: RunFolder) -> tuple[list[Evaluation], list[Scored]]:
    """Return evaluations and scores of training that state their protocol; warn of damage."""
    damages = Damages()
    evaluations = read_records(folder.evaluations, Evaluation, damages)
    scored = read_records(folder.scores, Scored, damages)
    damages.say()
    return [one for one in evaluations if one.protocol], [one for one in scored if one.protocol]


def read_records(
    path: Path, kind: type[Record], damages: Damages, most: int = MOST_RECORDS
) -> tuple[Record, ...]:
    """Return the newest lines of a file; others than of this kind are reported and left out."""
    records: list[Record] = []
    for number, text in newest_lines(path, damages, most):
        passed_over: list[str] = []
        try:
            records.append(kind.model_validate_json(text, context=passed_over))
        except ValidationError as error:
            passed_over = [f"{in_words(error)}; the line is skipped"]
        for what in passed_over:
            damages.note(path, what, number)
    return tuple(records)
