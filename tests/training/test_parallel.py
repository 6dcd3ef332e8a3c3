"""Several ranks, through gloo, are one process: the same weights, figures, stops and saves."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import DivergedError, RecipeError, Regularizer, Step
from gantool.data.batches import Rows, all_rows
from gantool.recipe.schema import CheckpointsTable
from gantool.runs.checkpoints import Checkpoints
from gantool.testing.harness.trial import in_threads, ranks_in_threads
from gantool.training.device.graphs import WARM_UP, GraphedTurns
from gantool.training.device.ranks import SynchronizedBatchNorm, synchronize
from gantool.training.observers import Observer
from gantool.training.state.saving import Saver
from gantool_augmentation.plugin import DiffAugment
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1, WganGP
from gantool_losses.plugin import Wasserstein
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gantool.training.device.ranks import Ranks
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

STEPS = 20


def take(trainer: Trainer, steps: int) -> Trainer:
    for _ in range(steps):
        trainer.one_step()
    return trainer


def distance(a: Trainer, b: Trainer) -> float:
    """Return the largest difference of any weight, buffer or average."""
    ours, theirs = (
        a.state(),
        b.state(),
    )
    pairs = [
        (tensor, theirs["networks"][player][name])
        for player, tensors in ours["networks"].items()
        for name, tensor in tensors.items()
    ]
    assert pairs
    return max(float((one - other).abs().max()) for one, other in pairs)


MODELS: dict[str, dict[str, Any]] = {
    "base": {},
    "spectral": {"regularizers": [SpectralNorm()]},
    "wgan-gp": {
        "regularizers": [WganGP()],
        "loss": Wasserstein(),
        "architecture": DCGAN(width=8, latent_dim=10, discriminator_norm="none"),
        "training": {"discriminator_updates": 2},
    },
    "augmented": {
        "regularizers": [R1(every_steps=2), DiffAugment()],
        "architecture": DCGAN(width=8, latent_dim=10, discriminator_norm="none"),
    },
    "conditional, mirrored": {
        "training": {"conditional": True},
        "classes": 3,
        "image": {"horizontal_flip": True},
    },
}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_ranks_make_the_steps_of_one_process(train: Train, model: str, count: int) -> None:
    options = {**MODELS[model]}
    regularizers = options.pop("regularizers", [])
    training = {
        "last_batch": "keep",
        "steps": STEPS,
        "log_every_steps": 7,
        **options.pop("training", {}),
    }

    def build(ranks: Ranks | None = None) -> Trainer:
        return train(
            *regularizers,
            count=22,  # batches of 8, 8 and 6
            training=training,
            device={"precision": "float64"},
            ranks=ranks,
            **options,
        )

    alone = take(build(), STEPS)
    apart = [build(ranks) for ranks in ranks_in_threads(count)]
    in_threads(take, apart, [STEPS] * count)
    for rank in apart:
        assert distance(alone, rank) < 1e-9
        assert distance(apart[0], rank) == 0
        assert rank.game.totals.means() == apart[0].game.totals.means()
        assert rank.game.totals.means() == pytest.approx(alone.game.totals.means(), rel=1e-9)


class Recorder:
    """Its replays are the work itself, unless it is at fault."""

    def __init__(self, trainer: Trainer, fault: str) -> None:
        self.network = trainer.game.network("generator")
        self.fault = fault

    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        del generators
        if self.fault == "fails":
            raise RuntimeError("out of memory")
        return lambda: self.replay(work)

    @torch.no_grad()
    def replay(self, work: Callable[[], None]) -> None:
        with torch.enable_grad():
            work()
        if self.fault == "differs":
            for weight in self.network.parameters():
                weight.add_(1.0)


@pytest.mark.parametrize("fault", ["fails", "differs"])
def test_where_one_rank_cannot_record_its_steps_no_rank_does(train: Train, fault: str) -> None:
    pair = [train(device={"precision": "float64"}, ranks=ranks) for ranks in ranks_in_threads(2)]
    recorded = []
    for trainer, its_fault in zip(pair, ("none", fault), strict=True):
        trainer.turns = turns = GraphedTurns(trainer.game, Recorder(trainer, its_fault))
        recorded.append(turns)
    in_threads(take, pair, [WARM_UP + 3] * 2)
    assert not any(turns.is_recording for turns in recorded)
    alone = take(train(device={"precision": "float64"}), WARM_UP + 3)
    assert all(distance(alone, trainer) < 1e-9 for trainer in pair)


def test_each_rank_works_through_its_rows_in_slices(train_plain: Train) -> None:
    def build(ranks: Ranks | None = None) -> Trainer:
        return train_plain(training={"accumulate": 3}, ranks=ranks)

    pair = [build(ranks) for ranks in ranks_in_threads(2)]
    in_threads(take, pair, [5, 5])
    alone = take(train_plain(), 5)
    assert all(distance(alone, trainer) < 1e-12 for trainer in pair)


def test_without_synchronization_batch_norm_sees_each_ranks_images(train: Train) -> None:
    def build(ranks: Ranks | None = None) -> Trainer:
        training = {"synchronize_batch_norm": False}
        return train(training=training, device={"precision": "float64"}, ranks=ranks)

    apart = [build(ranks) for ranks in ranks_in_threads(2)]
    in_threads(take, apart, [3, 3])
    assert distance(take(build(), 3), apart[0]) > 1e-6
    for trainer in apart:  # weights agree all the same
        assert not any(
            isinstance(m, SynchronizedBatchNorm)
            for m in trainer.game.network("generator").modules()
        )
    weights = [dict(t.game.network("generator").named_parameters()) for t in apart]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("momentum", [0.1, None])
def test_synchronized_batch_norm_is_batch_norm_of_all_images(momentum: float | None) -> None:
    """Value, first and second derivatives, running statistics; ranks of 3 and 5 images."""
    torch.manual_seed(0)
    images = torch.randn(8, 4, 3, 3, dtype=torch.float64)
    plain = nn.BatchNorm2d(4, momentum=momentum, dtype=torch.float64)
    nn.init.normal_(plain.weight)

    def slopes(layer: nn.Module, mine: Tensor) -> list[Tensor]:
        mine = mine.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(layer(mine).pow(3).sum(), mine, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), mine)
        return [gradient.detach(), second]

    parts = Rows(0, 8, 8).divided(2)

    def work(ranks: Ranks) -> tuple[list[Tensor], nn.Module]:
        layer = nn.BatchNorm2d(4, momentum=momentum, dtype=torch.float64)
        layer.load_state_dict(start)
        layers = synchronize(nn.Sequential(layer), ranks)
        with ranks.at_work():
            return slopes(layers, parts[ranks.index].of(images)), layers[0]  # type: ignore[index]

    start = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    expected = slopes(plain, images)
    found = in_threads(work, ranks_in_threads(2))
    for index, value in enumerate(expected):
        torch.testing.assert_close(torch.cat([each[0][index] for each in found]), value)
    for _, layer in found:
        torch.testing.assert_close(dict(layer.state_dict()), dict(plain.state_dict()))


def test_a_rank_that_samples_by_itself_does_not_wait_for_the_others(train: Train) -> None:
    ranks, _ = ranks_in_threads(2)
    generator = train(ranks=ranks).game.network("generator")
    assert any(isinstance(layer, SynchronizedBatchNorm) for layer in generator.modules())
    assert generator(torch.randn(4, 10)).shape == (4, 3, 16, 16)


class StopAt(Observer):
    """Wants to stop after a step."""

    def __init__(self, step: int) -> None:
        self.at = step
        self.now = 0

    @override
    def after_step(self, step: int) -> None:
        self.now = step

    @override
    def wants_stop(self) -> str | None:
        return "SIGTERM" if self.now >= self.at else None


def test_all_ranks_stop_after_the_same_step_and_one_of_them_saves(
    train: Train, tmp_path: Path
) -> None:
    apart = [train(ranks=ranks) for ranks in ranks_in_threads(3)]
    for trainer in apart:
        writes = trainer.game.ranks.index == 0
        folder = tmp_path / str(trainer.game.ranks.index)
        trainer.saver = Saver(Checkpoints(folder, "run"), CheckpointsTable(), writes=writes)
    in_threads(lambda trainer, observers: trainer.train(observers), apart, [[], [], [StopAt(3)]])
    assert [trainer.step for trainer in apart] == [4, 4, 4]  # known to all one step later
    assert {trainer.stop_reason for trainer in apart} == {"SIGTERM"}
    assert [c.step for c in Checkpoints(tmp_path / "0", "run").all()] == [4, 0]
    assert not (tmp_path / "1").exists()


def test_when_the_first_ranks_clock_says_so_all_ranks_compare_and_save(
    train: Train, tmp_path: Path
) -> None:
    apart = [train(ranks=ranks, training={"steps": 6}) for ranks in ranks_in_threads(2)]
    for trainer in apart:
        table = CheckpointsTable(every_seconds=1e-9, every_steps=4)
        trainer.saver = Saver(
            Checkpoints(tmp_path, "run", keep_last=9), table, writes=trainer.game.ranks.index == 0
        )
    in_threads(lambda trainer: trainer.train(), apart)
    steps = {c.step for c in Checkpoints(tmp_path, "run").all()}
    assert {0, 2, 4, 6} <= steps  # the wish of the first step is granted after the second


class Private(Regularizer):
    """Do what no regularizer may: move weights by what only this process knows."""

    name = "private"

    @override
    def after_update(self, step: Step) -> None:
        torch.nn.init.uniform_(next(step.network("discriminator").parameters()))


def test_ranks_that_have_drifted_apart_are_noticed_before_a_save(
    train: Train, tmp_path: Path
) -> None:
    apart = [train(Private(), ranks=ranks, training={"steps": 2}) for ranks in ranks_in_threads(2)]

    def attempt(trainer: Trainer) -> str:
        trainer.saver = Saver(
            Checkpoints(tmp_path, "run"), CheckpointsTable(), writes=trainer.game.ranks.index == 0
        )
        with pytest.raises(
            DivergedError, match=r"2 processes no longer agree on discriminator\."
        ) as caught:
            trainer.train()
        return str(caught.value.hint)

    assert all("step.random" in hint for hint in in_threads(attempt, apart))
    assert [c.step for c in Checkpoints(tmp_path, "run").all()] == [0]


def test_a_state_that_is_not_finite_takes_all_ranks_back_together(
    train: Train, tmp_path: Path
) -> None:
    """Weights are the same everywhere: each process finds what the one that saves would find."""
    options = {"steps": 4, "on_divergence": "rollback", "rollbacks": 1, "log_every_steps": 100}
    apart = [train(ranks=ranks, training=options) for ranks in ranks_in_threads(2)]

    def attempt(trainer: Trainer) -> tuple[int, int]:
        writes = trainer.game.ranks.index == 0
        table = CheckpointsTable(every_steps=2)
        trainer.saver = Saver(Checkpoints(tmp_path, "run"), table, writes=writes)
        trainer.train([Spoil(trainer)])
        return trainer.step, trainer.game.streams.attempt

    assert in_threads(attempt, apart) == [(4, 1), (4, 1)]
    assert [c.step for c in Checkpoints(tmp_path, "run").all()] == [4, 2, 0]


class Spoil(Observer):
    """Spoils a weight before the save of step 2, the first time."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    @override
    def after_step(self, step: int) -> None:
        if step == 2 and self._trainer.game.streams.attempt == 0:
            weight = next(self._trainer.game.network("discriminator").parameters())
            torch.nn.init.constant_(weight, float("nan"))


def test_a_run_goes_on_with_another_number_of_ranks(train: Train) -> None:
    def build(ranks: Ranks | None = None) -> Trainer:
        return train(
            SpectralNorm(),
            ema={"half_life_images": 50.0},
            device={"precision": "float64"},
            ranks=ranks,
        )

    alone = take(build(), 6)
    pair = [build(ranks) for ranks in ranks_in_threads(2)]
    in_threads(take, pair, [3, 3])
    content = io.BytesIO()
    torch.save(pair[0].state(), content)

    def go_on(trainer: Trainer) -> Trainer:
        trainer.load(torch.load(io.BytesIO(content.getvalue()), weights_only=True))
        return take(trainer, 3)

    three = in_threads(go_on, [build(ranks) for ranks in ranks_in_threads(3)])
    for trainer in (go_on(build()), *three):
        assert trainer.step == 6
        assert distance(alone, trainer) < 1e-9


def test_batches_too_small_for_the_processes_are_refused(train: Train) -> None:
    _, ranks = ranks_in_threads(2)
    with pytest.raises(RecipeError, match="a batch of 3 is too small for 2 processes"):
        train(training={"batch_size": 3}, ranks=ranks)
    with pytest.raises(RecipeError, match=r"would hold 3 images .* for each of 2 processes"):
        train(count=19, training={"last_batch": "keep"}, ranks=ranks)


@pytest.mark.parametrize(("total", "parts"), [(8, 3), (7, 7), (128, 5), (5, 1)])
def test_rows_are_divided_without_gap_and_evenly(total: int, parts: int) -> None:
    divided = all_rows(total).divided(parts)
    assert [row for rows in divided for row in range(rows.start, rows.stop)] == list(range(total))
    assert max(rows.count for rows in divided) - min(rows.count for rows in divided) <= 1
    assert sum(rows.share for rows in divided) == pytest.approx(1)
