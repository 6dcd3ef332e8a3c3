"""Where a user's own artworks are, if there are any."""

from __future__ import annotations

import os
from pathlib import Path

from gantool import DataError, OtherFiles
from gantool_artworks.archive import Archive
from gantool_artworks.folder import FolderStore
from gantool_artworks.store import Folder, Store

VARIABLE = "GANTOOL_ARTWORKS"
DEFAULTS = (Path("data/best-artworks"), Path("data/artworks"))
"""Looked for in the working folder."""
PLACES = f"the option 'folder', ${VARIABLE}, {' and '.join(map(str, DEFAULTS))}"
DOWNLOAD = "`gantool data download artworks` fetches the set"
NAME_IT = "name your pictures with --set dataset.folder=PATH"


def locate(folder: Path | None) -> Path | None:
    """Return the user's folder or zip file, or None where nothing names one.

    Args:
        folder: What the recipe names; then come the environment variable and the defaults.

    Raises:
        DataError: When one is named and missing.
    """
    if folder is not None:
        return _existing(folder, "the option 'folder' of dataset 'artworks'")
    if named := os.environ.get(VARIABLE):
        return _existing(Path(named), f"the environment variable {VARIABLE}")
    return next((default.absolute() for default in DEFAULTS if default.exists()), None)


def open_store(path: Path) -> tuple[Store, list[Folder], list[str]]:
    """Open a folder of images, a zip file, or a folder in which one lies.

    Returns:
        It, the folders that hold images, and the paths of files that are not read.

    Raises:
        DataError: When there are no images, or several zip files.
    """
    store: Store = FolderStore(path) if path.is_dir() else Archive(path)
    folders, others = store.listing()
    if not folders and path.is_dir():
        store = _only_archive(path, others)
        folders, others = store.listing()
    if not folders:
        raise DataError(f"no images in {store.path}", _instead(others))
    return store, folders, others


def _instead(others: list[str]) -> str:
    """Say what there is instead of images, and what can be done."""
    counted = OtherFiles(others)
    return f"there: {counted}; {NAME_IT}" if others else f"{NAME_IT}; {DOWNLOAD}"


def _existing(path: Path, source: str) -> Path:
    path = path.expanduser().absolute()
    if path.is_dir() or path.is_file():
        return path
    raise DataError(f"{source} names {path}, which does not exist", f"{NAME_IT}; {DOWNLOAD}")


def _only_archive(folder: Path, others: list[str]) -> Store:
    """Return the zip file in a folder without images, but with others."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.casefold() == ".zip")
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}") from error
    if len(files) == 1:
        return Archive(files[0])
    if not files:
        raise DataError(f"no images and no zip file in {folder}", _instead(others))
    names = ", ".join(file.name for file in files)
    raise DataError(f"several zip files in {folder}: {names}", "name one of them as the folder")
