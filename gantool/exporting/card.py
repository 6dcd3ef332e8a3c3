"""The model card: what a generator is, how it was made, how good it is, what it is not good for."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from gantool.exporting.exported import exporter_of
from gantool.recipe.documents import bare, dump, plainly
from gantool.registry.calling import calling
from gantool.registry.catalog import installed
from gantool.reporting.figures import protocol_lines, score_cells
from gantool.runs.history import read_recipe_table
from gantool.runs.scores import read_scores
from gantool.text import format_epoch, markdown, visible
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.folder import ExportedFolder
    from gantool.interfaces.exporter import Trained
    from gantool.registry.catalog import Offer
    from gantool.runs.scores import Evaluation, Scored

SHOWN = 64
"""Pictures on the card."""
UNKNOWN_MEMORY = (
    "Whether it repeats images it was trained on was not measured: "
    "`gantool evaluate --metrics memorization` does."
)
KNOWN_MEMORY = (
    "Whether it repeats images it was trained on is told by the scores of `memorization`."
)


def model_card(
    run: TrainedRun, trained: Trained, folder: ExportedFolder, repository: str | None = None
) -> str:
    """Return the card of an exported generator, Markdown with what the Hub reads in front.

    `repository` is where on the Hugging Face Hub it will be found, if it is published.
    """
    import jinja2

    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["cell"] = markdown
    template = environment.from_string(
        files("gantool.exporting").joinpath("card.md").read_text(encoding="utf-8")
    )
    name = visible(folder.path.resolve().name)
    text = template.render(
        trained=trained,
        version=VERSION,
        image=trained.image,
        usages=[_usage(each, trained, name, repository) for each in _writers(folder)],
        picture=folder.picture.name,
        shown=SHOWN,
        **_facts(run, trained),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _writers(folder: ExportedFolder) -> list[Offer]:
    """Return the exporters that wrote the files of a folder and are installed: loadable first."""
    offers = {offer.full_name: offer for offer in installed().of_kind("exporter")}
    found = [offers[form] for form in folder.forms() if form in offers]
    return sorted(found, key=lambda offer: not exporter_of(offer).loadable)


def _usage(offer: Offer, trained: Trained, folder: str, repository: str | None) -> str:
    with calling(offer.component, "usage", plugin=offer.plugin):
        return exporter_of(offer).usage(trained, folder, repository).strip()


def _facts(run: TrainedRun, trained: Trained) -> dict[str, Any]:
    about = markdown((type(run.recipe.dataset).__doc__ or "").strip().partition("\n\n")[0])
    written = plainly(read_recipe_table(run.folder))  # whatever it was opened with
    image, scores = run.recipe.tables.image, _scores(run)
    flipped = ", half of them mirrored" if image.horizontal_flip else ""
    tells_memory = any("memorization" in row["name"] for each in scores for row in each["rows"])
    return {
        "name": markdown(run.name),
        "pipeline": "unconditional-image-generation",
        "tags": sorted({bare(str(run.recipe.document["architecture"]["use"])), "gantool"}),
        "dataset": {"use": plainly(run.recipe.document)["dataset"]["use"], "about": about},
        "images": run.about.get("images"),
        "prepared": f"{image.shape}, fit by {image.fit}{flipped}",
        "training": list(_training(run, trained)),
        "recipe": dump(without_folders(written)).strip(),
        "scores": scores,
        "memorization": KNOWN_MEMORY if tells_memory else UNKNOWN_MEMORY,
    }


def without_folders(value: Any) -> Any:
    """Return a recipe's data with the last part only of each absolute path: the rest is private."""
    if isinstance(value, dict):
        return {key: without_folders(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [without_folders(inside) for inside in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value


def _training(run: TrainedRun, trained: Trained) -> Iterator[tuple[str, str]]:
    recipe = run.recipe
    document = plainly(recipe.document)
    yield "recipe", run.status.recipe
    yield "steps (generator updates)", f"{run.step:,} of {run.status.steps:,}"
    if images := run.about.get("images"):
        yield "epochs", format_epoch(_epochs(run, images))
    yield "batch size", f"{recipe.tables.training.batch_size:,}"
    yield "architecture", str(document["architecture"]["use"])
    yield "loss", str(document["loss"]["use"])
    names = [str(each["use"]) for each in document.get("regularizers", ())]
    yield "regularizers", ", ".join(names) or "none"
    yield "weights", "averaged over training" if trained.averaged else "of the last step"
    if device := run.about.get("computing", {}).get("device"):
        yield "computed with", str(device)


def _epochs(run: TrainedRun, images: int) -> float:
    """Return the passes over the images that the discriminator has made."""
    training = run.recipe.tables.training
    whole, rest = divmod(images, training.batch_size)
    batches = whole + bool(rest and training.last_batch == "keep")
    return run.step * training.discriminator_updates / max(1, batches)


def _scores(run: TrainedRun) -> list[dict[str, Any]]:
    """Return the scores of a checkpoint by protocol; where it has none, of an earlier one."""
    evaluations, scored = read_scores(run.folder)
    lines: list[Evaluation | Scored] = [*evaluations, *scored]
    known = [each for each in lines if each.protocol is not None and each.step <= run.step]
    latest = max((each.step for each in known), default=None)
    return [_told(each) for each in known if each.step == latest]


def _told(line: Evaluation | Scored) -> dict[str, Any]:
    """Return scores as the card shows them, with how they were obtained in words."""
    assert line.protocol is not None
    rows = [
        {"name": name, "value": f"{mean} {sd}".strip(), "floor": floor, "better": better}
        for name, mean, sd, floor, better in map(score_cells, line.scores)
    ]
    names, floors = [row["name"] for row in rows], any(row["floor"] for row in rows)
    protocol = protocol_lines(line.step, line.protocol, names, floors=floors)
    return {"step": line.step, "rows": rows, "protocol": protocol, "remarks": line.remarks}
