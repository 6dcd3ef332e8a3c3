"""Promises of every architecture about the two networks that it builds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import nn

from gantool.testing.harness.isolation import global_random_state, global_random_state_kept
from gantool.testing.harness.moments import gradients_of, require_right_gradients, weighted
from gantool.testing.harness.players import (
    CLASSES,
    COUNT,
    Players,
    build,
    build_each,
    disturbed,
    refusal_of,
    require_images,
    require_logits,
    require_outputs,
    supported_image,
)
from gantool.testing.harness.trial import (
    Setting,
    build_trial,
    require_frozen,
    take_steps,
    weights_of,
)
from gantool.testing.promises import promise, require, require_finite, require_same
from gantool.training.game import sources_of

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.interfaces.architecture import Architecture
    from gantool.testing.promises import Subject


@promise("architecture")
def generates_images(subject: Subject[Architecture]) -> None:
    """The generator makes an image [C, H, W] of each latent, in [-1, 1] if `is_bounded` says so."""
    for players in build_each(subject.example()):
        require_images(players, players.generate())
        require_images(players, players.evaluating().generate(1), 1)
        with torch.no_grad():
            for weight in _trained(players.generator):
                weight.mul_(10)  # as training may make them
        require_images(players, players.generate())


@promise("architecture")
def listens_to_every_latent(subject: Subject[Architecture]) -> None:
    """The generator makes other images of other latents, and each number in a latent counts."""
    for players in build_each(subject.example()):
        settled = disturbed(players).evaluating()
        latents = settled.latents.requires_grad_()
        (slope,) = gradients_of(weighted(settled.generate()), [latents])
        unused = [number for number, column in enumerate(slope.T) if not column.any()]
        count, all_ = len(unused), latents.shape[1]
        require(not unused, f"of {all_} numbers in a latent, {count} change nothing: {unused[:5]}")


@promise("architecture")
def gives_logits_for_each_image(subject: Subject[Architecture]) -> None:
    """The discriminator's output is [N], or [N, K] with one K, for three images and for one."""
    for players in build_each(subject.example()):
        three, one = players.discriminate(), players.evaluating().discriminate(1)
        require_logits(three, COUNT)
        require_logits(one, 1)
        found = f"{list(three.shape)} for three images and {list(one.shape)} for one"
        require(three.shape[1:] == one.shape[1:], f"logits of the discriminator are {found}")


@promise("architecture")
def divides_the_discriminator(subject: Subject[Architecture]) -> None:
    """The discriminator has `blocks`, and its forward is `head` after `features`."""
    for players in build_each(subject.example()):
        network: Any = players.evaluating().discriminator
        found = type(getattr(network, "blocks", None)).__name__
        require(found == nn.ModuleList.__name__, f"`blocks` is a {found}, not an nn.ModuleList")
        features = network.features(players.images, *players.given_labels())
        for part in features if isinstance(features, tuple) else (features,):
            rows = list(part.shape[:1]) if isinstance(part, torch.Tensor) else type(part).__name__
            require(rows == [COUNT], f"`features` is {rows}, no tensor or tuple of rows [{COUNT}]")
        logits = network.head(features, *players.given_labels())
        same = torch.equal(logits, players.discriminate())
        require(same, "`head` after `features` gives other logits than forward")


@promise("architecture")
def divides_the_generator(subject: Subject[Architecture]) -> None:
    """A generator that has `mapping` has `synthesis`, and its forward is one after the other."""
    for players in build_each(subject.example()):
        network: Any = disturbed(players).evaluating().generator
        parts = [name for name in ("mapping", "synthesis") if hasattr(network, name)]
        require(len(parts) != 1, f"the generator has `{', '.join(parts)}` alone")
        if parts:
            labels = players.given_labels()
            images = network.synthesis(network.mapping(players.latents, *labels), *labels)
            same = torch.equal(images, players.generate())
            require(same, "`synthesis` after `mapping` gives other images than forward")


@promise("architecture")
def trains(subject: Subject[Architecture]) -> None:
    """The engine trains its networks, with and without labels, and everything stays finite."""
    architecture = subject.example()
    image = supported_image(architecture)
    for conditional in (False, True):
        if refusal_of(architecture, image, CLASSES if conditional else 0) is None:
            setting = Setting(image, conditional, architecture.latent_dim)
            trainer = take_steps(build_trial(architecture=architecture, setting=setting), 2)
            for name, tensor in weights_of(trainer).items():
                require_finite(tensor, f"after 2 steps, {name}")


@promise("architecture")
def trains_every_parameter(subject: Subject[Architecture]) -> None:
    """Every trainable parameter of both networks gets a finite gradient."""
    for players in build_each(subject.example()):
        torch.autograd.backward([weighted(players.generate()), weighted(players.discriminate())])
        for name, parameter in _parameters(players).items():
            if parameter.requires_grad:
                require(parameter.grad is not None, f"the {name} gets no gradient")
                require_finite(_gradient(parameter), f"the gradient of the {name}")


@promise("architecture")
def leaves_frozen_parts_alone(subject: Subject[Architecture]) -> None:
    """Its `Frozen` parts keep every bit of their weights in training, and stay in evaluation."""
    architecture = subject.example()
    setting = Setting(supported_image(architecture), False, architecture.latent_dim)
    require_frozen(build_trial(architecture=architecture, setting=setting))


@promise("architecture")
def can_be_differentiated_twice(subject: Subject[Architecture]) -> None:
    """The gradient of the logits in the images has the right gradient in the trained weights."""
    for players in build_each(subject.example()):
        gradients = gradients_of(_squared_slope(players), _trained(players.discriminator))
        for gradient in gradients:
            require_finite(gradient, "in training, a gradient of the squared image gradient")
        constant = "the gradient of the logits in the images does not depend on the weights"
        require(any(bool(gradient.any()) for gradient in gradients), constant)
        still = players.in_float64().evaluating()  # where no statistics move between forward passes
        weights = _trained(still.discriminator)
        gradients = gradients_of(_squared_slope(still), weights)
        value = partial(_squared_slope, still)
        require_right_gradients(value, weights, gradients, "the squared image gradient")


@promise("architecture")
def can_be_saved(subject: Subject[Architecture]) -> None:
    """Networks of other weights that load its `state_dict` give the same outputs."""
    architecture = subject.example()
    saved, loaded = build(architecture), build(architecture, seed=1)
    require_outputs(saved)  # which moves its buffers too
    loaded.generator.load_state_dict(saved.generator.state_dict())
    loaded.discriminator.load_state_dict(saved.discriminator.state_dict())
    require_same(_outputs(loaded), _outputs(saved), "after loading the saved state")


@promise("architecture")
def builds_by_the_seed(subject: Subject[Architecture]) -> None:
    """The same seed of torch gives the same weights, and another seed gives others."""
    architecture = subject.example()
    first, again, other = (_weights(build(architecture, seed=seed)) for seed in (0, 0, 1))
    require_same(again, first, "with the same seed of torch")
    moved = any(not torch.equal(first[name], weight) for name, weight in other.items())
    require(moved, "another seed of torch gives the same weights")


@promise("architecture")
def draws_no_random_numbers(subject: Subject[Architecture]) -> None:
    """Forward passes draw no random numbers of their own: those are a `NoiseSource`'s."""
    for players in build_each(subject.example()):
        with global_random_state_kept():
            before = global_random_state()
            require_outputs(players)
            require(
                global_random_state() == before,
                "a forward pass draws numbers of its own; use a gantool.NoiseSource",
            )


@promise("architecture")
def asks_its_noise_sources_anew(subject: Subject[Architecture]) -> None:
    """In training, each forward pass of a network with a `NoiseSource` draws from it."""
    for players in build_each(subject.example()):
        for network, call in (
            (players.generator, players.generate),
            (players.discriminator, players.discriminate),
        ):
            for name, source in sources_of(network).items():
                call()
                with mock.patch.object(source, "_constant", wraps=source._constant) as drawn:
                    call()
                require(drawn.called, f"a second forward pass draws nothing from '{name}'")


@promise("architecture")
def says_whether_it_couples_images(subject: Subject[Architecture]) -> None:
    """Logits depend on other images of the batch exactly where `batch_coupling` says so."""
    architecture = subject.example()
    players = build(architecture)
    images = players.images.requires_grad_()
    (slope,) = torch.autograd.grad(players.discriminate()[0].sum(), images)
    coupled, said = bool(slope[1:].any()), architecture.batch_coupling()
    require(said is not None or not coupled, "a logit depends on other images, which is not said")
    require(said is None or coupled, "`batch_coupling` warns, but logits depend on one image each")


@promise("architecture")
def works_in_float64(subject: Subject[Architecture]) -> None:
    """Networks moved to float64 compute in float64."""
    for players in build_each(subject.example()):
        moved = players.in_float64()
        for what, output in (("images", moved.generate()), ("logits", moved.discriminate())):
            require(output.dtype == torch.float64, f"in float64, the {what} are {output.dtype}")


@promise("architecture")
def works_under_autocast(subject: Subject[Architecture]) -> None:
    """Under autocast to bf16, outputs have their shapes and range, and gradients are finite."""
    for players in build_each(subject.example()):
        with torch.autocast("cpu", torch.bfloat16):
            images, logits = players.generate(), players.discriminate()
        require_images(players, images)
        require_logits(logits, COUNT)
        torch.autograd.backward([weighted(images.float()), weighted(logits.float())])
        for name, parameter in _parameters(players).items():
            if parameter.grad is not None:
                require_finite(parameter.grad, f"under autocast, the gradient of the {name}")


def _squared_slope(players: Players) -> Tensor:
    """Return the sum of the squared gradient of the logits in the images."""
    images = players.images.detach().requires_grad_()
    logits = players._replace(images=images).discriminate()
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.square().sum()


def _trained(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights that are not frozen."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def _parameters(players: Players) -> dict[str, nn.Parameter]:
    return {
        f"{player}'s {name}": parameter
        for player, network in _networks(players).items()
        for name, parameter in network.named_parameters()
    }


def _weights(players: Players) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in _parameters(players).items()}


def _outputs(players: Players) -> dict[str, Tensor]:
    with torch.no_grad():
        evaluating = players.evaluating()
        return {"images": evaluating.generate(), "logits": evaluating.discriminate()}


def _networks(players: Players) -> dict[str, nn.Module]:
    return {"generator": players.generator, "discriminator": players.discriminator}


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros(()) if parameter.grad is None else parameter.grad
