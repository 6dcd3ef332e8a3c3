"""Random numbers inside networks: the engine's in training, fixed anywhere else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import DiscriminatorStep, Dropout, NoiseSource, Regularizer
from gantool.testing.harness.trial import in_threads, ranks_in_threads
from gantool_dcgan.plugin import DCGAN
from tests.trainers import assert_replays_are_eager_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

STEPS = 50
NETWORKS = DCGAN(
    width=4,
    latent_dim=6,
    generator_norm="none",
    discriminator_norm="none",
    noise=True,
    dropout=0.3,
)


class Looking(Regularizer):
    """Has the discriminator look once more, with dropout, and makes nothing of it."""

    name = "looking"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return 0 * step.discriminate(step.real, step.real_labels).sum()


def steps(trainer: Trainer, count: int) -> Trainer:
    for _ in range(count):
        trainer.one_step()
    return trainer


def weights(trainer: Trainer) -> list[Tensor]:
    networks = (each.network for each in trainer.game.competitors.values())
    return [weight.detach().clone() for network in networks for weight in network.parameters()]


def test_fifty_replays_are_eager_steps(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    run = {"steps": STEPS + 1, "log_every_steps": 100}
    build = partial(train, architecture=NETWORKS, training=run)
    assert_replays_are_eager_steps(build, bits, STEPS)


def test_a_resumed_run_draws_the_numbers_of_its_step(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    straight, before, after = (train(architecture=NETWORKS) for _ in range(3))
    steps(straight, 6)
    after.load(steps(before, 3).state())
    torch.manual_seed(1)  # which nothing is drawn from
    assert bits(steps(after, 3)) == bits(straight)


def test_each_update_and_each_call_has_numbers_of_its_own(train: Train) -> None:
    trainer = train(architecture=NETWORKS)
    drawn: list[Tensor] = []
    source = next(m for m in trainer.game.network("discriminator").modules() if type(m) is Dropout)
    uniform = source.uniform

    def noted(*shape: int) -> Tensor:
        drawn.append(uniform(*shape))
        return drawn[-1]

    source.uniform = noted  # type: ignore[method-assign]
    steps(trainer, 2)
    assert len(drawn) == 6  # real and fake, then fake, twice
    assert len({tuple(each.flatten().tolist()) for each in drawn}) == 6


def test_a_call_more_moves_nobody_elses_numbers(train: Train) -> None:
    plain, looking = (train(*more, architecture=NETWORKS) for more in ((), (Looking(),)))
    for one, other in zip(weights(steps(plain, 3)), weights(steps(looking, 3)), strict=True):
        assert torch.equal(one, other)


def test_two_ranks_draw_what_one_process_does(train: Train) -> None:
    def build(**more: Any) -> Trainer:
        return train(architecture=NETWORKS, device={"precision": "float64"}, **more)

    alone = weights(steps(build(), 3))
    apart = [build(ranks=ranks) for ranks in ranks_in_threads(2)]
    for trainer in in_threads(steps, apart, [3, 3]):
        for one, other in zip(weights(trainer), alone, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_outside_of_training_the_numbers_are_fixed_and_the_same_for_each_image() -> None:
    source, other = NoiseSource(), NoiseSource(seed=1)
    first = source.normal(4, 2, 3)
    assert torch.equal(first[0], first[3])
    assert torch.equal(source.normal(2, 2, 3), first[:2])
    assert not torch.equal(other.normal(4, 2, 3), first)
    assert NoiseSource().double().normal(4, 2, 3).dtype == torch.float64
    assert not [*source.parameters(), *source.buffers()]
    assert source.state_dict() == {}


def test_dropout_keeps_the_mean_and_is_nothing_in_evaluation() -> None:
    layer = Dropout(0.25)
    ones = torch.ones(1, 20_000)
    dropped = layer(ones)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(layer.eval()(ones), ones)
    assert torch.equal(Dropout(0.0)(ones), ones)


def test_a_traced_generator_holds_the_numbers_as_constants() -> None:
    from gantool import ImageShape

    generator = NETWORKS.generator(ImageShape(3, 16, 16), 0).eval()
    with torch.no_grad():
        for name, weight in generator.named_parameters():
            if name.endswith("amount"):
                weight.fill_(0.5)
        latents = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
        expected = generator(latents)
        program = torch.export.export(generator, (latents,))
        assert torch.equal(program.module()(latents), expected)
        silent = NETWORKS.model_copy(update={"noise": False})
    assert isinstance(silent.generator(ImageShape(3, 16, 16), 0), nn.Module)
