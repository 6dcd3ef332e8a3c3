"""Check one table with its own model, and say what is wrong in which place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from gantool.recipe.entries import Entry, follow, plain
from gantool.recipe.paths import with_absolute_paths
from gantool.recipe.schema import CORE_TABLES, LEADING, OPTIMIZERS, OptimizerTable
from gantool.recipe.wording import reword, shown
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from gantool.recipe.positions import KeyPath
    from gantool.recipe.problems import Problems

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
    """Return the tables and optimizers of the core that have an option, as messages name them."""
    if option in LEADING:
        return ["the top of the recipe, before the first table"]
    found = [f"[{name}]" for name, model in CORE_TABLES.items() if option in model.model_fields]
    if option in OptimizerTable.model_fields:
        return [*found, "[optimizer]"]
    own = [name for name, model in OPTIMIZERS.items() if option in model.model_fields]
    return [*found, *(f"optimizer '{name}'" for name in own)]


def _missing(where: KeyPath, table: Entry, owner: str, problems: Problems) -> None:
    """Name an option that has no default and was not given."""
    outer, _ = follow(table, where[:-1])
    path: tuple[Any, ...] = (*outer.origin.path, where[-1])
    problems.missing(f"missing option {shown(where[-1])} in {owner}", outer.origin.header, path)
