"""Trainings with a component on the pretended GPU, and what is wrong there in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from gantool.interfaces.architecture import Architecture
from gantool.interfaces.loss import Loss
from gantool.interfaces.modules import SHA256
from gantool.interfaces.optimizer import Optimizer
from gantool.interfaces.regularizer import Regularizer
from gantool.testing.harness.networks import SmallNetworks, StyleNetworks
from gantool.testing.harness.players import CLASSES, refusal_of, supported_image
from gantool.testing.harness.pretending import Watch
from gantool.testing.harness.trial import Setting, build_trial, setting_for
from gantool.testing.harness.watching import variants
from gantool.testing.promises import cause_of, place_in, require, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from gantool.interfaces.component import Component
    from gantool.training.trainer import Trainer


RUN: dict[str, Any] = {"steps": 100, "log_every_steps": 2}
DEVICE: dict[str, Any] = {"name": "cuda", "graph": "off"}
UNKNOWN = (UnsupportedFakeTensorException, UnsupportedOperatorException)
"""Errors of torch where it does not know what an operation would do on a GPU."""


def take_steps(trainer: Trainer, watch: Watch, count: int = 2, *, may_read: bool = False) -> None:
    """Make steps, the last of which ends a log interval, and check the state they leave."""
    turns, note = trainer.turns, trainer.game.totals.note
    figures: list[tuple[str, Tensor]] = []

    def watched(*args: Any) -> None:
        watch.in_turns = True
        turns(*args)
        watch.in_turns = False

    def noted(values: Any) -> None:
        figures.extend(values.items())
        note(values)

    trainer.turns = watched
    trainer.game.totals.note = noted  # type: ignore[method-assign, assignment]
    watch.in_step, watch.may_read = True, may_read
    for _ in range(count):
        trainer.one_step()
    watch.in_step = False
    require({"generator_loss", "generator_gradient_norm"} <= dict(figures).keys(), "no figures")
    for name, value in figures:
        _require(value, torch.float32, f"the figure {name}")
        require(value.dim() == 0, f"the figure {name} is no scalar")
    for name, value in kept(trainer).items():
        _require(value, torch.float32 if value.is_floating_point() else value.dtype, name)
    for sums in trainer.game.totals._kept.values():
        _require(sums.values, torch.float64, "a sum of figures")


def _require(tensor: Tensor, dtype: torch.dtype, what: str) -> None:
    found = f"{what} is {tensor.dtype} on {tensor.device.type}, not {dtype} on cuda"
    require((tensor.dtype, tensor.device.type) == (dtype, "cuda"), found)


def kept(trainer: Trainer) -> dict[str, Tensor]:
    """Return the tensors that outlive a step, by name."""
    game = trainer.game
    found = {"number": game.number, "progress": game.progress}
    for player, each in game.competitors.items():
        found[f"{player} rate"] = each.learning_rate
        found |= {f"{player} {name}": value for name, value in _saved(each.network)}
        for index, weight in enumerate(each.parameters):
            state = {**each.optimizer.state[weight], "gradient": weight.grad}
            found |= {f"{player} {k} {index}": v for k, v in state.items() if v is not None}
    for stream, module in game.regularization.states().items():
        found |= {f"{stream} {name}": value for name, value in module.named_buffers()}
    if trainer.game.average is not None:
        average = _saved(trainer.game.average.network)
        found |= {f"average {name}": value for name, value in average}
    return found


def _saved(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what is saved of a network, without the hashes of what is not, which stay here."""
    for name, tensor in network.state_dict().items():
        if name.rpartition(".")[2] != SHA256:
            yield name, tensor


class Failure(NamedTuple):
    """A failure in words, and a key that is the same for failures of one cause."""

    words: str
    cause: str


def failure_of(component: Component | None) -> Failure | None:
    """Return what is wrong with a component on a GPU, or None; without one, with gantool itself.

    Raises:
        NotImplementedError: When torch does not know it.
    """
    for trial in _trials(component):
        try:
            _train(trial, may_read=not getattr(component, "capturable", True))
        except Exception as error:  # a plugin may fail in any way
            root = root_of(error)
            if isinstance(root, UNKNOWN):
                raise NotImplementedError(_first_line(root)) from error
            package = type(component).__module__.partition(".")[0]
            place = place_in(package, root) or place_in(package, error)
            words = f"{_in_words(root)}{f' ({place})' if place else ''}"
            return Failure(words, cause_of(error, package))
    return None


def _trials(component: Component | None) -> Iterator[dict[str, Any]]:
    """Yield arguments of `build_trial`, with and without labels where both are supported."""
    if isinstance(component, Regularizer):
        for one in variants(component):
            plain = setting_for(one)
            other = plain._replace(conditional=not plain.conditional)
            yield {"regularizers": (one,), "setting": plain, "architecture": StyleNetworks()}
            if other.refusal(one) is None:
                networks = SmallNetworks(norm="spectral" if one.uses_image_gradient else "batch")
                yield {"regularizers": (one,), "setting": other, "architecture": networks}
    elif isinstance(component, Architecture):
        image = supported_image(component)
        for classes in (0, CLASSES):
            if refusal_of(component, image, classes) is None:
                setting = Setting(image, bool(classes), component.latent_dim)
                yield {"architecture": component, "setting": setting}
    elif isinstance(component, Loss):
        yield {"loss": component}
    else:
        yield {"optimizer": component} if isinstance(component, Optimizer) else {}


def _train(trial: dict[str, Any], *, may_read: bool) -> None:
    """Train for two steps."""
    regularizers = trial.pop("regularizers", ())
    here = torch.autograd.set_multithreading_enabled(False)  # other threads are not watched
    with here, FakeTensorMode(), Watch() as watch:
        trainer = build_trial(*regularizers, device=DEVICE, **RUN, **trial)
        take_steps(trainer, watch, may_read=may_read)


def _in_words(error: BaseException) -> str:
    """Return the meaning of an error of the pretended GPU."""
    operation = str(getattr(error, "func", ""))
    if isinstance(error, DataDependentOutputException):
        return f"a step reads a number from the device ({operation})"
    if isinstance(error, DynamicOutputShapeException):
        return f"a step waits for the shape of what it makes ({operation})"
    if isinstance(error, AssertionError):
        return str(error)
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
