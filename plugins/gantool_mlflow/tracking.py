"""One run in MLflow, found again by a tag."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool import RunDescription

TAG = "gantool.run"
"""Holds the run's identifier."""
DATABASE = "sqlite:///"
STATUSES = {"completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""How often and how many seconds a server is waited for, unless the environment says otherwise.

By itself MLflow tries for a quarter of an hour, and training would wait.
"""
LARGEST_BATCH = 100
"""Options that MLflow takes at once."""
LONGEST_VALUE = 500
"""Characters of an option that every version of MLflow takes."""


class TrackedRun:
    """A run in MLflow, new or gone on with.

    Args:
        run: The run here.
        experiment: Name of the experiment it belongs to.
        tracking_uri: Where it is kept; None for what the environment says, else a local folder.
    """

    def __init__(self, run: RunDescription, experiment: str, tracking_uri: str | None) -> None:
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            folder = run.folder.parent / "mlflow"
            folder.mkdir(parents=True, exist_ok=True)
            uri = f"{DATABASE}{folder / 'mlflow.db'}"
        self._client = MlflowClient(tracking_uri=uri)
        self._run_id = self._find(run, self._experiment(experiment, _pictures(uri)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record figures."""
        now = int(1000 * time.time())  # ms
        metrics = [Metric(_allowed(name), value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def image(self, step: int, path: Path) -> None:
        """Record a picture, which MLflow shows beside those of other steps."""
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
            self._client.log_image(self._run_id, picture, key="samples", step=step)

    def finish(self, outcome: str) -> None:
        """Say how the run ended."""
        self._client.set_terminated(self._run_id, STATUSES[outcome])

    def _experiment(self, name: str, artifacts: str | None) -> str:
        """Return the id of an experiment, which is made if there is none."""
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=artifacts))

    def _find(self, run: RunDescription, experiment: str) -> str:
        """Return the id of the run, which is begun if there is none."""
        known = self._client.search_runs([experiment], f"tags.`{TAG}` = '{run.identifier}'")
        if known:
            self._client.update_run(known[0].info.run_id, status="RUNNING")
            return str(known[0].info.run_id)
        begun = self._client.create_run(experiment, tags={TAG: run.identifier}, run_name=run.name)
        params = [Param(_allowed(key), value) for key, value in _options(run.recipe)]
        for first in range(0, len(params), LARGEST_BATCH):
            few = params[first : first + LARGEST_BATCH]
            self._client.log_batch(begun.info.run_id, params=few)
        return str(begun.info.run_id)


def _options(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield a recipe's options with dotted keys; entries of an array go by their number."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        pairs = {str(index): entry for index, entry in enumerate(value)}.items()
    else:
        yield path, str(value)[:LONGEST_VALUE]
        return
    for key, part in pairs:
        yield from _options(part, f"{path}.{key}".removeprefix("."))


def _allowed(name: str) -> str:
    """Return a name with what MLflow refuses in one spelled as a dash."""
    return "".join(char if char.isalnum() or char in "_-./ " else "-" for char in name)


def _pictures(uri: str) -> str | None:
    """Return where pictures go: beside a database; MLflow would put them where the process is.

    None for a server, which has a place of its own.
    """
    if not uri.startswith(DATABASE):
        return None
    return (Path(uri.removeprefix(DATABASE)).resolve().parent / "artifacts").as_uri()
