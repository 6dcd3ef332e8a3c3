"""The objective of an update: generated images, the forward passes, the loss, the penalties."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from gantool.errors import PluginError
from gantool.registry.calling import owner_of
from gantool.registry.plugin import said
from gantool.training.randomness import Draws
from gantool.training.regularization import penalty_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.data.batches import Batch
    from gantool.interfaces.step import Player
    from gantool.training.game import Game
    from gantool.training.step.view import UpdateStep


def generate(step: UpdateStep, *, with_graph: bool) -> None:
    """Draw latents and labels, let the regularizers change the latents, and generate."""
    game, seen = step.game, step.seen
    draws = Draws(game.streams, "latents", "", step.rows)
    seen.latents = draws.normal(step.rows.count, game.setup.latent_dim)
    seen.fake_labels = _labels(step)
    for active in game.regularization.having("latents", step.player):
        seen.latents = active.changed("latents", seen.latents, step.for_(active, "latents"))
    with torch.set_grad_enabled(with_graph), step.noisy("generator", "fake"):
        seen.fake, _ = game.forward("generator", seen.latents, seen.fake_labels)


def _labels(step: UpdateStep) -> Tensor | None:
    """Draw labels, all equally often or as frequent as in the data; None unless conditional."""
    game, count = step.game, step.rows.count
    labels = game.batches.labels
    if labels is None:
        return None
    draws = Draws(game.streams, "labels", "", step.rows)
    if game.uniform_labels:
        return draws.integers(0, game.setup.classes, count)
    return labels[draws.integers(0, len(labels), count)]


def objective(step: UpdateStep, real: Batch, updates_done: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what the player minimizes, a scalar, and figures for the record, scalars by name.

    The mean of the loss's terms over an image's logits, then the weighted one over images, plus the
    penalties. The step has its images; it is told everything that is computed.
    """
    game, player = step.game, step.player
    _look_at(step, real)
    terms = game.terms(player, step.seen.real_logits, step.fake_logits)  # [N] or [N, K]
    loss = _weighted(step, terms if terms.dim() == 1 else terms.mean(1)).mean()
    figures = _scores(step) if game.competitors[player].turn.takes_batches else {}
    figures[f"{player}_loss"] = loss
    hook = penalty_of(player)
    for active in game.regularization.having(hook, player):
        if updates_done % active.every == 0:
            penalty = active.penalty(hook, step.for_(active, hook))
            figures[f"penalty/{active.stream}"] = penalty
            loss = loss + active.every * penalty
    return loss, figures


def _look_at(step: UpdateStep, real: Batch) -> None:
    """Let the discriminator see the real images, if anybody needs that, and the fakes."""
    game, seen, player = step.game, step.seen, step.player
    takes_batches = game.competitors[player].turn.takes_batches
    if takes_batches or game.needs_real_in_generator:
        seen.real, seen.real_labels = real.images, real.labels
    for active in game.regularization.having("batch", player) if takes_batches else ():
        seen.real, seen.fake = active.batch(step.for_(active, "batch"))
    if seen.real is not None:
        shown = step.show(seen.real, "real")
        with step.noisy("discriminator", "real"):
            found = game.forward("discriminator", shown, seen.real_labels)
        seen.real_logits, seen.real_features = found  # [N] or [N, K]
    shown = step.show(step.fake, "fake")
    with step.noisy("discriminator", "fake"):
        found = game.forward("discriminator", shown, seen.fake_labels)
    seen.fake_logits, seen.fake_features = found


def _weighted(step: UpdateStep, terms: Tensor) -> Tensor:
    """Return the terms times the weights that regularizers give them, [N]."""
    for active in step.game.regularization.having("sample_weights", step.player):
        weights = active.weights(step.for_(active, "sample_weights"), terms)
        terms = terms if weights is None else terms * weights
    return terms


@torch.no_grad()
def _scores(step: UpdateStep) -> dict[str, Tensor]:
    """Return mean D(x) and D(G(z)) as probabilities, before the update."""
    return {
        "real_score": step.real_logits.sigmoid().mean(),
        "fake_score": step.fake_logits.sigmoid().mean(),
    }


@contextmanager
def differentiating(game: Game, player: Player) -> Iterator[None]:
    """Name the parts of the objective, where it cannot be differentiated.

    No line of a plugin's is running by then: any part of the objective may be at fault.
    """
    try:
        yield
    except Exception as error:  # as torch has no exceptions of its own for it
        penalties = game.regularization.having(penalty_of(player), player)
        parts = [game.architecture, game.loss, *(each.component for each in penalties)]
        reason = said(error).strip().partition("\n")[0]
        raise PluginError(
            f"the {player}'s objective cannot be differentiated: {type(error).__name__}: {reason}",
            f"one of these is at fault: {', '.join(owner_of(part).title for part in parts)}; "
            "gantool check-plugin NAME tries each by itself",
        ) from error
