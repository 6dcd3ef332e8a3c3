"""Find a recipe and the recipes it extends, and lay them over each other."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from gantool.errors import RecipeError
from gantool.interfaces.filenames import is_image_name
from gantool.recipe.entries import Entry, plain
from gantool.recipe.merging import merge, refuse_two_lengths
from gantool.recipe.parsing import UnreadableError, read
from gantool.recipe.shipped import FOR_PICTURES, SUFFIX, find_shipped, shipped_names
from gantool.recipe.wording import shown
from gantool.text import guess

if TYPE_CHECKING:
    from gantool.recipe.naming import Naming
    from gantool.recipe.problems import Problems

MOST_PARENTS = 30
"""Recipes that one may extend, one over the other."""


def find(reference: str | Path) -> Path:
    """Return the file that a recipe's name or path on the command line means.

    Raises:
        RecipeError: When it is neither a file nor a shipped recipe.
    """
    path = Path(reference)
    if os.path.isfile(path):  # unlike the method, it never raises
        if is_image_name(path.name):
            raise RecipeError(
                f"'{reference}' is an image, not a recipe", _for_pictures(path.parent)
            )
        if is_archive(path):
            raise RecipeError(f"'{reference}' is a zip file, not a recipe", _for_pictures(path))
        return path
    if shipped := find_shipped(str(reference)):
        return shipped
    if path.is_dir():
        raise RecipeError(f"'{reference}' is a folder, not a recipe", _ways_in(path))
    raise RecipeError(
        f"no recipe {str(reference)!r}: it is neither a file nor a shipped recipe", _nearest(path)
    )


def _ways_in(folder: Path) -> str:
    """Return what can be done with a folder that was named in the place of a recipe."""
    if inside := sorted(folder.glob(f"*{SUFFIX}")):
        return f"did you mean {inside[0]}?"
    return _for_pictures(folder)


def is_archive(path: Path) -> bool:
    """Whether a path ends like a zip file's, which may hold pictures and is no recipe."""
    return path.suffix.lower() == ".zip"


def _for_pictures(folder: Path) -> str:
    """Return the commands for a folder, or zip file, of pictures."""
    named = quote(str(folder))
    return (
        f"to train on the pictures in it: gantool run {FOR_PICTURES} --set dataset.folder={named}, "
        f"or few-paintings in place of {FOR_PICTURES} for a few hundred; "
        f"to look at them first: gantool data inspect {named}"
    )


def _nearest(path: Path) -> str:
    """Return the recipe that may be meant: beside the path, or among the shipped ones."""
    if os.path.isfile(f"{path}{SUFFIX}"):
        return f"did you mean '{path}{SUFFIX}'?"
    shipped = shipped_names()
    folder = path.parent
    beside = [each.name for each in folder.glob(f"*{SUFFIX}")] if os.path.isdir(folder) else []
    near = guess(path.name, beside) if path.suffix == SUFFIX else None
    return (
        near or guess(path.name.removesuffix(SUFFIX), shipped) or f"shipped: {', '.join(shipped)}"
    )


def read_chain(path: Path, problems: Problems, files: list[Path], naming: Naming) -> Entry | None:
    """Read a recipe and everything it extends.

    Args:
        path: The recipe file.
        problems: Is told what cannot be read; what can be is returned nevertheless.
        files: Is given the recipe's file and those it extends, in this order.
        naming: Says which components each of them means.

    Returns:
        The merged document without `extends`, or None where the recipe itself is unreadable.

    Raises:
        RecipeError: When the file itself cannot be opened.
    """
    document = _read_first(path, problems)
    documents = [] if document is None else [document]
    files.append(path)
    while document is not None and "extends" in document.table:
        document = _read_parent(document.table["extends"], files, problems)
        if document is None:
            problems.partial = True
        else:
            documents.append(document)
    for each in documents:
        refuse_two_lengths(each, problems)
    named = zip(documents, files, strict=False)  # the last file may hold none
    return _overlay([naming.in_full(each, file) for each, file in named])


def _read_first(path: Path, problems: Problems) -> Entry | None:
    try:
        return read(path, label=_label(path), rank=0, problems=problems)
    except UnreadableError as error:
        raise RecipeError(str(error)) from error


def _read_parent(extends: Entry, chain: list[Path], problems: Problems) -> Entry | None:
    """Read the recipe that `extends` names and add it to the chain, or say why it cannot be."""
    name = extends.value
    origin = extends.origin
    if not isinstance(name, str) or not name:
        message = f"expected a recipe's file or name in quotes, got {shown(plain(extends))}"
        problems.add(message, origin.value, origin.path)
        return None
    path = origin.source.folder / name
    shipped = find_shipped(name)
    if not os.path.isfile(path) and shipped is not None:
        path = shipped
    if len(chain) > MOST_PARENTS:
        message = f"recipes extend each other over more than {MOST_PARENTS} files"
        problems.add(message, origin.value, origin.path)
        return None
    if any(_same(path, earlier) for earlier in chain):
        circle = " -> ".join(f"'{each.name}'" for each in [*chain, path])
        problems.add(f"recipes extend each other in a circle: {circle}", origin.value, origin.path)
        return None
    chain.append(path)
    try:
        return read(path, label=_label(path), rank=len(chain) - 1, problems=problems)
    except UnreadableError as error:
        message, way_out = _explain(error, path, name, origin.source.label)
        problems.add(message, origin.value, origin.path, way_out)
        return None


def _explain(error: UnreadableError, path: Path, name: str, child: str) -> tuple[str, str | None]:
    """Say why `extends` leads nowhere, and which recipe may be meant."""
    if os.path.exists(path):
        return f"cannot extend '{name}': {error}", None
    beside = {file.name for file in path.parent.glob(f"*{SUFFIX}")}
    beside.discard(Path(child).name)
    known = sorted(beside | {f"{shipped}{SUFFIX}" for shipped in shipped_names()})
    message = f"no recipe '{name}' to extend: neither beside this file nor among the shipped ones"
    return message, guess(path.name, known)


def _overlay(documents: list[Entry]) -> Entry | None:
    """Merge documents, the child first, each over the one that follows."""
    merged: Entry | None = None
    for document in reversed(documents):
        own = document.without("extends")
        merged = own if merged is None else merge(merged, own)
    return merged


def _label(path: Path) -> str:
    """Return the path as a person would write it: below the working folder without its name."""
    path = Path(os.path.normpath(path))
    working = Path.cwd()
    return str(path.relative_to(working) if path.is_relative_to(working) else path)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
