"""A player as it was: to look ahead and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gantool.interfaces.step import Snapshot

if TYPE_CHECKING:
    from types import TracebackType

    from torch import Tensor

    from gantool.training.players import Competitor


class PlayerSnapshot(Snapshot):
    """Copies of a player's weights, buffers and optimizer state, put back in place."""

    def __init__(self, competitor: Competitor) -> None:
        self._competitor = competitor
        self._tensors = [tensor.detach().clone() for tensor in self._live_tensors()]
        self._optimizer = {
            parameter: {key: _copied(value) for key, value in state.items()}
            for parameter, state in competitor.optimizer.state.items()
        }

    def restore(self) -> None:
        """Put everything back; gradients stay as they are."""
        with torch.no_grad():
            for live, saved in zip(self._live_tensors(), self._tensors, strict=True):
                live.copy_(saved)
        state = self._competitor.optimizer.state
        state.clear()  # an optimizer makes its state in its first step, which is now undone
        for parameter, saved_state in self._optimizer.items():
            state[parameter] = {key: _copied(value) for key, value in saved_state.items()}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.restore()

    def _live_tensors(self) -> list[Tensor]:
        return [*self._competitor.parameters, *self._competitor.network.buffers()]


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value
