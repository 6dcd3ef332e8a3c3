"""The model card: what a generator is, how it was made, how good it is, what it is not good for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from gantool.exporting.exported import exporter_of
from gantool.recipe.documents import bare, dump, plainly
from gantool.registry.calling import calling
from gantool.registry.catalog import installed
from gantool.reporting.figures import format_epoch, format_figure, protocol_lines
from gantool.runs.history import read_recipe_table
from gantool.runs.scores import Evaluation, Scored, read_scores
from gantool.text import markdown, visible
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.exporting.folder import ExportedFolder
    from gantool.interfaces.exporter import Trained
    from gantool.registry.catalog import Offer
    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol, Score

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

    Args:
        run: What it was exported from.
        trained: What exporters were given of it.
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
    """Return what the card says of the run."""
    scores = scores_of(run.folder, run.step)
    return {
        "name": markdown(run.name),
        "pipeline": "unconditional-image-generation",
        "tags": sorted({bare(str(run.recipe.document["architecture"]["use"])), "gantool"}),
        "dataset": {"use": plainly(run.recipe.document)["dataset"]["use"], "about": _about(run)},
        "images": run.about.get("images"),
        "prepared": _prepared(run),
        "training": list(_training(run, trained)),
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


def _training(run: TrainedRun, trained: Trained) -> Iterator[tuple[str, str]]:
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
    yield "weights", "averaged over training" if trained.averaged else "of the last step"
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


@dataclass(frozen=True)
class CardScore:
    """One row of a card.

    Attributes:
        name: As in "fid-inception/distance".
        value: The mean, and its deviation over sampling seeds where there are several.
        floor: The same for one half of the real images against the other, if it was computed.
        better: Which way is better: "lower", "higher" or nothing.
    """

    name: str
    value: str
    floor: str = ""
    better: str = ""


@dataclass(frozen=True)
class CardScores:
    """Scores by one protocol.

    Attributes:
        step: Steps of the evaluated checkpoint.
        rows: The scores.
        protocol: How they were obtained, in words.
        remarks: What they give reason to say.
    """

    step: int
    rows: tuple[CardScore, ...]
    protocol: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def scores_of(folder: RunFolder, step: int) -> tuple[CardScores, ...]:
    """Return the scores of a checkpoint; where it has none, the newest of an earlier one."""
    evaluations, scored = read_scores(folder)
    lines: list[Evaluation | Scored] = [*evaluations, *scored]
    found = [each for line in lines for each in _card_scores(line)]
    latest = max((each.step for each in found if each.step <= step), default=None)
    return tuple(each for each in found if each.step == latest)


def _card_scores(line: Evaluation | Scored) -> Iterator[CardScores]:
    """Yield the scores of a line, if it is known how they were obtained."""
    if line.protocol is not None:
        rows = tuple(map(_row, line.scores))
        words = _in_words(line.step, line.protocol, rows)
        yield CardScores(line.step, rows, words, line.remarks)


def _row(score: Score) -> CardScore:
    mean = "" if score.mean is None else format_figure(score.mean)
    spread = "" if score.sd is None else f" ± {format_figure(score.sd)}"
    floor = "" if score.floor is None else format_figure(score.floor)
    return CardScore(
        score.name, mean + spread, floor, "" if score.direction == "none" else score.direction
    )


def _in_words(step: int, protocol: Protocol, rows: Sequence[CardScore]) -> tuple[str, ...]:
    floors = any(row.floor for row in rows)
    return tuple(protocol_lines(step, protocol, [row.name for row in rows], floors=floors))
