"""The rows of docs/conventions.md that say how far a component is from its published code.

Each test has both formulas; the published one is written out from the repository that it names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from gantool import Evidence, Samples, Scheduled
from gantool.recipe.schema import EmaTable
from gantool.training.average import Average
from gantool_augmentation.adaptive import AdaptiveProbability
from gantool_consistency.views import shifted
from gantool_diversity.plugin import FeatureMatching, ModeSeeking
from gantool_diversity.stddev import stddev
from gantool_gradient_penalties.plugin import R1, WganGP
from gantool_lecam.plugin import LeCam
from gantool_metrics.class_scores import inception_scores
from gantool_metrics.kernel import kernel_distance, subset_distances
from gantool_metrics.metrics import InceptionScore
from gantool_path_length.lengths import path_lengths
from gantool_path_length.plugin import PathLength
from gantool_relativistic.plugin import RelativisticAverage
from gantool_spectral_norm.layers import normalize
from gantool_weight_constraints.filters import overlap
from gantool_weight_constraints.plugin import WeightClipping
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer
    from tests.plugins.conftest import Bench

pytestmark = pytest.mark.quick


def drawn(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=source, dtype=torch.float64)


def test_relativistic_average_is_twice_relativisticgans() -> None:
    real, fake = drawn(7), drawn(7, seed=1)
    one, zero = torch.ones(7).double(), torch.zeros(7).double()
    published = (bce(real - fake.mean(), one) + bce(fake - real.mean(), zero)) / 2
    ours = RelativisticAverage().discriminator(real, fake).mean()
    torch.testing.assert_close(ours, 2 * published)


def test_a_lazy_penalty_leaves_adam_as_it_is(build: Callable[..., Trainer]) -> None:
    optimizer = {"use": "adam", "learning_rate": 0.01, "betas": [0.5, 0.99]}
    (options,) = (
        build(R1(every_steps=16), optimizer=optimizer)
        .game.competitors["discriminator"]
        .optimizer.param_groups
    )
    assert float(options["lr"]) == pytest.approx(0.01)
    assert options["betas"] == (0.5, 0.99)
    published = 0.01 * 16 / 17  # stylegan2-ada-pytorch
    assert published == pytest.approx(0.94 * 0.01, rel=0.002)


def test_a_gradient_of_zero_costs_a_gradient_penalty_its_weight(
    bench: Callable[..., Bench],
) -> None:
    set_up = bench(WganGP(weight=Scheduled(1.0)))
    with torch.no_grad():
        set_up.game.network("discriminator").get_parameter("to_logit.weight").zero_()
    assert set_up.penalty(real=set_up.images()).item() == 1
    published = (math.sqrt(0.0001 + 0) - 1) ** 2  # compare_gan
    assert published == pytest.approx(0.98, abs=0.001)


def test_lecam_compares_a_batch_with_the_anchors_before_it(bench: Callable[..., Bench]) -> None:
    set_up = bench(LeCam(weight=Scheduled(1.0), start_step=1))
    set_up.game.number.fill_(1)
    state = set_up.active.state
    assert state is not None
    state.get_buffer("real").fill_(2.0)
    state.get_buffer("fake").fill_(-2.0)
    real, fake = set_up.images(), set_up.images(seed=1)
    logits = [set_up.logits(images).detach() for images in (real, fake)]

    def formula(anchor_real: float, anchor_fake: float) -> float:
        beyond = (logits[0] - anchor_fake).relu(), (anchor_real - logits[1]).relu()
        return sum(each.square().mean().item() for each in beyond)

    found = set_up.penalty("discriminator", real=real, fake=fake).item()
    assert found == pytest.approx(formula(2.0, -2.0), rel=1e-12)
    moved = (0.99 * a + 0.01 * x.mean().item() for a, x in zip((2.0, -2.0), logits, strict=True))
    assert found != pytest.approx(formula(*moved), rel=1e-6)  # lecam-gan's


def test_shifts_of_consistency_are_rounded() -> None:
    class Farthest:
        def integers(self, low: int, high: int, *shape: int) -> Tensor:
            return torch.full(shape, high - 1)

    row = torch.arange(12.0).view(1, 1, 1, 12).expand(1, 1, 12, 12)
    found = shifted(row, Farthest(), 1 / 8)  # type: ignore[arg-type]
    assert int(found[0, 0, 0, 4] - row[0, 0, 0, 4]) == -2  # 1.5 of 12 pixels
    assert int(12 / 8) == 1  # StudioGAN's


def test_path_length_pulls_by_more_where_a_whole_batch_is_off(bench: Callable[..., Bench]) -> None:
    set_up = bench(PathLength(weight=Scheduled(1.0)), architecture=LinearPlayers(depth=1))
    latents = drawn(6, 3)
    step = set_up.step("generator_penalty", "generator", latents=latents)
    lengths = path_lengths(step, 1).detach().requires_grad_()
    average = lengths.new_tensor(0.3)
    (ours,) = torch.autograd.grad((lengths - average).square().mean(), lengths)
    with_batch = average.lerp(lengths.mean(), 0.01)  # stylegan2-ada-pytorch
    (published,) = torch.autograd.grad((lengths - with_batch).square().mean(), lengths)
    torch.testing.assert_close(published.mean(), 0.99**2 * ours.mean())
    torch.testing.assert_close(published - published.mean(), ours - ours.mean())
    value = set_up.penalty("generator", latents=latents)  # from an average of 0
    found = path_lengths(set_up.step("generator_penalty", "generator", latents=latents), 2)
    torch.testing.assert_close(value, found.square().mean())


def test_mode_seeking_takes_each_pairs_ratio(bench: Callable[..., Bench]) -> None:
    set_up = bench(ModeSeeking(), architecture=LinearPlayers(depth=1))
    latents = drawn(6, 3)
    others = set_up.step("generator_penalty", "generator", latents=latents).random.normal(6, 3)
    images, apart = (set_up.game.probe("generator", z, None) for z in (latents, others))
    of_images = (images - apart).abs().mean((1, 2, 3))
    of_latents = (latents - others).abs().mean(1)
    found = set_up.penalty("generator", latents=latents)
    torch.testing.assert_close(found, (1 / (of_images / of_latents + 1e-5)).mean())
    published = 1 / (of_images.mean() / of_latents.mean() + 1e-5)  # MSGAN
    assert found.item() != pytest.approx(published.item(), rel=0.01)


def test_feature_matching_is_added_and_divided_by_the_number_of_features(
    build: Callable[..., Trainer],
) -> None:
    trainer = build(FeatureMatching(weight=2.0), architecture=LinearPlayers(depth=1, width=5))
    network: Any = trainer.game.network("discriminator")  # the generator's update leaves it alone
    shown: list[Tensor] = []
    hook = network.register_forward_pre_hook(lambda _, given: shown.append(given[0].detach()))
    trainer.one_step()
    hook.remove()
    assert len(shown) == 4  # two for each player: features cost no pass of their own
    real, fake = (network.features(images).mean(0) for images in shown[2:])  # [5]
    published = (real - fake).square().sum()  # Salimans et al., section 3.1
    figures = trainer.game.totals.means()
    expected = 2 * published.item() / 5
    assert figures["penalty/feature-matching"] == pytest.approx(expected, rel=1e-9)
    loss = softplus(-network(shown[3])).mean().item()
    assert figures["generator_loss"] == pytest.approx(loss, rel=1e-9)


def test_orthogonals_gradient_is_twice_biggan_pytorchs() -> None:
    weight = drawn(5, 9).requires_grad_()
    (ours,) = torch.autograd.grad(overlap(weight, full=False), weight)
    w = weight.detach()
    published = 2 * (w @ w.t() * (1 - torch.eye(5, dtype=torch.float64))) @ w
    torch.testing.assert_close(ours, 2 * published)


def test_adas_probability_ends_at_one() -> None:
    state = AdaptiveProbability(0.9, 0.6, 1, 0.2).double()
    for _ in range(3):
        state.observe(torch.ones((), dtype=torch.float64))
    assert float(state.probability) == 1  # stylegan2-ada-pytorch: 1.5


def test_groups_of_minibatch_stddev_are_neighbors() -> None:
    rows = drawn(8, 5)
    found = stddev(rows, 4)

    def of(group: Tensor) -> Tensor:
        return (group.var(0, correction=0) + 1e-8).sqrt().mean()

    torch.testing.assert_close(found[[0, 4]], torch.stack([of(rows[:4]), of(rows[4:])]))
    published = of(rows.view(4, 2, 5)[:, 0])  # stylegan2-ada-pytorch: images 0, 2, 4 and 6
    assert not torch.allclose(found[0], published)


def test_a_spectral_norm_has_converged_at_the_first_step() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Linear(40, 30)
        plain = layer.weight.detach().clone()
        normalize(layer, 1)
        normal = layer.eval().weight.detach()
        start = nn.functional.normalize(torch.randn(30), dim=0)  # BigGAN-PyTorch: u, then v, u
    ahead = nn.functional.normalize(start @ plain, dim=0)
    once = nn.functional.normalize(plain @ ahead, dim=0) @ plain @ ahead
    assert torch.linalg.svdvals(normal)[0].item() == pytest.approx(1, abs=0.03)
    assert torch.linalg.svdvals(plain / once)[0] > 1.1


def test_weights_are_clipped_after_the_update(build: Callable[..., Trainer]) -> None:
    trainer = build(WeightClipping(limit=0.05), optimizer={"learning_rate": 5.0})
    generator, weights = (trainer.game.competitors[p] for p in ("generator", "discriminator"))
    met: list[float] = []
    generator.optimizer.register_step_pre_hook(
        lambda *_: met.append(max(float(w.detach().abs().max()) for w in weights.parameters))
    )
    trainer.one_step()
    assert met[0] <= 0.05  # WassersteinGAN's code clips before, so that here they were beyond


def average(**table: Any) -> Average:
    return Average(nn.Linear(1, 1), EmaTable.model_validate(table), batch_size=64, steps=100)


def test_a_half_life_is_a_decay() -> None:
    half_life = 64 * math.log(2) / -math.log(0.999)
    assert half_life == pytest.approx(44_300, rel=0.001)
    assert average(half_life_images=half_life).share_at(5) == pytest.approx(1 - 0.999)


def test_a_ramp_counts_the_images_of_its_own_step() -> None:
    ramped = average(half_life_images=1e9, ramp_up=0.05)

    def published(step: int) -> float:  # stylegan2-ada-pytorch: cur_nimg before this batch
        return float(1 - 0.5 ** (64 / (0.05 * 64 * (step - 1))))

    for step in (10, 1000):
        assert ramped.share_at(step) == published(step + 1)
    assert ramped.share_at(1000) == pytest.approx(published(1000), rel=1.1e-3)
    assert ramped.share_at(1000) != pytest.approx(published(1000), rel=0.9e-3)


def test_inception_score_shuffles_what_comes_sorted() -> None:
    logits = 20 * torch.eye(10).repeat_interleave(10, 0)  # sorted by class
    assert inception_scores(logits, 10).mean() == pytest.approx(1, abs=1e-6)
    images = torch.zeros(100, 1, 1, 1, dtype=torch.uint8)
    samples = Samples(images, torch.zeros(100, 1), logits)
    chance = torch.Generator().manual_seed(0)
    scores = InceptionScore().compute(Evidence(samples, samples, None, chance))
    assert scores["mean"] > 4


def test_kid_of_few_images_is_of_all_of_them() -> None:
    real, fake = drawn(30, 4), drawn(30, 4, seed=1)
    random = torch.Generator().manual_seed(0)
    (found,) = subset_distances(real, fake, size=min(1000, 30), count=100, random=random)
    assert float(found) == pytest.approx(kernel_distance(real, fake), rel=1e-9)
