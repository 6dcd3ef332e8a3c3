"""The logger `mlflow`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr
from typing_extensions import override

from gantool import Component, Logger, MissingExtraError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gantool import RunDescription
    from gantool_mlflow.tracking import TrackedRun


class MLflow(Logger):
    """Figures, options and sample grids for MLflow, on a server or in a local folder.

    A resumed run finds its own run there by a tag, and goes on with its curves.
    """

    name = "mlflow"

    tracking_uri: str | None = None
    """Server or database, as MLflow names them; by default what the environment variable
    MLFLOW_TRACKING_URI says, else a folder mlflow/ beside the run's."""
    experiment: str = "gantool"
    """Experiment that the run belongs to; it is made if there is none."""

    _tracked: TrackedRun | None = PrivateAttr(default=None)

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return cls(tracking_uri=f"sqlite:///{scratch / 'mlflow.db'}")

    @override
    def check(self) -> None:
        """Refuse to begin without MLflow.

        Raises:
            MissingExtraError: When MLflow or its database layer is not installed.
        """
        try:
            import gantool_mlflow.tracking  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"logger 'mlflow' needs mlflow, which cannot be imported ({error})",
                "pip install 'gantool[mlflow]'",
            ) from error

    @override
    def start(self, run: RunDescription) -> None:
        """Begin the run, or go on with it.

        Raises:
            MissingExtraError: When MLflow or its database layer is not installed.
            mlflow.exceptions.MlflowException: When the server does not answer.
            OSError: When the folder cannot be made.
        """
        self.check()
        from gantool_mlflow.tracking import TrackedRun

        self._tracked = TrackedRun(run, self.experiment, self.tracking_uri)

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        if self._tracked is not None:
            self._tracked.scalars(step, values)

    @override
    def images(self, step: int, path: Path) -> None:
        if self._tracked is not None:
            self._tracked.image(step, path)

    @override
    def finish(self, outcome: str) -> None:
        """Say how the run ended."""
        if self._tracked is not None:
            ended, self._tracked = self._tracked, None
            ended.finish(outcome)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the logger."""
    return [MLflow]
