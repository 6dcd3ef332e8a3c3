"""Random recipes, cut at random steps: each goes on as if it had never stopped."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import pytest
import torch

from gantool.errors import RecipeError
from gantool.launch.session import assemble, prepare, read
from gantool.reporting.streams import open_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.training.trainer import Trainer
    from tests.faults.conftest import Publish, Recipe

STEPS = 7
REGULARIZERS: tuple[dict[str, Any], ...] = (
    {"use": "l2", "weight_decay": 1e-3},
    {"use": "spectral-norm"},
    {"use": "r1", "gamma": 1.0, "every_steps": 2},
    {"use": "dragan", "every_steps": 3},
    {"use": "diffaugment"},
    {"use": "instance-noise"},
    {"use": "ada", "initial_probability": 0.3},
    {"use": "lecam", "start_step": 2},
)


def draw(chance: random.Random) -> dict[str, Any]:
    """Return a random recipe's tables."""
    loss = chance.choice(("bce", "hinge", "least-squares", "wasserstein"))
    optimizer = chance.choice(("adam", "adamw", "rmsprop", "sgd"))
    chosen = chance.sample(REGULARIZERS, chance.randint(0, 3))
    if optimizer == "adamw":  # has a weight decay of its own
        chosen = [each for each in chosen if each["use"] != "l2"]
    tables: dict[str, Any] = {
        "loss": {"use": loss},
        "architecture": {"discriminator_norm": chance.choice(("batch", "none", "instance"))},
        "regularizers": chosen,
        "optimizer": {
            "use": optimizer,
            "learning_rate": 10 ** chance.uniform(-4, -2),
            "schedule": chance.choice(("constant", "linear", "cosine")),
        },
        "image": {
            "size": 16,
            "horizontal_flip": chance.random() < 0.5,
            "held_out": chance.choice((0.0, 0.2)),
        },
        "training": {
            "steps": STEPS,
            "batch_size": chance.choice((4, 6, 8)),
            "seed": chance.randrange(10**6),
            "conditional": chance.random() < 0.3,
            "discriminator_updates": chance.choice((1, 1, 2, 3)),
            "reuse_fakes": chance.random() < 0.3,
            "last_batch": chance.choice(("drop", "keep")),
            "accumulate": chance.choice((1, 1, 2)),
            "log_every_steps": chance.randint(1, 5),
        },
        "ema": chance.choice(({}, {"half_life_images": 20.0, "ramp_up": 0.5, "start_step": 2})),
    }
    return tables


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, torch.Tensor):
        yield path, value.detach().contiguous().numpy().tobytes()
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from leaves(part, f"{path}/{index}")
    else:
        yield path, value


def frozen(trainer: Trainer) -> bytes:
    """Return a trainer's state as it is saved."""
    file = io.BytesIO()
    torch.save(trainer._state(), file)
    return file.getvalue()


def thawed(data: bytes) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
    return state


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_recipes_cut_at_random_steps(recipe: Recipe, publish: Publish, full: bool) -> None:
    wanted, seed, identical, used = 200 if full else 5, 0, 0, set[str]()
    count = 0
    while count < wanted:
        chance = random.Random(seed := seed + 1)
        tables = draw(chance)
        try:
            plan = read(recipe(**tables), ())
            images = prepare(plan, open_console(), "quiet")
            straight, resumed = (assemble(plan, images).trainer for _ in range(2))
        except RecipeError:
            continue  # a combination that no run can have
        cut = chance.randrange(STEPS)
        for trainer in (straight, resumed):
            trainer.table = plan.tables.training.model_copy(update={"on_divergence": "ignore"})
        saved = frozen(straight)
        for step in range(STEPS):
            if step == cut:
                saved = frozen(straight)
            straight._observed_step()
        resumed.restore(thawed(saved))
        while not resumed.is_finished():
            resumed._observed_step()
        ends = [dict(leaves(thawed(frozen(trainer)))) for trainer in (straight, resumed)]
        assert len(ends[0]) > 50
        assert ends[0] == ends[1], (seed, cut, tables)
        identical += 1
        count += 1
        used |= {plan.loss.name} | {regularizer.name for regularizer in plan.regularizers}
    publish(
        "9",
        f"{wanted} random recipes ({len(used)} losses and regularizers), each cut at a random step",
        f"{identical} of {wanted} identical",
    )
