"""Check one table with its own model, and say what is wrong in which place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gantool.interfaces.optimizer import Optimizer
from gantool.recipe.schema import CORE_TABLES, LEADING
from gantool.recipe.source.entries import Entry, follow, plain
from gantool.recipe.source.wording import reword, shown
from gantool.registry.catalog import installed
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel
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
    """Return the options of a table as an instance of their model.

    Args:
        model: A table of the core, or a component.
        table: The options, without `use` where the model has no such field.
        owner: Whose options they are: "architecture 'dcgan'", "[training]".
        problems: Is told what is wrong.

    Returns:
        The instance, or None where something is wrong.
    """
    if not isinstance(table.value, dict):
        problems.add(
            f"expected a table {owner}, got {shown(plain(table))}",
            table.origin.value,
            table.origin.path,
        )
        return None
    options = with_absolute_paths(model, table, problems)
    try:
        return model.model_validate_json(json.dumps(options, default=str))
    except ValidationError as error:
        _report(error.errors(include_url=False), model, table, owner, problems)
        return None


def option_names(model: type[BaseModel]) -> list[str]:
    """Return the options of a model as recipes write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _report(
    errors: Sequence[ErrorDetails],
    model: type[BaseModel],
    table: Entry,
    owner: str,
    problems: Problems,
) -> None:
    """Sort the errors by the value they are about, and add one problem for each value."""
    about: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        if error["type"] == "extra_forbidden":
            _unknown(error["loc"], model, table, owner, problems)
        elif error["type"] == "missing" and isinstance(error["loc"][-1], str):
            _missing(error["loc"], table, owner, problems)
        else:
            about.setdefault(follow(table, error["loc"])[1], []).append(error)
    for path, same in about.items():
        if not any(path == deeper[: len(path)] for deeper in about.keys() - {path}):
            culprit, _ = follow(table, path)
            place = culprit.origin.value if path else table.origin.header
            problems.add(reword(same, plain(culprit)), place, culprit.origin.path)


def _unknown(
    where: KeyPath, model: type[BaseModel], table: Entry, owner: str, problems: Problems
) -> None:
    """Name an option that the model does not have, with the one that may be meant."""
    culprit, _ = follow(table, where)
    name = str(where[-1])
    nested = len(where) > 1
    problems.add(
        f"unknown option {shown(name)} in {owner}",
        culprit.origin.key,
        culprit.origin.path,
        None if nested or problems.many else suggest_option(name, option_names(model)),
    )


def suggest_option(name: str, known: Sequence[str]) -> str | None:
    """Return what an unknown option may have meant, or where it belongs, or what there is."""
    meant = MEANT.get(name, name)
    if meant != name and meant in known:
        return f"did you mean '{meant}'?"
    if suggestion := guess(name, known):
        return suggestion
    if 0 < len(found := owners(meant)) <= MOST_OWNERS:
        belongs = f"belongs to {' or '.join(found)}"
        return f"it {belongs}" if meant == name else f"did you mean '{meant}'? it {belongs}"
    if len(known) > MOST_LISTED:
        return None
    return f"known: {', '.join(known)}" if known else "there are no options"


def owners(option: str) -> list[str]:
    """Return the core's tables and the optimizers that have an option, as messages name them."""
    if option in LEADING:
        return ["the top of the recipe, before the first table"]
    found = [f"[{name}]" for name, model in CORE_TABLES.items() if option in model.model_fields]
    if option in Optimizer.model_fields:
        return [*found, "[optimizer]"]
    offers = installed().of_kind("optimizer")
    own = [each.name for each in offers if option in each.component.model_fields]
    return [*found, *(f"optimizer '{name}'" for name in own)]


def _missing(where: KeyPath, table: Entry, owner: str, problems: Problems) -> None:
    """Name an option that has no default and was not given."""
    outer, _ = follow(table, where[:-1])
    path: tuple[Any, ...] = (*outer.origin.path, where[-1])
    problems.missing(f"missing option {shown(where[-1])} in {owner}", outer.origin.header, path)


def with_absolute_paths(model: type[BaseModel], table: Entry, problems: Problems) -> dict[str, Any]:
    """Return the plain options of a table, the relative paths among them made absolute.

    An option is a path where its type is, or contains, `pathlib.Path`. An empty path, or one that
    no file system can have, is a problem.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
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
        message = f"expected a path, got {entry.value!r}"
        problems.add(message, entry.origin.value, entry.origin.path)
        return entry.value
    return str(absolute(entry.value, entry.origin.source.folder))


def absolute(path: str, folder: Path) -> Path:
    """Return a path as seen from a folder; `~` is the user's home."""
    try:
        seen = folder / Path(path).expanduser()
    except RuntimeError:  # `~name` of nobody
        seen = folder / path
    return seen.resolve() if ".." in seen.parts else seen
