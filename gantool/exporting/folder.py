"""The exported folder: every file name in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gantool.errors import UsageError
from gantool.exporting.config import read_config
from gantool.files.plain import is_plain_file

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["safetensors", "onnx", "html"]
FORMATS: tuple[Format, ...] = ("safetensors", "onnx", "html")
CONFIG = "config.json"


@dataclass(frozen=True)
class ExportedFolder:
    """Paths inside an exported folder; nothing is read or made here."""

    path: Path

    @property
    def config(self) -> Path:
        """What is needed to build the generator again, JSON; it makes the folder an export."""
        return self.path / CONFIG

    @property
    def weights(self) -> Path:
        """Weights and buffers of the generator, safetensors."""
        return self.path / "generator.safetensors"

    @property
    def graph(self) -> Path:
        """The generator as ONNX."""
        return self.path / "generator.onnx"

    @property
    def page(self) -> Path:
        """A page that runs the generator in a browser."""
        return self.path / "generator.html"

    @property
    def card(self) -> Path:
        """What the generator is, how it was made and what it is not good for, Markdown."""
        return self.path / "README.md"

    @property
    def picture(self) -> Path:
        """A grid of samples."""
        return self.path / "samples.png"

    def file(self, form: Format) -> Path:
        """Return the file of a format."""
        return {"safetensors": self.weights, "onnx": self.graph, "html": self.page}[form]

    def formats(self) -> tuple[Format, ...]:
        """Return the formats that are there."""
        return tuple(form for form in FORMATS if is_plain_file(self.file(form)))

    def files(self) -> tuple[Path, ...]:
        """Return the files of an export that are there; others in the folder are not ours."""
        every = (self.card, self.config, self.picture, *map(self.file, FORMATS))
        return tuple(path for path in every if is_plain_file(path))

    def check_writable(self) -> None:
        """Refuse a folder that holds something else, which would be written over.

        Raises:
            UsageError: When one of our names is taken and the folder is no export.
        """
        if not self.files():
            return
        try:
            read_config(self.config)
        except UsageError as error:
            raise UsageError(
                f"{self.path} holds files that are not an export's: {self.files()[0].name}",
                "choose another folder with --out",
            ) from error
