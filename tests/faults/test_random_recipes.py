"""Random recipes, cut at random steps: each goes on as if it had never stopped."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from typing_extensions import override

from gantool.errors import RecipeError
from gantool.launch.session import Session, assemble, prepare, read
from gantool.reporting.console.messages import open_console
from gantool.training.observers import Observer, Record
from tests.states import leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.training.state.form import State
    from gantool.training.trainer import Trainer
    from tests.faults.conftest import Publish, Recipe

STEPS = 7
LOSSES = (
    "bce",
    "hinge",
    "least-squares",
    "wasserstein",
    "relativistic-pairing",
    "relativistic-average",
)
REGULARIZERS: tuple[dict[str, Any], ...] = (
    {"use": "l2", "weight_decay": 1e-3},
    {"use": "spectral-norm"},
    {"use": "r1", "gamma": 1.0, "every_steps": 2},
    {"use": "r2", "gamma": 1.0, "every_steps": 3},
    {"use": "dragan", "every_steps": 3},
    {"use": "wgan-gp"},
    {"use": "consistency"},
    {"use": "zcr"},
    {"use": "mode-seeking"},
    {"use": "feature-matching"},
    {"use": "path-length", "every_steps": 2},
    {"use": "orthogonal"},
    {"use": "weight-clipping"},
    {"use": "diffaugment"},
    {"use": "instance-noise"},
    {"use": "ada", "initial_probability": 0.3},
    {"use": "lecam", "start_step": 2},
)


def optimizers() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "use": st.sampled_from(("adam", "adamw", "rmsprop", "sgd")),
            "learning_rate": st.floats(-4, -2).map(lambda exponent: 10**exponent),
            "schedule": st.sampled_from(("constant", "linear", "cosine")),
        },
        optional={"clip_gradient_norm": st.sampled_from((0.1, 10.0))},
    )


def trainings() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "steps": st.just(STEPS),
            "batch_size": st.sampled_from((4, 6, 8)),
            "seed": st.integers(0, 2**31),
            "conditional": st.booleans(),
            "discriminator_updates": st.integers(1, 3),
            "reuse_fakes": st.booleans(),
            "last_batch": st.sampled_from(("drop", "keep")),
            "accumulate": st.sampled_from((1, 2)),
            "log_every_steps": st.integers(1, 5),
        }
    )


def recipes() -> st.SearchStrategy[dict[str, Any]]:
    """Return the tables of a recipe; some go together with no others."""
    norms = st.sampled_from(("batch", "none", "instance"))
    averages = {"half_life_images": 20.0, "ramp_up": 0.5, "start_step": 2}
    return st.fixed_dictionaries(
        {
            "loss": st.fixed_dictionaries({"use": st.sampled_from(LOSSES)}),
            "architecture": st.fixed_dictionaries({"discriminator_norm": norms}),
            "regularizers": st.lists(
                st.sampled_from(REGULARIZERS), max_size=3, unique_by=lambda table: table["use"]
            ),
            "optimizer": optimizers(),
            "image": st.fixed_dictionaries(
                {
                    "size": st.just(16),
                    "horizontal_flip": st.booleans(),
                    "held_out": st.sampled_from((0.0, 0.2)),
                }
            ),
            "training": trainings(),
            "ema": st.sampled_from(({}, {"half_life_images": 20.0}, averages)),
        }
    ).filter(decays_once)


def decays_once(tables: dict[str, Any]) -> bool:
    """Whether a recipe asks for one weight decay only; two are refused."""
    uses = {table["use"] for table in tables["regularizers"]}
    return not ("l2" in uses and tables["optimizer"]["use"] == "adamw")


def frozen(trainer: Trainer) -> bytes:
    """Return a trainer's state as it is saved."""
    file = io.BytesIO()
    torch.save(trainer.state(), file)
    return file.getvalue()


def thawed(data: bytes) -> State:
    state: State = torch.load(io.BytesIO(data), weights_only=True)
    return state


class Log(Observer):
    """Keeps the figures of every log interval."""

    def __init__(self) -> None:
        self.figures: dict[int, Mapping[str, float]] = {}

    @override
    def at_log(self, record: Record) -> None:
        self.figures[record.step] = record.values


class Until(Observer):
    """Stops after some steps."""

    def __init__(self, last: int) -> None:
        self.last, self.step = last, 0

    @override
    def after_step(self, step: int) -> None:
        self.step = step

    @override
    def wants_stop(self) -> str | None:
        return "far enough" if self.step == self.last else None


def session(recipe: Recipe, tables: dict[str, Any]) -> Session:
    """Return a run that is ready to begin and never stops by itself."""
    try:
        loaded = read(recipe(**tables), ["training.on_divergence=ignore"])
        return assemble(loaded, prepare(loaded, open_console(), "quiet"))
    except RecipeError:
        reject()  # a combination that no run can have


def go(trainer: Trainer, step: int, log: Log) -> None:
    if trainer.step < step:
        trainer.train([log, Until(step)])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_recipes_cut_at_random_steps(recipe: Recipe, publish: Publish, full: bool) -> None:
    """Hypothesis draws recipes and one or two cuts; each resume is in a trainer built anew."""
    used: set[str] = set()
    cases: list[tuple[int, ...]] = []
    wanted = 200 if full else 5
    moments = st.lists(st.integers(0, STEPS - 1), min_size=1, max_size=2, unique=True).map(sorted)

    @settings(
        max_examples=wanted,
        deadline=None,
        database=None,
        derandomize=not full,
        phases=(Phase.generate,),  # a recipe that fails is named as it is: shrinking takes hours
        suppress_health_check=list(HealthCheck),
    )
    @given(tables=recipes(), cuts=moments)
    def resumed_is_straight(tables: dict[str, Any], cuts: list[int]) -> None:
        logs = Log(), Log()
        straight = session(recipe, tables)
        resumed = session(recipe, tables).trainer
        for cut in cuts:
            go(resumed, cut, logs[1])
            saved = frozen(resumed)
            resumed = session(recipe, tables).trainer
            resumed.load(thawed(saved))
        for trainer, log in zip((straight.trainer, resumed), logs, strict=True):
            go(trainer, STEPS, log)
        ends = [dict(leaves(thawed(frozen(each)))) for each in (straight.trainer, resumed)]
        assert len(ends[0]) > 50
        assert ends[0] == ends[1]
        assert repr(logs[0].figures) == repr(logs[1].figures)  # with NaN, which equals nothing
        cases.append(tuple(cuts))
        used.update(
            (straight.recipe.loss.name, *(each.name for each in straight.recipe.regularizers))
        )

    resumed_is_straight()
    assert len(cases) >= wanted
    publish(
        "9",
        f"{len(cases)} random recipes ({len(used)} losses and regularizers), each cut at a random "
        f"step, {sum(len(cuts) > 1 for cuts in cases)} of them at two",
        f"{len(cases)} of {len(cases)} identical",
    )
