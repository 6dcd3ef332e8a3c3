"""The protocol of scores, without which two numbers cannot be compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from gantool.version import VERSION

PIXELS = "pixels"
"""Stands for an extractor where images are compared by their own values."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]


@dataclass(frozen=True)
class ExtractorStamp:
    """What features are the features of.

    Attributes:
        name: The extractor, or "pixels".
        weights: SHA-256 of its weights; empty for pixels.
        resizer: How it resizes images.
    """

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
        extractor: What images were looked at with.
        dataset: The dataset's name.
        fingerprint: Of the prepared images, of which those below are a part.
        image: Shape and fit of the images.
        split: Which real images were compared with: "train".
        real: Number of these.
        held_out: Number of real images kept from training, for metrics that use some.
        fake: Number of generated images.
        generator: "ema" or "raw" weights.
        batch_statistics: Of the generator's BatchNorm layers.
        seeds: Where the latents of each repetition started.
        gantool: Version.
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
        names = [field.name for field in fields(self) if field.name not in ("seeds", "gantool")]
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return tuple(
            f"{name.replace('_', ' ')}: {ours} against {theirs}"
            for name, ours, theirs in pairs
            if ours != theirs
        )
