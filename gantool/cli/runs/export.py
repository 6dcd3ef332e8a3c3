"""`gantool export`: take a generator out of its run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gantool.cli.arguments import (
    CheckpointOption,
    QuietOption,
    RunArgument,
    component_names,
    examples,
    option,
    separate,
    starting_each,
)
from gantool.cli.output import print_lines
from gantool.errors import UsageError
from gantool.text import guess, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gantool.interfaces.exporter import Exporter
    from gantool.registry.catalog import Offer


def complete_exporter(incomplete: str) -> list[str]:
    """Offer the exporters, after a comma too."""
    return starting_each(incomplete, component_names("exporter"))


ToOption = Annotated[
    list[str],
    option(
        "--to",
        "EXPORTERS",
        "As in safetensors, onnx or html; or several, separated by commas. "
        "list-components exporter shows those that are installed.",
        autocompletion=complete_exporter,
    ),
]
SetOption = Annotated[
    list[str] | None,
    option("--set", "EXPORTER.OPTION=VALUE", "Set one option of an exporter; may be repeated."),
]
OutOption = Annotated[
    Path | None, option("--out", "FOLDER", "Where to; by default in the run's folder.")
]
PushOption = Annotated[
    str | None, option("--push", "OWNER/NAME", "Then publish it on the Hugging Face Hub.")
]
EXAMPLES = """
gantool export runs/base-2026-01-31-1 --to safetensors
gantool export runs/base-2026-01-31-1 --to html --out demo --set html.sliders=12
gantool export runs/base-2026-01-31-1 --to safetensors,onnx --push me/paintings
"""


@examples(EXAMPLES)
def export(
    run: RunArgument,
    *,
    to: ToOption,
    out: OutOption = None,
    checkpoint: CheckpointOption = None,
    settings: SetOption = None,
    push: PushOption = None,
    quiet: QuietOption = False,
) -> None:
    """Take a generator out of its run: as safetensors, as ONNX, as a page for browsers.

    A config, a sample grid and a model card come along. The paths of the files are printed.
    """
    from gantool.evaluation.sampling.trained import NEWEST, TrainedRun
    from gantool.exporting import exporting, hub
    from gantool.exporting.folder import ExportedFolder
    from gantool.files.plain import refuse_link
    from gantool.reporting.console.messages import open_console, say, show_warnings
    from gantool.runs.folder import existing_folder

    exporters, folder = chosen_exporters(to, settings or ()), existing_folder(run)
    target = ExportedFolder(folder.exported if out is None else out)
    if out is None:
        refuse_link(target.path)
    if push is not None:
        hub.check_repository(push)
    console = open_console()
    with show_warnings(console):
        trained = TrainedRun(folder, "cpu", checkpoint or NEWEST)
        tell = (lambda text: None) if quiet else (lambda text: say(console, text))
        exporting.export(trained, exporters, target, repository=push, tell=tell)
    print_lines(target.files())
    if push is not None:
        print_lines([hub.push(target, push)])


def chosen_exporters(lists: Iterable[str], settings: Iterable[str] = ()) -> dict[str, Exporter]:
    """Return installed exporters with their options, by full name.

    Args:
        lists: Names, or full names, with commas between them.
        settings: Values of options, as in "html.sliders=4".

    Raises:
        UsageError: When there is none, one is unknown or not chosen, or an option is not valid.
    """
    from gantool.registry.catalog import installed

    catalog = installed()
    names = separate(lists)
    if not names:
        raise UsageError(f"--to takes {one_of(catalog.names('exporter'))}, got none")
    offers = list(dict.fromkeys(catalog.find("exporter", name) for name in names))
    tables: dict[str, dict[str, Any]] = {offer.full_name: {} for offer in offers}
    for setting in settings:
        form, option, value = _setting(setting, offers)
        tables[form][option] = value
    return {offer.full_name: _built(offer, tables[offer.full_name]) for offer in offers}


def _setting(text: str, offers: list[Offer]) -> tuple[str, str, Any]:
    """Return the exporter, the option and the value of an argument."""
    from gantool.recipe.composing import parse_value

    key, equals, raw = text.partition("=")
    name, _, option = (part.strip() for part in key.rpartition("."))
    if not (equals and name and option):
        raise UsageError(f"--set takes EXPORTER.OPTION=VALUE, got '{text}'")
    meant = [each.full_name for each in offers if name in (each.name, each.full_name)]
    if len(meant) != 1:
        found = f"--to does not say '{name}'" if not meant else f"'{name}' is ambiguous"
        raise UsageError(f"--set {text}: {found}", f"say {one_of(meant or _names(offers))}")
    return meant[0], option, parse_value(raw.strip())


def _names(offers: Iterable[Offer]) -> list[str]:
    return [offer.name for offer in offers]


def _built(offer: Offer, table: Mapping[str, Any]) -> Exporter:
    import json

    from pydantic import ValidationError

    from gantool.exporting.folder import reason_of

    component: Any = offer.component
    if unknown := [name for name in table if name not in component.model_fields]:
        known = ", ".join(component.model_fields)
        raise UsageError(
            f"unknown option '{unknown[0]}' in exporter '{offer.name}'",
            guess(unknown[0], component.model_fields) or f"options: {known or 'none'}",
        )
    try:
        exporter: Exporter = component.model_validate_json(json.dumps(table))
    except ValidationError as error:
        raise UsageError(f"exporter '{offer.name}': {reason_of(error)}") from error
    return exporter
