"""Check one table with its own model, and say what is wrong in which place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gantool.interfaces.optimizer import Optimizer
from gantool.recipe.schema import CORE_TABLES, LEADING
from gantool.recipe.source.entries import Entry, follow, plain
from gantool.recipe.source.wording import brief, reword
from gantool.registry.catalog import installed
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from gantool.recipe.source.problems import Problems
    from gantool.recipe.source.toml import KeyPath


Model = TypeVar("Model", bound=BaseModel)

MOST_LISTED = 8
"""Options that are listed where none is near the unknown one."""
MOST_OWNERS = 2
"""Tables that are named where an option belongs elsewhere; of more, none is the likely one."""

MEANT = {
    "batch": "batch_size",
    "bs": "batch_size",
    "data": "folder",
    "data_dir": "folder",
    "data_root": "folder",
    "image_size": "size",
    "img_size": "size",
    "init_from": "start_from",
    "iterations": "steps",
    "iters": "steps",
    "lr": "learning_rate",
    "max_steps": "steps",
    "n_critic": "discriminator_updates",
    "nz": "latent_dim",
    "pretrained": "start_from",
    "resolution": "size",
    "root": "folder",
    "z_dim": "latent_dim",
}
"""Names that other programs give to options, and ours."""


def validate(model: type[Model], table: Entry, owner: str, problems: Problems) -> Model | None:
    """Return the options of a table, without `use`, as their model; None where some are wrong.

    `owner` is whose options they are: "architecture 'dcgan'", "[training]".
    """
    if not isinstance(table.value, dict):
        message = f"expected a table {owner}, got {brief(plain(table))}"
        problems.add(message, table.origin.value)
        return None
    options = with_absolute_paths(model, table, problems)
    try:
        return model.model_validate_json(json.dumps(options, default=str))
    except ValidationError as error:
        _add_all(error.errors(include_url=False), table, owner, _fields(model), problems)
        return None


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names that recipes use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _add_all(
    errors: Sequence[ErrorDetails],
    table: Entry,
    owner: str,
    known: Iterable[str],
    problems: Problems,
) -> None:
    """Sort the errors by the value they are about, and add one problem for each value."""
    about: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        where = error["loc"]
        culprit, path = follow(table, where)
        if error["type"] == "extra_forbidden":
            guesses = len(where) == 1 and not problems.many
            suggestion = suggest_option(str(where[-1]), [*known]) if guesses else None
            message = f"unknown option {brief(str(where[-1]))} in {owner}"
            problems.add(message, culprit.origin.key, suggestion)
        elif error["type"] == "missing" and isinstance(where[-1], str):
            outer = follow(table, where[:-1])[0].origin
            place = outer.header.of(*outer.path, where[-1])
            problems.missing(f"missing option {brief(where[-1])} in {owner}", place)
        else:
            about.setdefault(path, []).append(error)
    for path, same in about.items():
        if not any(path == deeper[: len(path)] for deeper in about.keys() - {path}):
            culprit, _ = follow(table, path)
            place = culprit.origin.value if path else table.origin.header
            problems.add(reword(same, plain(culprit)), place)


def suggest_option(name: str, known: Sequence[str]) -> str | None:
    """Return the likely meaning of an unknown option, or its table, or the known options."""
    meant = MEANT.get(name, name)
    if meant != name and meant in known:
        return f"did you mean '{meant}'?"
    if suggestion := guess(name, known):
        return suggestion
    if 0 < len(of := owners(meant)) <= MOST_OWNERS:
        belongs = f"belongs to {' or '.join(of)}"
        return f"it {belongs}" if meant == name else f"did you mean '{meant}'? it {belongs}"
    if len(known) > MOST_LISTED:
        return None
    return f"known: {', '.join(known)}" if known else "there are no options"


def owners(option: str) -> list[str]:
    """Return the core's tables and the optimizers that have an option, as messages name them."""
    if option in LEADING:
        return ["the top of the recipe, before the first table"]
    tables = [f"[{name}]" for name, model in CORE_TABLES.items() if option in model.model_fields]
    if option in Optimizer.model_fields:
        return [*tables, "[optimizer]"]
    offers = installed().of_kind("optimizer")
    own = [each.name for each in offers if option in each.component.model_fields]
    return [*tables, *(f"optimizer '{name}'" for name in own)]


def with_absolute_paths(model: type[BaseModel], table: Entry, problems: Problems) -> dict[str, Any]:
    """Return the plain options of a table, the relative paths among them made absolute.

    An option is a path where its type is, or contains, `pathlib.Path`. An empty path, or one that
    no file system can have, is a problem.
    """
    fields = _fields(model)
    return {
        name: _absolute(entry, fields[name].annotation, problems)
        if name in fields and _holds_paths(fields[name].annotation)
        else plain(entry)
        for name, entry in table.table.items()
    }


def _holds_paths(annotation: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, Path) for part in _parts(annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield a type and every type that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _words(annotation: Any) -> set[Any]:
    """Return the words that a type takes besides paths, as in `Literal["auto"] | Path`."""
    literals = [part for part in _parts(annotation) if get_origin(part) is Literal]
    return {word for literal in literals for word in get_args(literal)}


def _absolute(entry: Entry, annotation: Any, problems: Problems) -> Any:
    """Return the plain value of a path, or of an array or a table of paths, made absolute."""
    if isinstance(entry.value, list):
        return [_absolute(element, annotation, problems) for element in entry.value]
    if isinstance(entry.value, dict):
        return {name: _absolute(e, annotation, problems) for name, e in entry.value.items()}
    if not isinstance(entry.value, str) or entry.value in _words(annotation):
        return entry.value
    if not entry.value or "\0" in entry.value:
        problems.add(f"expected a path, got {entry.value!r}", entry.origin.value)
        return entry.value
    return str(absolute(entry.value, entry.origin.source.folder))


def absolute(path: str, folder: Path) -> Path:
    """Return a path as seen from a folder; `~` is the user's home."""
    try:
        seen = folder / Path(path).expanduser()
    except RuntimeError:  # `~name` of nobody
        seen = folder / path
    return seen.resolve() if ".." in seen.parts else seen
