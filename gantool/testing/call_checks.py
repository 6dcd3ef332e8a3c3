"""Promises of regularizers about the networks' inputs: whose labels, and whose gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import SkipTest

import torch

from gantool.testing.claims import require
from gantool.testing.network_calls import HookedCalls
from gantool.testing.promises import promise
from gantool.testing.style_networks import SMOOTH
from gantool.testing.trial import setting_for
from gantool.testing.watching import INSIDE_UPDATES, each_player, overrides

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool.interfaces.regularizer import Regularizer
    from gantool.testing.network_calls import NetworkCall

NEAR = 0.1
"""So much nearer to one input of the update than to all others is what was made of it."""


@promise("regularizer")
@each_player
def declares_image_gradients(component: Regularizer) -> None:
    """If it takes gradients in images, by step or by itself, `uses_image_gradient` says so."""
    hooked = HookedCalls().of_training(component)
    declared = component.uses_image_gradient
    asked = "it takes image gradients; uses_image_gradient is False"
    require(declared or not hooked.gradients, asked)
    own = f"`{', '.join(sorted(set(hooked.own_gradients)))}` takes gradients in images by itself"
    require(declared or not hooked.own_gradients, f"{own}; uses_image_gradient is False")


@promise("regularizer", when=overrides(*INSIDE_UPDATES))
@each_player
def keeps_real_and_generated_apart(component: Regularizer) -> None:
    """It shows the discriminator no batch of both kinds, whose statistics BatchNorm would mix."""
    for call in HookedCalls().of_training(component).calls:
        if call.player == "discriminator" and call.seen.real is not None:
            both = [_holds(call.inputs, own) for own in (call.seen.real, call.seen.fake)]
            joint = f"`{call.hook}` shows real and generated images in one batch"
            require(not all(both), joint)


@promise("regularizer", when=overrides(*INSIDE_UPDATES))
@each_player
def hands_on_the_right_labels(component: Regularizer) -> None:
    """Labels that it hands on with the update's own images or latents are theirs."""
    setting = setting_for(component)._replace(conditional=True)
    if refusal := setting.refusal(component):
        raise SkipTest(f"`check` refuses classes: {refusal}")
    for architecture in SMOOTH:
        hooked = HookedCalls().of_training(component, setting=setting, architecture=architecture)
        for call in hooked.calls:
            for row, allowed, given in _labels_of_rows(call):
                who = "images" if call.player == "discriminator" else "latents"
                finding = f"`{call.hook}` gives the label {given} to {who}[{row}], of {allowed}"
                require(given in allowed, finding)


def _labels_of_rows(call: NetworkCall) -> Iterator[tuple[int, list[int], int]]:
    """Yield rows of a call whose origin is known, the labels they may have, and that they have."""
    origins, labels, count = _origins(call)
    if call.labels is None or not count or origins.shape[1:] != call.inputs.flatten(1).shape[1:]:
        return
    for row, (one, given) in enumerate(zip(call.inputs.flatten(1), call.labels, strict=True)):
        distances = (origins - one).norm(dim=1)
        same = distances == 0
        nearest, second = distances.topk(2, largest=False).values
        if same.any():
            allowed = labels[same]
        elif nearest < NEAR * second:  # or between a real and a generated image of one row
            allowed = labels[int(distances.argmin()) % count :: count]
        else:
            continue
        yield row, sorted(set(allowed.tolist())), int(given)


def _origins(call: NetworkCall) -> tuple[Tensor, Tensor, int]:
    """Return the update's own inputs of a network, all in one, their labels, and how many rows."""
    seen = call.seen
    pairs = (
        [(seen.real, seen.real_labels), (seen.fake, seen.fake_labels)]
        if call.player == "discriminator"
        else [(seen.latents, seen.fake_labels)]
    )
    there = [(own, labels) for own, labels in pairs if own is not None and labels is not None]
    if not there:
        return torch.empty(0), torch.empty(0), 0
    inputs = torch.cat([own.detach().flatten(1) for own, _ in there])
    return inputs, torch.cat([labels for _, labels in there]), len(there[0][0])


def _holds(images: Tensor, own: Tensor | None) -> bool:
    """Whether any of some images is one of the update's own."""
    if own is None or images.shape[1:] != own.shape[1:]:
        return False
    return bool((images[:, None] == own.detach()).flatten(2).all(2).any())
