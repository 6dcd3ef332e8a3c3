"""The exported folder: its config, and the list of its files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from gantool.errors import PluginError, UsageError
from gantool.files.disk import sync_folder, sync_path, write_durably
from gantool.files.plain import is_plain_file, open_linked
from gantool.interfaces.dataset import ImageShape
from gantool.registry.calling import calling
from gantool.registry.catalog import installed
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gantool.interfaces.architecture import Architecture

CONFIG = "config.json"
LARGEST_BYTES = 4 << 20
"""No config and no list of files is larger; a file that is, is something else."""
WAY_OUT = "choose another folder with --out"

Content = TypeVar("Content")
Side = Annotated[int, Field(ge=1, le=65536)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ImageConfig(_Strict):
    """Shape of every image."""

    channels: Literal[1, 3, 4]
    height: Side
    width: Side


class ArchitectureConfig(_Strict):
    """The architecture that a recipe would name, and its options."""

    use: str
    options: dict[str, Any]


class ExportConfig(_Strict):
    """An exported generator's `config.json`: what is needed to build it again."""

    format: Literal["gantool generator"] = "gantool generator"
    version: Literal[1] = 1
    """Version of this format."""
    gantool: str = VERSION
    """Version of gantool that wrote it."""
    architecture: ArchitectureConfig
    image: ImageConfig
    latent_dim: PositiveInt
    classes: tuple[str, ...] = ()
    """Names of the classes, by label; empty where the generator is not conditional."""
    weights: Literal["ema", "raw"] = "raw"
    """Averaged over training, or those of the last step."""
    batch_statistics: Literal["running", "batch"] = "running"
    """BatchNorm statistics: those in the file, or each batch's own."""
    step: NonNegativeInt = 0
    """Steps of training."""
    fingerprint: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the weights with their names and shapes; empty where it is not known."""

    @property
    def shape(self) -> ImageShape:
        """Shape of every image, as architectures take it."""
        return ImageShape(self.image.channels, self.image.height, self.image.width)

    def component(self, path: Path) -> Architecture:
        """Return the architecture with its options; messages name the config's `path`."""
        name = self.architecture.use
        try:
            offer = installed().find("architecture", name, ours_first=True)
        except PluginError as error:
            raise UsageError(f"{path}: {error.message}", error.hint) from error
        options = json.dumps(self.architecture.options)
        try:
            component: Any = offer.component.model_validate_json(options)
            with calling(component, "check", may_raise=(ValueError,)):
                component.check(self.shape, len(self.classes))
        except ValueError as error:  # pydantic's too
            reason = reason_of(error)
            raise UsageError(f"{path}: architecture '{name}' cannot be built: {reason}") from error
        architecture: Architecture = component
        if architecture.latent_dim != self.latent_dim:
            found = f"latent_dim is {self.latent_dim}, the architecture's is"
            raise UsageError(f"{path}: {found} {architecture.latent_dim}")
        return architecture


def read_config(path: Path) -> ExportConfig:
    """Return what `config.json`, of unknown origin, holds."""
    return _read(path, TypeAdapter(ExportConfig), "a generator's config")


def _plain_name(name: str) -> str:
    """Return the name of a file; refuse what may lead elsewhere."""
    if not name or name in (".", "..") or any(each in name for each in "/\\:\0"):
        msg = f"{name!r} is no file's name"
        raise ValueError(msg)
    return name


Files = dict[str, tuple[Annotated[str, AfterValidator(_plain_name)], ...]]
"""Names of files by the full name of the exporter that wrote them."""


@dataclass(frozen=True)
class ExportedFolder:
    """An exported folder; nothing of it need be there."""

    path: Path

    @property
    def config(self) -> Path:
        """What is needed to build the generator again, JSON; it makes the folder an export."""
        return self.path / CONFIG

    @property
    def manifest(self) -> Path:
        """The names of the files that exporters wrote, JSON."""
        return self.path / "files.json"

    @property
    def card(self) -> Path:
        """What the generator is, how it was made and what it is not good for, Markdown."""
        return self.path / "README.md"

    @property
    def picture(self) -> Path:
        """A grid of samples."""
        return self.path / "samples.png"

    def listed(self) -> Files:
        """Return the files of each exporter, in the order in which they were first written.

        Version 0.1.0 kept no list: the file of each form was called generator.FORM.
        """
        if os.path.lexists(self.manifest):
            return _read(self.manifest, TypeAdapter(Files), "a list of exported files")
        offers = [each for each in installed().of_kind("exporter") if each.plugin.is_own]
        names = {each.full_name: f"generator.{each.name}" for each in offers}
        return {form: (name,) for form, name in names.items() if os.path.lexists(self.path / name)}

    def forms(self) -> tuple[str, ...]:
        """Return the full names of the exporters all of whose files are there."""
        return tuple(
            form
            for form, names in self.listed().items()
            if all(is_plain_file(self.path / name) for name in names)
        )

    def files(self) -> tuple[Path, ...]:
        """Return the files of an export that are there; others in the folder are not ours."""
        written = (self.path / name for names in self.listed().values() for name in names)
        every = (self.card, self.config, self.manifest, self.picture, *written)
        return tuple(path for path in every if is_plain_file(path))

    def check_writable(self) -> None:
        """Refuse a folder where one of our names is taken and that is no export."""
        if not (files := self.files()):
            return
        try:
            read_config(self.config)
        except UsageError as error:
            found = f"{self.path} holds files that are not an export's: {files[0].name}"
            raise UsageError(found, WAY_OUT) from error

    def take(self, form: str, aside: Path) -> None:
        """List the files that an exporter wrote into a folder beside, and put them in place.

        The list comes first: a kill leaves names of files that are not there, and no stray files.
        """
        paths = sorted(aside.iterdir())
        odd = [path.name for path in paths if not is_plain_file(path)]
        if odd or not paths:
            found = f"'{odd[0]}', which is no plain file" if odd else "no file"
            raise PluginError(f"exporter '{form}' wrote {found}", "it writes plain files")
        listed, names = self.listed(), tuple(path.name for path in paths)
        for name in names:
            self._refuse_taken(form, name, listed)
        files = json.dumps({**listed, form: names}, indent=2, ensure_ascii=False)
        write_durably(self.manifest, files + "\n")
        for path in paths:
            sync_path(path)
            path.replace(self.path / path.name)
        sync_folder(self.path)
        self._remove(set(listed.get(form, ())) - set(names))

    def empty(self) -> None:
        """Remove the files of exporters: those of another generator must not stand beside ours."""
        self._remove({name for names in self.listed().values() for name in names})
        self.manifest.unlink(missing_ok=True)

    def _refuse_taken(self, form: str, name: str, listed: Files) -> None:
        """Refuse a name that is not the exporter's own."""
        ours = (self.card, self.config, self.manifest, self.picture)
        owners = [each for each, names in listed.items() if each != form and name in names]
        if owners or name in (path.name for path in ours):
            owner = f"exporter '{owners[0]}'" if owners else "gantool"
            found = f"exporter '{form}' writes {name}, which is a file of {owner}"
            raise UsageError(found, WAY_OUT)
        if name not in listed.get(form, ()) and os.path.lexists(self.path / name):
            found = f"{self.path} holds a file that is not an export's: {name}"
            raise UsageError(found, WAY_OUT)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)


def reason_of(error: Exception) -> str:
    """Return the first thing that is wrong, in one line."""
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0] or type(error).__name__
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _read(path: Path, form: TypeAdapter[Content], what: str) -> Content:
    try:
        with open_linked(path) as file:
            text = file.read(LARGEST_BYTES + 1)
        if len(text) > LARGEST_BYTES:
            raise UsageError(f"{path} is too large for {what}")
        return form.validate_json(text, strict=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValidationError, RecursionError) as error:
        raise UsageError(f"{path} is not {what}: {reason_of(error)}") from error
