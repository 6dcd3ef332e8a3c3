"""Values that plugins return in a step: kind, shape, type and device are looked at, never numbers.

Nothing here waits for the device, and a recorded step is looked at while it is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from gantool.registry.calling import call, described, misbehaved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.interfaces.loss import Loss
    from gantool.interfaces.step import Player
    from gantool.training.regularization import Active


def like(active: Active, hook: str, found: Any, given: Tensor) -> Tensor:
    """Return what a hook returned, if it can stand where a given tensor stood.

    Raises:
        PluginError: When it is no tensor, or one of another shape, type or device.
    """
    if (objection := _objection(found, given)) is None:
        return found  # type: ignore[no-any-return]
    raise active.misbehaved(hook, objection, described(given))


def images(active: Active, found: Any, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `batch` returned, if it is real images and generated ones.

    Raises:
        PluginError: When it is something else.
    """
    if not isinstance(found, tuple | list) or len(found) != 2:
        expected = f"two tensors, real and generated images, {described(real)}"
        raise active.misbehaved("batch", described(found), expected)
    return like(active, "batch", found[0], real), like(active, "batch", found[1], fake)


def weights(active: Active, found: Any, terms: Tensor) -> Tensor | None:
    """Return what `sample_weights` returned, if it is None or a weight for each term.

    Raises:
        PluginError: When it is something else; [N, 1] would broadcast to [N, N] in silence.
    """
    return None if found is None else like(active, "sample_weights", found, terms)


def scalar(active: Active, hook: str, found: Any, near: Tensor) -> Tensor:
    """Return what a penalty returned, if it is a scalar on the device of another tensor.

    Raises:
        PluginError: When it is something else.
    """
    if _is_scalar(found, near) and found.is_floating_point():
        return found  # type: ignore[no-any-return]
    expected = described(near.new_zeros(()))
    raise active.misbehaved(hook, described(found), expected)


def objection_to_output(found: Any, shape: Sequence[int], given: Tensor) -> tuple[str, str] | None:
    """Return what a network returned and what it should have; None if it is images or logits.

    Args:
        found: What it returned.
        shape: [N, C, H, W] of a generator, [N] of a discriminator.
        given: Its inputs.
    """
    if (
        isinstance(found, Tensor)
        and found.shape == tuple(shape)
        and found.is_floating_point()
        and found.device == given.device
    ):
        return None
    return described(found), f"a tensor of shape {[*shape]} (a floating-point type, {given.device})"


def terms_of(loss: Loss, player: Player, logits: Tensor, others: Tensor | None) -> Tensor:
    """Return a loss's terms for a player's update, [N].

    Args:
        loss: The recipe's.
        player: Whose; the method of the loss is called like it.
        logits: Its first argument, [N].
        others: Its second argument, [N], if it gets one.

    Raises:
        PluginError: When it fails, or returns no terms of the logits' shape, type and graph.
    """
    found = call(loss, player, logits, others)
    if (objection := _objection(found, logits)) is not None:
        raise misbehaved(loss, player, objection, described(logits))
    if logits.requires_grad and not found.requires_grad:
        raise misbehaved(
            loss, player, f"{described(found)} without a graph", "one that depends on its logits"
        )
    return found  # type: ignore[no-any-return]


def figures(active: Active, found: Any, near: Tensor) -> dict[str, Tensor]:
    """Return copies of what `figures` returned, by the names of the record.

    Raises:
        PluginError: When it is not scalars by name.
    """
    expected = f"tensors of shape [] by name, all on {near.device}"
    if not isinstance(found, Mapping):
        raise active.misbehaved("figures", described(found), expected)
    for name, value in found.items():
        if not isinstance(name, str) or not _is_scalar(value, near):
            raise active.misbehaved("figures", f"{described(value)} as {name!r}", expected)
    return {f"{active.stream}/{name}": value.clone() for name, value in found.items()}


def _is_scalar(found: Any, near: Tensor) -> bool:
    return isinstance(found, Tensor) and found.dim() == 0 and found.device == near.device


def _objection(found: Any, given: Tensor) -> str | None:
    """Return what stands in the place of a tensor, if it cannot stand there."""
    if not isinstance(found, Tensor):
        return described(found)
    same = (
        found.shape == given.shape and found.dtype == given.dtype and found.device == given.device
    )
    return None if same else described(found)
