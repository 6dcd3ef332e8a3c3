"""The parts that torch.compile translates: forwards, and the gradients that penalties take."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.func import functional_call, grad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from gantool.interfaces.step import Features, Player
    from gantool.training.players import Competitor
    from gantool.training.regularization import Regularization

log = logging.getLogger("gantool")


class Compiled:
    """A function as torch.compile translates it; where that fails, the function itself.

    `what` names it in messages; `source`, which computes the same, is translated in its place.
    """

    def __init__(
        self, plain: Callable[..., Any], what: str, source: Callable[..., Any] | None = None
    ) -> None:
        self._plain, self._what = plain, what
        self._call: Callable[..., Any] = torch.compile(source or plain)

    def __call__(self, *inputs: object) -> Any:
        """Call it, and translate it first if that has not been tried."""
        try:
            return self._call(*inputs)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # which is what all of the compiler's errors are
            if self._call is self._plain:
                raise
            result = self._plain(*inputs)  # which fails too if it is at fault
            reason = str(error).strip().partition("\n")[0]
            log.warning("%s cannot be compiled: %s", self._what, reason)
            self._call = self._plain
            return result


def compiled_networks(
    competitors: Mapping[Player, Competitor], regularization: Regularization
) -> dict[Player, Callable[..., Any]]:
    """Return the networks as torch.compile calls them; weights and names stay the same."""
    compiled: dict[Player, Callable[..., Any]] = {}
    if regularization.need_both_graphs:  # they are differentiated twice, which compiled ones cannot
        return compiled
    for player, each in competitors.items():
        network = each.network
        if player != "discriminator" or not regularization.need_features:
            compiled[player] = Compiled(network, f"the {player}")
        elif not (network._forward_hooks or network._forward_pre_hooks):
            plain, source = partial(with_features, network), partial(head_after_features, network)
            compiled[player] = Compiled(plain, f"the {player}", source)
    return compiled


def compiled_gradient() -> Compiled:
    """Return `image_gradient` as torch.compile calls it."""
    what = "the discriminator's gradient in images"
    return Compiled(image_gradient, what, translatable_image_gradient)


def with_features(network: nn.Module, images: Tensor, *labels: Tensor) -> tuple[Tensor, Features]:
    """Return a discriminator's logits and the features that they come from.

    The network itself is called, as its hooks are its too; only its forward lends an ear.
    """
    kept: list[Features] = []

    def forward(images: Tensor, *labels: Tensor) -> Tensor:
        logits, features = head_after_features(network, images, *labels)
        kept.append(features)
        return logits

    own = vars(network).get("forward")  # which a regularizer may have given it
    network.forward = forward
    try:
        logits: Tensor = network(images, *labels)
    finally:
        if own is None:
            del network.forward  # its class's comes back
        else:
            network.forward = own
    return logits, kept[0]


def head_after_features(
    network: nn.Module, images: Tensor, *labels: Tensor
) -> tuple[Tensor, Features]:
    """Return what `with_features` does of a network without hooks; the compiler follows this."""
    divided: Any = network
    features: Features = divided.features(images, *labels)
    logits: Tensor = divided.head(features, *labels)
    return logits, features


def image_gradient(
    network: nn.Module, buffers: Mapping[str, Tensor], images: Tensor, *labels: Tensor
) -> Tensor:
    """Return d sum D(x) / dx at images [N, C, H, W], which can be differentiated once more.

    Args:
        network: The discriminator.
        buffers: Stand in for its own, which stay as they are.
        images: Where the gradient is taken, [N, C, H, W].
        labels: int64 [N], in a conditional run.
    """
    inputs = images if images.requires_grad else images.detach().requires_grad_()
    with torch.enable_grad():
        logits = functional_call(network, dict(buffers), (inputs, *labels))  # [N] or [N, K]
        (gradient,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return gradient


def translatable_image_gradient(
    network: nn.Module, buffers: Mapping[str, Tensor], images: Tensor, *labels: Tensor
) -> Tensor:
    """Return what `image_gradient` does; the compiler follows torch.func, and not autograd.grad."""

    def total(images: Tensor, buffers: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = functional_call(network, dict(buffers), (images, *labels))
        return logits.sum()

    gradient: Tensor = grad(total)(images, buffers)
    return gradient
