"""Open what pictures can be drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gantool.errors import UsageError
from gantool.exporting.folder import CONFIG, ExportedFolder
from gantool.runs.folder import RECIPE, RunFolder

if TYPE_CHECKING:
    from gantool.evaluation.sampling.generator import TrainedGenerator


def load(
    path: str | Path,
    *,
    device: str | None = None,
    checkpoint: str | None = None,
    weights: Literal["ema", "raw"] | None = None,
) -> TrainedGenerator:
    """Open a run or an exported folder to draw samples from it.

    Args:
        path: A run folder, or a folder that `gantool export --to safetensors` wrote.
        device: Compute with this device instead of the recipe's.
        checkpoint: Of a run: "newest", "best" or a number of steps; by default the newest.
        weights: Of a run: averaged or raw ones; by default those that its recipe samples from.

    Raises:
        UsageError: When there is neither, or a checkpoint or weights are asked of an exported
            folder, which holds one generator.
        RecipeError: When averaged weights are asked of a run that keeps no average.
    """
    folder, exported = RunFolder(Path(path)), ExportedFolder(Path(path))
    if folder.exists():
        from gantool.evaluation.sampling.trained import NEWEST, TrainedRun

        settings = () if weights is None else (f'sampling.weights="{weights}"',)
        return TrainedRun(folder, device, checkpoint or NEWEST, settings)
    if not exported.config.is_file():
        raise UsageError(
            f"no run and no exported generator in {path}: neither {RECIPE} nor {CONFIG} is there",
            "gantool list-runs shows the runs here",
        )
    if checkpoint is not None or weights is not None:
        what = "no checkpoints" if weights is None else "one kind of weights"
        raise UsageError(f"{path} is an exported generator: it has {what}")
    from gantool.exporting.exported import ExportedGenerator

    return ExportedGenerator(exported, device)
