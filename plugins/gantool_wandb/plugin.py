"""The logger `wandb`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import PrivateAttr
from typing_extensions import override

from gantool import Component, Logger, MissingExtraError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gantool import RunDescription

log = logging.getLogger("gantool.wandb")

START_SECONDS = 30.0
"""After which a server that does not answer is given up."""
FINISH_SECONDS = 60.0
"""After which what is not uploaded yet stays on disk, for `wandb sync`."""
FLUSH = {"x_transaction_log_flush_interval": 1.0}
"""Seconds of records that a process may lose when it is killed; wandb's own default is 15."""


class WeightsAndBiases(Logger):
    """Figures and sample grids for Weights & Biases, online or in the run's folder.

    The run's identifier is its id there, so that a resumed run goes on with its own curves.
    Without a key, or where the server does not answer, everything is kept in the run's folder
    until `wandb sync` uploads it.
    """

    name = "wandb"

    project: str = "gantool"
    """Project that the run belongs to."""
    entity: str | None = None
    """User or team that owns the project; by default the account's own."""
    mode: Literal["online", "offline"] | None = None
    """By default "online" where wandb has a key and its server answers, else "offline"."""

    _run: Any = PrivateAttr(default=None)

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return cls(mode="offline")

    @override
    def check(self) -> None:
        """Refuse to begin without wandb.

        Raises:
            MissingExtraError: When wandb is not installed.
        """
        try:
            import wandb  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"logger 'wandb' needs wandb, which cannot be imported ({error})",
                "pip install 'gantool[wandb]'",
            ) from error

    @override
    def start(self, run: RunDescription) -> None:
        """Begin the run, or go on with it.

        Raises:
            MissingExtraError: When wandb is not installed.
            wandb.Error: When a server was asked for and does not answer.
        """
        self.check()
        import wandb

        mode = self.mode or ("online" if wandb.login(prompt=False) else "offline")
        try:
            self._run = self._begin(run, mode)
        except wandb.Error as error:
            if self.mode is not None or mode == "offline":
                raise
            log.warning("Weights & Biases does not answer, so the run is kept offline: %s", error)
            self._run = self._begin(run, "offline")

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record figures; a step's pictures come before them, so the step is whole then."""
        if self._run is not None:
            self._run.log(dict(values), step=step, commit=True)

    @override
    def images(self, step: int, path: Path) -> None:
        import wandb

        if self._run is not None:
            self._run.log({"samples": wandb.Image(str(path))}, step=step)

    @override
    def finish(self, outcome: str) -> None:
        """Say how the run ended, and wait a while for what is still to be uploaded."""
        if self._run is not None:
            ended, self._run = self._run, None
            ended.summary["outcome"] = outcome
            ended.finish(exit_code=int(outcome == "failed"))

    def _begin(self, run: RunDescription, mode: Literal["online", "offline"]) -> Any:
        import wandb

        known = wandb.Settings.model_fields
        return wandb.init(
            project=self.project,
            entity=self.entity,
            mode=mode,
            id=run.identifier,
            resume="allow",
            reinit="create_new",  # a notebook may have a run of its own
            name=run.name,
            dir=str(run.folder),
            config=dict(run.recipe),
            settings=wandb.Settings(
                console="off",  # the terminal is gantool's
                silent=True,
                init_timeout=START_SECONDS,
                finish_timeout=FINISH_SECONDS,
                **{name: seconds for name, seconds in FLUSH.items() if name in known},
            ),
        )


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the logger."""
    return [WeightsAndBiases]
