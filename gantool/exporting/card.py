"""The model card: what a generator is, how it was made, how good it is, what it is not good for."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from gantool.exporting.scores import scores_of
from gantool.recipe.documents import dump, plainly
from gantool.reporting.figures import format_epoch
from gantool.runs.history import read_recipe_table
from gantool.text import markdown, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.config import ExportConfig
    from gantool.exporting.folder import ExportedFolder
    from gantool.exporting.scores import CardScores

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
    run: TrainedRun, config: ExportConfig, folder: ExportedFolder, repository: str | None = None
) -> str:
    """Return the card of an exported generator, Markdown with what the Hub reads in front.

    Args:
        run: What it was exported from.
        config: Its `config.json`.
        folder: Where the card will be, and what is beside it.
        repository: Where on the Hugging Face Hub it will be found, if it is published.
    """
    import jinja2

    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["cell"] = markdown
    template = environment.from_string(
        files("gantool.exporting").joinpath("card.md").read_text(encoding="utf-8")
    )
    text = template.render(
        config=config,
        image=config.image,
        formats=folder.formats(),
        picture=folder.picture.name,
        shown=SHOWN,
        folder=visible(folder.path.resolve().name),
        repository=repository,
        **_facts(run, config),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _facts(run: TrainedRun, config: ExportConfig) -> dict[str, Any]:
    """Return what the card says of the run."""
    scores = scores_of(run.folder, run.step)
    return {
        "name": markdown(run.name),
        "pipeline": "unconditional-image-generation",
        "tags": sorted({config.architecture.use.rpartition(":")[2], "gantool"}),
        "dataset": {"use": plainly(run.recipe.document)["dataset"]["use"], "about": _about(run)},
        "images": run.about.get("images"),
        "prepared": _prepared(run),
        "training": list(_training(run, config)),
        "recipe": dump(without_folders(_written(run))).strip(),
        "scores": scores,
        "memorization": KNOWN_MEMORY if _tells_memory(scores) else UNKNOWN_MEMORY,
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


def _written(run: TrainedRun) -> dict[str, Any]:
    """Return the run's recipe as it stands in its folder, whatever it was opened with."""
    return plainly(read_recipe_table(run.folder))


def _about(run: TrainedRun) -> str:
    """Return what the dataset says of itself, in its first sentence."""
    return markdown((type(run.recipe.dataset).__doc__ or "").strip().partition("\n\n")[0])


def _prepared(run: TrainedRun) -> str:
    table = run.recipe.tables.image
    flipped = ", half of them mirrored" if table.horizontal_flip else ""
    return f"{table.shape}, fit by {table.fit}{flipped}"


def _training(run: TrainedRun, config: ExportConfig) -> Iterator[tuple[str, str]]:
    """Yield what the training was, a label and a value each."""
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
    yield "weights", "averaged over training" if config.weights == "ema" else "of the last step"
    if device := run.about.get("computing", {}).get("device"):
        yield "computed with", str(device)


def _epochs(run: TrainedRun, images: int) -> float:
    """Return the passes over the images that the discriminator has made."""
    training = run.recipe.tables.training
    whole, rest = divmod(images, training.batch_size)
    batches = whole + bool(rest and training.last_batch == "keep")
    return run.step * training.discriminator_updates / max(1, batches)


def _tells_memory(scores: Iterable[CardScores]) -> bool:
    return any("memorization" in row.name for each in scores for row in each.rows)
