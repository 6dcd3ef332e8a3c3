from __future__ import annotations

from typing import TYPE_CHECKING

from gantool import Scheduled
from gantool_optimizers.plugin import SGD, Adam, RMSprop

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.recipe.schema import Recipe


def test_players_share_the_table_and_differ_where_they_say_so(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(
        f"{minimal}[optimizer]\nlearning_rate = 1e-3\nbetas = [0.0, 0.9]\n"
        "[optimizer.discriminator]\nlearning_rate = 4e-3\n"
    )
    discriminator = recipe.optimizer["discriminator"]
    assert recipe.optimizer["generator"] == Adam(
        learning_rate=Scheduled(1e-3), betas=(Scheduled(0.0), Scheduled(0.9))
    )
    assert discriminator == Adam(
        learning_rate=Scheduled(4e-3), betas=(Scheduled(0.0), Scheduled(0.9))
    )
    assert list(recipe.optimizer) == ["discriminator", "generator"]
    origins = recipe.origins
    assert origins["optimizer", "discriminator", "learning_rate"] == "bad.toml:13:1"
    assert origins["optimizer", "discriminator", "betas"] == "bad.toml:11:1"
    assert origins["optimizer", "discriminator", "eps"] == "default"
    assert "generator" not in recipe.document["optimizer"]


def test_player_of_another_use_takes_nothing_of_the_shared_table(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(
        f"{minimal}[optimizer]\nuse = 'sgd'\nlearning_rate = 0.5\nmomentum = 0.1\n"
        "[optimizer.discriminator]\nuse = 'rmsprop'\nalpha = 0.9\n"
    )
    assert recipe.optimizer["generator"] == SGD(learning_rate=Scheduled(0.5), momentum=0.1)
    assert recipe.optimizer["discriminator"] == RMSprop(alpha=0.9)


def test_player_of_another_use_than_the_default_takes_nothing_either(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(
        f"{minimal}[optimizer]\nlearning_rate = 0.5\n[optimizer.generator]\nuse = 'sgd'\n"
    )
    assert recipe.optimizer["discriminator"] == Adam(learning_rate=Scheduled(0.5))
    assert recipe.optimizer["generator"] == SGD()


def test_problem_of_the_shared_table_is_named_once(
    complain: Callable[..., str], minimal: str
) -> None:
    told = complain(f"{minimal}[optimizer]\neps = 0\n[optimizer.generator]\nlearning_rate = 1\n")
    assert told.count("error: ") == 1


def test_problems_of_players_are_named_in_their_tables(
    complain: Callable[..., str], minimal: str
) -> None:
    told = complain(
        f"{minimal}[optimizer]\ngenerator = 5\n"
        "[optimizer.discriminator]\nuse = 'sgd'\nbetas = [0.5, 0.9]\n[optimizer.critic]\nx = 1\n"
    )
    assert [line for line in told.splitlines() if line.startswith("error")] == [
        "error: expected a table [optimizer.generator], got 5",
        "error: unknown option 'betas' in optimizer 'sgd'",
        "error: unknown option 'critic' in optimizer 'adam'",
    ]
