"""`training.start_from`: trained networks, whatever regularizers make or had made of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

import gantool
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]
    Networks = dict[str, dict[str, Tensor]]

SPECTRAL = [
    {"use": "spectral-norm", "player": "discriminator"},
    {"use": "spectral-norm", "player": "generator"},
]
KINDS: dict[str, list[dict[str, Any]]] = {"plain": [], "spectral": SPECTRAL}
SHORT: dict[str, Any] = {
    "training": {"steps": 3},
    "ema": {"half_life_images": 30.0},
    "architecture": {"latent_dim": 10},  # no layer has as many outputs as inputs
}
PART = ".parametrizations.weight."


def state(run: Path, step: int) -> Networks:
    """Return the networks of a checkpoint, the average among them."""
    path = run / "checkpoints" / f"step-{step:08}" / "state.pt"
    saved = torch.load(path, weights_only=True)
    return {**saved["networks"], "average": saved["average"]}


def computed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights that a network computes with, from what was saved of it."""
    found = {}
    for name, value in tensors.items():
        layer, part, key = name.partition(PART)
        if not part:
            found[name] = value
        elif key == "original":
            u, v = (tensors[f"{layer}{PART}0.{vector}"] for vector in ("_u", "_v"))
            # transposed convolutions hold their outputs along the second dimension
            rows = value.flatten(1)
            if len(rows) != len(u):
                rows = value.transpose(0, 1).flatten(1)
            found[f"{layer}.weight"] = value / (u @ rows @ v)
    return found


@pytest.fixture
def trained(write_recipe: Write, tmp_path: Path) -> Callable[..., Path]:
    """Return what trains a small run and returns its folder."""

    def train(name: str, *overrides: str, **tables: Any) -> Path:
        recipe = write_recipe(name, **{**SHORT, **tables})
        gantool.run(recipe, list(overrides), out=tmp_path / name, level="quiet")
        return tmp_path / name

    return train


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
def test_what_a_network_computed_with_is_what_it_begins_with(
    trained: Callable[..., Path], before: str, after: str
) -> None:
    first = trained("first", regularizers=KINDS[before])
    second = trained("second", f'training.start_from="{first}"', regularizers=KINDS[after])
    there, here = state(first, 3), state(second, 0)
    assert any(PART in name for name in there["average"]) == (before == "spectral")
    assert any(PART in name for name in here["average"]) == (after == "spectral")
    for owner, tensors in here.items():
        if before == after:
            assert tensors.keys() == there[owner].keys()
            assert all(torch.equal(value, there[owner][name]) for name, value in tensors.items())
            continue
        expected = computed(there[owner])
        for name, value in tensors.items():
            layer, part, key = name.partition(PART)
            if not part:
                torch.testing.assert_close(value, expected[name])
            elif key == "original":
                torch.testing.assert_close(value, expected[f"{layer}.weight"])
            elif key == "0._u":  # warmed up on the trained weights, not on those before them
                along = 0 if len(value) == len(expected[f"{layer}.weight"]) else 1
                rows = expected[f"{layer}.weight"].transpose(0, along).flatten(1)
                largest = torch.linalg.svdvals(rows)[0]
                assert (value @ rows).norm() > 0.9 * largest


def test_a_wrapped_discriminator_lends_and_takes_what_is_inside(
    trained: Callable[..., Path],
) -> None:
    stddev = [{"use": "minibatch-stddev"}, {"use": "spectral-norm"}]
    plain = trained("plain")
    wrapped = trained("wrapped", f'training.start_from="{plain}"', regularizers=stddev)
    start = state(wrapped, 0)["discriminator"]
    for name, value in state(plain, 3)["discriminator"].items():
        found = start.get(f"network.{name}")
        if found is None:
            found = start[f"network.{name.removesuffix('.weight')}{PART}original"]
        assert torch.equal(found, value)
    again = trained("again", f'training.start_from="{wrapped}"')
    there = computed(state(wrapped, 3)["discriminator"])
    for name, value in state(again, 0)["discriminator"].items():
        torch.testing.assert_close(value, there[f"network.{name}"])


def test_the_advice_of_a_refused_resume_works(trained: Callable[..., Path]) -> None:
    run = trained("run")
    recipe = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(f'{recipe}\n[[regularizers]]\nuse = "spectral-norm"\n')
    with pytest.raises(UsageError, match="another structure") as caught:
        gantool.resume(run, steps=6, override=True, level="quiet")
    assert "begin a new run with training.start_from" in str(caught.value.hint)
    (run / "recipe.toml").write_text(recipe)
    trained("next", f'training.start_from="{run}"', regularizers=SPECTRAL[:1])


@pytest.mark.parametrize(
    ("tables", "size", "hint"),
    [
        (
            {"architecture": {"latent_dim": 10, "width": 8}},
            r"\[4, 3, 4, 4\] instead of \[8,",
            "architecture.width=4",
        ),
        ({"image": {"size": 32}}, "'blocks.2.0.weight' is missing", "image.size=16"),
        ({"image": {"channels": 1}}, r"instead of \[4, 1,", "image.channels=3"),
        ({"training": {"steps": 3, "conditional": True}}, "missing", "training.conditional=false"),
    ],
)
def test_networks_that_do_not_fit_are_named_with_the_options_that_would(
    trained: Callable[..., Path], tables: dict[str, Any], size: str, hint: str
) -> None:
    first = trained("first")
    with pytest.raises(UsageError, match=size) as caught:
        trained("second", f'training.start_from="{first}"', regularizers=SPECTRAL, **tables)
    assert "training.start_from: the discriminator there cannot be taken" in caught.value.message
    assert caught.value.hint == f"set what it was trained with: --set {hint}; or leave " + (
        "training.start_from out"
    )
    trained("third", f'training.start_from="{first}"', hint, **tables)


def test_classes_that_are_not_as_many_are_counted(
    trained: Callable[..., Path], pictures: Path
) -> None:
    conditional = {"training": {"steps": 3, "conditional": True}}
    first = trained("first", **conditional)
    shutil.copytree(pictures / "dark", pictures / "darker")
    with pytest.raises(UsageError, match=r"embedding.weight.* size") as caught:
        trained("second", f'training.start_from="{first}"', **conditional)
    assert "it has 2 classes, and here are 3" in str(caught.value.hint)
