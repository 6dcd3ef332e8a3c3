"""The moving average of the generator."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from gantool.training.state.form import load_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from gantool.recipe.schema import EmaTable


class Average:
    """The exponential moving average of the generator's weights; buffers are copied."""

    def __init__(
        self, generator: nn.Module, table: EmaTable, *, batch_size: int, steps: int
    ) -> None:
        self.network = copy.deepcopy(generator).requires_grad_(requires_grad=False)
        self._table = table
        self._batch_size, self._steps = batch_size, steps
        self._averages: list[Tensor] = [*self.network.parameters()]
        self._weights: list[Tensor] = [*generator.parameters()]
        self._buffers = [*zip(self.network.buffers(), generator.buffers(), strict=True)]
        first = self._averages[0]
        self._share = torch.zeros((), dtype=first.dtype, device=first.device)
        self._rest = torch.ones_like(self._share)

    def share_at(self, step: int) -> float:
        """Return the share of the new weights in the average after `step` completed steps.

        1 - 2^(-batch / half-life), the half-life ramping up with the images seen so far
        (Karras et al. 2020, stylegan2-ada's `ema_rampup`, which leaves out the present batch's).
        """
        if self._table.half_life_images is None or step <= self._table.start_step:
            return 1.0
        half_life = self._table.half_life_images.value((step - 1) / self._steps)
        if half_life == 0:
            return 1.0
        if self._table.ramp_up is not None:
            half_life = min(half_life, self._table.ramp_up * step * self._batch_size)
        return float(1 - 0.5 ** (self._batch_size / half_life))

    def set_clock(self, step: int) -> None:
        """Write what follows from `step` completed steps into a tensor on the device."""
        share = self.share_at(step)
        self._share.fill_(share)
        self._rest.fill_(1 - share)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        torch._foreach_mul_(self._averages, self._rest)
        torch._foreach_add_(self._averages, torch._foreach_mul(self._weights, self._share))
        for copied, buffer in self._buffers:
            copied.copy_(buffer)

    def state(self) -> dict[str, Any]:
        """Return the averaged network's tensors."""
        return self.network.state_dict()

    def load(self, saved: Mapping[str, Any]) -> None:
        """Put a state back, in place; one of other tensors is refused."""
        load_network(self.network, saved, "average")
