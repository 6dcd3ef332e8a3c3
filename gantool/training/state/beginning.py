"""Beginning with networks that another run has trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from torch.nn.utils import parametrize

from gantool.errors import UsageError
from gantool.training.state.form import first_objection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from gantool.interfaces.step import Player

Owner = Literal["discriminator", "generator", "average"]


@dataclass(frozen=True)
class Beginning:
    """Trained networks for a run to begin with, whatever regularizers make of them.

    Weights go into a network before regularizers change it, so that they change trained ones; a
    spectral norm, for instance, begins at their norms. Of networks that regularizers had changed
    where they were trained, these are the weights that they computed with. Where a network has
    been changed in the same way, all of it is taken over.

    Attributes:
        state: What the other run has saved.
        rebuild: Builds a player's network as that run does, and calls a function with it before
            regularizers change it.
        way_out: Says what to do where networks do not fit.
    """

    state: Mapping[str, Any]
    rebuild: Callable[[Player, Callable[[nn.Module], None]], nn.Module]
    way_out: Callable[[], str]

    def before(self, owner: Owner) -> Callable[[nn.Module], None]:
        """Return what gives trained weights to a network before regularizers change it."""
        return partial(self._begin, owner)

    def after(self, owner: Owner, network: nn.Module) -> None:
        """Take over also what regularizers have added to a network, if the same is there."""
        saved = self._saved(owner)
        if first_objection(saved, network.state_dict()) is None:
            network.load_state_dict(saved)

    def _begin(self, owner: Owner, network: nn.Module) -> None:
        """Load the weights of one network; others than its own are a usage error."""
        saved, expected = self._saved(owner), network.state_dict()
        if first_objection(saved, expected) is not None:
            saved = self._computed_with(owner, saved)
        if objection := first_objection(saved, expected):
            message = f"training.start_from: the {owner} there cannot be taken over: {objection}"
            raise UsageError(message, self.way_out())
        network.load_state_dict(saved)

    def _saved(self, owner: Owner) -> Mapping[str, Tensor]:
        networks: Mapping[str, Mapping[str, Tensor]] = self.state["networks"]
        if owner == "average":
            return self.state["average"] or networks["generator"]
        return networks[owner]

    def _computed_with(self, owner: Owner, saved: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the weights without what regularizers had made of them, if that can be told."""
        built: list[tuple[nn.Module, set[tuple[str, str]]]] = []

        def remember(network: nn.Module) -> None:
            built.append((network, set(_parametrized(network))))

        player: Player = "generator" if owner == "average" else owner
        prepared = self.rebuild(player, remember)
        if first_objection(saved, prepared.state_dict()) is not None:
            return saved
        prepared.load_state_dict(saved)
        ((plain, parametrized),) = built
        if all(module is not plain for module in prepared.modules()):
            return saved
        plain.eval()  # in training, reading a weight would advance its spectral norm
        for path, name in set(_parametrized(plain)) - parametrized:
            module = plain.get_submodule(path)
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        weights: Mapping[str, Tensor] = plain.state_dict()
        return weights


def _parametrized(network: nn.Module) -> list[tuple[str, str]]:
    """Return the tensors that are computed from others: the path of their module, their name."""
    return [
        (path, name)
        for path, module in network.named_modules()
        if parametrize.is_parametrized(module)
        for name, _ in module.get_submodule("parametrizations").named_children()
    ]
