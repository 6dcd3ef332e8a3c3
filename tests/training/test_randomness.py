"""Random numbers follow from seed, stream, moment and place, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from gantool import DiscriminatorStep, GeneratorStep, Player, Regularizer, Step, Update
from gantool.data.batches import Rows
from gantool.interfaces.step import PLAYERS
from gantool.training.randomness import Draws, Streams, global_seed, seed_of

if TYPE_CHECKING:
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

Drawn = dict[str, list[Tensor]]


class Drawing(Regularizer):
    """Draws in every hook that has a step."""

    name = "drawing"
    drawn: ClassVar[Drawn]

    def note(self, hook: str, step: Step) -> None:
        noise = step.random.normal(8, 3)
        self.drawn.setdefault(f"{step.player} {hook}", []).append(noise)

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        self.note("latents", step)
        return latents

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        self.note("batch", step)
        return real, fake

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        self.note("transform", step)
        return images

    @override
    def sample_weights(self, step: Step) -> None:
        self.note("sample_weights", step)

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        self.note("penalty", step)
        return 0 * step.discriminate(step.fake).sum()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)

    @override
    def around_update(self, update: Update, step: Step) -> None:
        self.note("before", step)
        update()
        self.note("behind", step)

    @override
    def after_update(self, step: Step) -> None:
        self.note("after", step)


class Busy(Regularizer):
    """Draws much, looks ahead, and calls the discriminator with its transforms."""

    name = "busy"

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        step.discriminate(step.generate(latents))
        return latents + step.random.normal(1)

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + step.random.normal(*images.shape)

    @override
    def around_update(self, update: Update, step: Step) -> None:
        other: Player = "generator" if step.player == "discriminator" else "discriminator"
        step.random.uniform(5)
        with step.snapshot(other):
            update(other)
        update()
        with step.snapshot(other):
            update(other)

    @override
    def after_update(self, step: Step) -> None:
        step.random.normal(2)


class Views(Regularizer):
    """Noise for every image, one brightness for all, and noisy penalties."""

    name = "views"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        noise = step.random.normal(*images.shape)
        return images + 0.1 * noise + step.random.uniform()

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        swap = step.random.integers(0, 2, len(real), 1, 1, 1) == 1
        return torch.where(swap, fake, real), torch.where(swap, real, fake)

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return latents + 0.1 * step.random.normal(*latents.shape)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        share = step.random.uniform(len(step.real), 1, 1, 1)
        mixed = share * step.real + (1 - share) * step.fake
        slope = step.image_gradient(mixed, step.real_labels)  # [N, C, H, W]
        return (slope.square().sum((1, 2, 3)).sqrt() - 1).square().mean()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        again = step.generate(step.latents + step.random.normal(), step.fake_labels)
        return -0.1 * (again - step.fake).square().mean()


def draws_of(train_plain: Train, *beside: Regularizer, first: bool = False) -> Drawn:
    drawn: Drawn = {}
    kind = type("Recorded", (Drawing,), {"drawn": drawn, "__module__": __name__})
    regularizers = [*beside, kind()] if first else [kind(), *beside]
    trainer = train_plain(*regularizers)
    for _ in range(2):
        trainer.one_step()
    return drawn


def as_bytes(noises: list[Tensor]) -> set[bytes]:
    return {noise.numpy().tobytes() for noise in noises}


@pytest.mark.parametrize("first", [False, True])
def test_draws_do_not_depend_on_who_else_is_installed_nor_where(
    train_plain: Train, first: bool
) -> None:
    alone, beside = draws_of(train_plain), draws_of(train_plain, Busy(), first=first)
    hooks = ["latents", "transform", "sample_weights", "penalty", "before", "behind", "after"]
    places = [f"{player} {hook}" for player in PLAYERS for hook in hooks]
    assert sorted(alone) == sorted(beside) == sorted([*places, "discriminator batch"])
    for place, noises in alone.items():
        # a busy neighbor's calls and look-aheads add draws and change none
        assert as_bytes(noises) <= as_bytes(beside[place]), place


def test_every_place_and_moment_has_draws_of_its_own(train_plain: Train) -> None:
    drawn = draws_of(train_plain)
    noises = [noise for noises in drawn.values() for noise in noises]
    assert len(noises) == 36  # in 2 steps, 10 in a discriminator update and 8 in a generator one
    numbers = torch.cat([noise.flatten() for noise in noises]).tolist()
    assert len(set(numbers)) == len(numbers)


def test_a_second_regularizer_of_a_name_has_draws_of_its_own(train_plain: Train) -> None:
    drawn: Drawn = {}
    kind = type("Recorded", (Drawing,), {"drawn": drawn, "__module__": __name__})
    train_plain(kind(), kind()).one_step()
    assert {len(noises) for noises in drawn.values()} == {2, 6, 8}
    for noises in drawn.values():
        assert len(as_bytes(noises)) == len(noises)


def test_latents_do_not_depend_on_regularizers_and_change_with_seed_and_moment(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    def latents(seed: int, *regularizers: Regularizer) -> list[Tensor]:
        trainer = train_plain(*regularizers, training={"seed": seed, "discriminator_updates": 2})
        game = follow(trainer)
        trainer.one_step()
        trainer.one_step()
        return game.latents

    class Noise(Regularizer):
        """Noise for every image."""

        name = "noise"

        @override
        def transform(self, images: Tensor, step: Step) -> Tensor:
            return images + step.random.normal(*images.shape)

    alone = latents(0)
    assert len(as_bytes(alone)) == len(alone) == 6
    assert all(map(torch.equal, alone, latents(0, Noise())))
    assert not as_bytes(alone) & as_bytes(latents(1))


def test_slices_of_a_batch_see_the_draws_of_the_whole_batch(train_plain: Train) -> None:
    def trained(accumulate: int) -> Trainer:
        trainer = train_plain(
            Views(),
            training={
                "accumulate": accumulate,
                "conditional": True,
                "last_batch": "keep",
                "log_every_steps": 5,
            },
            count=21,  # batches of 8, 8 and 5
            classes=3,
            image={"size": 2, "channels": 1, "horizontal_flip": True},
        )
        for _ in range(5):
            trainer.one_step()
        return trainer

    whole = trained(1)
    figures = whole.game.totals.means()
    assert {"penalty/views", "generator_gradient_norm", "real_score"} <= figures.keys()
    for slices in (2, 3, 8):
        sliced = trained(slices)
        for player in PLAYERS:
            weights = (dict(t.game.network(player).state_dict()) for t in (sliced, whole))
            torch.testing.assert_close(*weights, rtol=0, atol=1e-9)
        assert sliced.game.totals.means() == pytest.approx(figures, abs=1e-9)


def test_rows_keep_their_part_of_what_is_drawn_for_each_image() -> None:
    streams = Streams(5, torch.device("cpu"), torch.float64)

    def draws(rows: Rows) -> Draws:
        streams.begin(7, "generator")
        return Draws(streams, "name", "place", rows)

    whole = draws(Rows(0, 8, 8)).normal(8, 2)
    assert torch.equal(draws(Rows(2, 5, 8)).normal(3, 2), whole[2:5])
    first, second = draws(Rows(2, 5, 8)).normal(4, 2), draws(Rows(5, 8, 8)).normal(4, 2)
    assert torch.equal(first, second)  # another first dimension is drawn whole, the same for all
    assert draws(Rows(2, 5, 8)).uniform().shape == ()
    numbers = draws(Rows(0, 8, 8)).integers(3, 9, 8)
    assert torch.equal(draws(Rows(6, 8, 8)).integers(3, 9, 2), numbers[6:])
    again = draws(Rows(0, 8, 8))
    assert not torch.equal(again.normal(8, 2), again.normal(8, 2))  # a second draw goes on


def test_streams_depend_on_each_part_of_their_key() -> None:
    def numbers(*, seed: int = 1, attempt: int = 0, stream: str = "a", place: str = "b") -> Tensor:
        streams = Streams(seed, torch.device("cpu"), attempt=attempt)
        streams.begin(0, "discriminator", 0)
        return Draws(streams, stream, place, Rows(0, 4, 4)).normal(4)

    seen = [numbers(), numbers(seed=2), numbers(attempt=1), numbers(stream="b"), numbers(place="a")]
    assert len(as_bytes(seen)) == len(seen)
    assert torch.equal(numbers(), numbers())


def test_seeds_tell_keys_apart_and_fit_a_generator() -> None:
    keys: list[tuple[str | int, ...]] = [
        (1, "2"),
        ("1", 2),
        (1, 2),
        ("12",),
        (12,),
        ("1", "2"),
        (1, "2", ""),
        (),
    ]
    seeds = {seed_of(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_global_seed_is_borrowed() -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    with global_seed(9):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with global_seed(9):
        assert torch.equal(torch.rand(3), first)
