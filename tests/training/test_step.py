"""Every member of `step`, as regularizers see it inside the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import DiscriminatorStep, GeneratorStep, PluginError, Regularizer, Setup, Step
from gantool_dcgan.plugin import DCGAN
from gantool_spectral_norm.plugin import SpectralNorm
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from gantool import Update
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick

Look = Callable[[Any], None]
Looks = Callable[..., Regularizer]


class Looking(Regularizer):
    """Lets a test look at the step from inside a hook."""

    name = "looking"
    look: ClassVar[Look]

    hook: Literal["penalty", "around", "after"] = "penalty"
    """Where it looks."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        if self.hook == "penalty":
            type(self).look(step)
        return step.fake_logits.new_zeros(())

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        if self.hook == "penalty":
            type(self).look(step)
        return step.fake_logits.new_zeros(())

    @override
    def around_update(self, update: Update, step: Step) -> None:
        if self.hook == "around":
            type(self).look(step)
        update()

    @override
    def after_update(self, step: Step) -> None:
        if self.hook == "after":
            type(self).look(step)


class Shifted(Regularizer):
    """Shows shifted images, by another shift each time."""

    name = "shifted"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + step.random.uniform(1)


@pytest.fixture
def looking() -> Looks:
    """Return a regularizer that calls a function with the step, wherever its class says."""

    def make(look: Look, hook: str = "penalty", **flags: Any) -> Regularizer:
        members = {"look": staticmethod(look), **flags, "__module__": __name__}
        kind: Any = type("Looking", (Looking,), members)
        regularizer: Regularizer = kind(hook=hook)
        return regularizer

    return make


def test_an_update_is_shown_its_images_labels_latents_and_logits(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], looking: Looks
) -> None:
    steps: list[tuple[Step, dict[str, Any]]] = []
    names = ["real", "fake", "real_labels", "fake_labels", "latents", "real_logits", "fake_logits"]

    def look(step: Step) -> None:
        steps.append((step, {name: getattr(step, name) for name in names}))

    regularizer = looking(look, needs_real_in_generator=True)
    options: dict[str, Any] = {"classes": 3, "training": {"conditional": True}}
    trainer = train_plain(regularizer, **options)
    game = follow(trainer)
    trainer.one_step()
    assert [step.player for step, _ in steps] == ["discriminator", "generator"]
    batches, d = trainer.game.batches, trainer.game.network("discriminator")
    assert batches.labels is not None
    labels = batches.labels[batches.indices(0)]
    for (step, seen), latents in zip(steps, game.latents, strict=True):
        d = game.d if step.player == "discriminator" else trainer.game.network("discriminator")
        fake = game.g(latents, seen["fake_labels"])
        assert torch.equal(seen["real"], batches.batch(0).images)
        assert torch.equal(seen["real_labels"], labels)
        assert torch.equal(seen["latents"], latents)
        torch.testing.assert_close(seen["fake"], fake)
        torch.testing.assert_close(seen["real_logits"], d(seen["real"], labels))
        torch.testing.assert_close(seen["fake_logits"], d(fake, seen["fake_labels"]))
        assert seen["fake"].requires_grad == (step.player == "generator")


def test_number_and_progress_are_tensors_that_follow_the_steps(
    train_plain: Train, looking: Looks
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    trainer = train_plain(
        looking(lambda step: seen.append((step.number.clone(), step.progress.clone()))),
        training={"steps": 5, "discriminator_updates": 2},
    )
    trainer.train()
    numbers, progress = zip(*seen, strict=True)
    assert [int(number) for number in numbers] == [n for n in range(5) for _ in range(3)]
    assert [float(share) for share in progress] == [n / 5 for n in range(5) for _ in range(3)]
    assert numbers[0].dtype == torch.int64
    assert {value.dim() for value in (*numbers, *progress)} == {0}


def test_a_constant_is_a_tensor_of_the_weights_type(train_plain: Train, looking: Looks) -> None:
    found: list[Tensor] = []
    train_plain(looking(lambda step: found.append(step.constant(0.3)))).one_step()
    assert [(float(each), each.dim(), each.dtype) for each in found] == [
        (0.3, 0, torch.float64)
    ] * 2


def test_after_an_update_the_whole_batch_is_there_without_graphs(
    train_plain: Train, looking: Looks
) -> None:
    seen: list[Step] = []
    trainer = train_plain(looking(seen.append, "after"), training={"accumulate": 3})
    trainer.one_step()
    for step in seen:
        assert len(step.fake) == len(step.latents) == len(step.fake_logits) == 8
        assert not step.fake.requires_grad
    assert torch.equal(seen[0].real, trainer.game.batches.batch(0).images)
    assert len(seen[0].real_logits) == 8


def refused(train_plain: Train, regularizer: Regularizer) -> str:
    with pytest.raises(PluginError) as caught:
        train_plain(regularizer).one_step()
    return str(caught.value)


def test_what_an_update_has_not_got_is_refused_by_name(train_plain: Train, looking: Looks) -> None:
    def in_generator(look: Look) -> Look:
        return lambda step: look(step) if step.player == "generator" else None

    message = refused(train_plain, looking(in_generator(lambda step: step.real)))
    assert "regularizer 'looking' asks for step.real" in message
    assert "generator update" in message
    assert "needs_real_in_generator = True" in message
    message = refused(train_plain, looking(lambda step: step.fake, "around"))
    assert "step.fake" in message
    message = refused(train_plain, looking(lambda step: step.game_losses()))
    assert "needs_both_graphs = True" in message
    message = refused(train_plain, looking(lambda step: step.state(nn.Linear)))
    assert "asks for the state Linear and has none" in message


def test_a_state_of_another_type_is_refused(train_plain: Train) -> None:
    class Remembering(Regularizer):
        """Makes one state and asks for another."""

        name = "remembering"

        @override
        def make_state(self, setup: Setup) -> nn.Module:
            return nn.Bilinear(1, 1, 1)

        @override
        def after_update(self, step: Step) -> None:
            assert step.state(nn.Bilinear) is step.state(nn.Module)
            step.state(nn.Linear)

    message = refused(train_plain, Remembering())
    assert "asks for the state Linear and has Bilinear" in message


def test_game_losses_are_those_of_both_players(train_plain: Train, looking: Looks) -> None:
    losses: list[tuple[float, float]] = []

    def look(step: Step) -> None:
        both = step.game_losses()
        losses.append((both.discriminator.item(), both.generator.item()))

    trainer = train_plain(looking(look, needs_both_graphs=True))
    trainer.one_step()
    figures = trainer.game.totals.means()
    assert losses[0][0] == pytest.approx(figures["discriminator_loss"], abs=1e-12)
    assert losses[1][1] == pytest.approx(figures["generator_loss"], abs=1e-12)


def test_calls_return_what_the_networks_would(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], looking: Looks
) -> None:
    calls: list[tuple[Tensor, ...]] = []

    def look(step: Step) -> None:
        assert step.network("generator") is trainer.game.network("generator")
        if step.player == "discriminator":
            fake = step.generate(step.latents)
            features = step.features(step.real, transformed=False)
            logits = step.discriminate(step.real, transformed=False)
            views = (step.discriminate(step.real), step.discriminate(step.real))
            calls.append((step.real, step.fake, fake, features, logits, *views))

    trainer = train_plain(looking(look), Shifted())
    game = follow(trainer)
    trainer.one_step()
    real, fake, again, features, logits, first, second = calls[0]
    assert torch.equal(fake, again)
    torch.testing.assert_close(features, game.d.features(real))
    torch.testing.assert_close(logits, game.d(real))
    shown = game.shown[-3:-1]  # transformed=True: every call with a view of its own
    assert not torch.equal(first, second)
    assert not torch.equal(first, logits)
    for view, expected in zip(shown, (first, second), strict=True):
        shift = (view - real).flatten()
        torch.testing.assert_close(shift, shift[:1].expand_as(shift))
        torch.testing.assert_close(game.d(view), expected)


@pytest.mark.parametrize("regularizers", [[], [SpectralNorm(player="generator"), SpectralNorm()]])
def test_calls_leave_every_bit_of_the_run_as_it_was(
    train: Train,
    bits: Callable[[Trainer], dict[str, bytes]],
    looking: Looks,
    regularizers: list[Regularizer],
) -> None:
    trainers: list[Trainer] = []

    def look(step: Step) -> None:
        before = bits(trainers[-1])
        step.discriminate(step.fake)
        step.features(step.fake)
        step.generate(step.latents)
        step.image_gradient(step.fake)
        step.average(step.fake)
        step.random.normal(3)
        assert bits(trainers[-1]) == before

    def run_with(*more: Regularizer) -> dict[str, bytes]:
        trainers.append(train(*regularizers, *more))  # BatchNorm in both networks
        for _ in range(2):
            trainers[-1].one_step()
        found = bits(trainers[-1])
        return {path: value for path, value in found.items() if "totals" not in path}

    assert run_with(looking(look)) == run_with()


def test_what_is_asked_of_an_updates_images_is_asked_of_what_is_shown(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], looking: Looks
) -> None:
    found: dict[str, list[tuple[Tensor, ...]]] = {"discriminator": [], "generator": []}

    def look(step: Step) -> None:
        other, real = step.fake + 1, step.real
        pair = [step.transform(other, like=step.fake) for _ in range(2)]
        assert step.transform(real) is step.transform(real)
        assert torch.equal(step.transform(real), step.transform(real.clone(), like=real))
        assert not torch.equal(step.transform(other), step.transform(other))
        assert torch.equal(*pair)
        features = [step.features(images) for images in (real, step.fake, other)]
        shown = (step.transform(real), step.transform(step.fake), pair[0] - 1)
        found[step.player].append(tuple(value.detach() for value in (*shown, *features)))

    trainer = train_plain(
        looking(look, needs_real_in_generator=True), Shifted(), training={"accumulate": 2}
    )
    game = follow(trainer)
    trainer.one_step()
    for player, slices in found.items():
        d: Any = game.d if player == "discriminator" else trainer.game.network("discriminator")
        shown = game.shown[:4] if player == "discriminator" else game.shown[-4:]
        assert len(slices) == 2
        for (real, fake, again, *features), (shown_real, shown_fake) in zip(
            slices, (shown[:2], shown[2:]), strict=True
        ):
            assert torch.equal(real, shown_real)
            assert torch.equal(fake, shown_fake)
            torch.testing.assert_close(again, fake)
            torch.testing.assert_close(features[0], d.features(real))
            torch.testing.assert_close(features[1], d.features(fake))
            assert not torch.allclose(features[2], d.features(fake + 1))  # other draws


def test_images_that_are_not_of_the_update_lend_no_draws(
    train_plain: Train, looking: Looks
) -> None:
    message = refused(
        train_plain, looking(lambda step: step.transform(step.real, like=step.real.clone()))
    )
    assert "regularizer 'looking' calls step.transform like images" in message
    assert "step.real or step.fake itself" in message


class Squared(Regularizer):
    """Shows squares times a number of each image's own: a transform that is not linear."""

    name = "squared"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images.square() * step.random.uniform(len(images), 1, 1, 1)


def test_image_gradients_are_led_back_through_the_transforms(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], looking: Looks
) -> None:
    found: list[list[Tensor]] = []

    def look(step: Step) -> None:
        if step.player == "discriminator":
            plain = step.image_gradient(step.real, transformed=False)
            slopes = [step.image_gradient(images) for images in (step.real, step.fake)]
            (back,) = torch.autograd.grad(slopes[0].square().sum(), weight, retain_graph=True)
            assert step.image_gradient(step.real) is slopes[0]
            assert step.image_gradient(step.real, transformed=False) is plain
            found.append([step.real, step.fake, plain, *slopes, back])

    trainer = train_plain(looking(look), Squared())
    weight = trainer.game.network("discriminator").get_parameter("blocks.0.0.weight")
    game = follow(trainer)
    trainer.one_step()
    ((real, fake, plain, of_real, of_fake, back),) = found

    def slope(images: Tensor, shown: Tensor) -> Tensor:
        draws = (shown / images.square()).mean((1, 2, 3), keepdim=True)
        inputs = images.detach().clone().requires_grad_()
        logits = game.d(inputs.square() * draws)
        return torch.autograd.grad(logits.sum(), inputs, create_graph=True)[0]

    expected = slope(real, game.shown[0])
    torch.testing.assert_close(of_real, expected)
    torch.testing.assert_close(of_fake, slope(fake, game.shown[1]))
    inputs = real.clone().requires_grad_()
    torch.testing.assert_close(plain, torch.autograd.grad(game.d(inputs).sum(), inputs)[0])
    own = game.d.blocks[0][0].weight
    (expected_back,) = torch.autograd.grad(expected.square().sum(), own)
    torch.testing.assert_close(back, expected_back)
    assert back.abs().max() > 0


def test_a_transform_that_loses_the_graph_is_named(train_plain: Train, looking: Looks) -> None:
    class Cut(Regularizer):
        """Gives a generator nothing to learn from."""

        name = "cut-off"

        @override
        def transform(self, images: Tensor, step: Step) -> Tensor:
            return images.detach()

    regularizer = looking(lambda step: step.image_gradient(step.fake))
    with pytest.raises(PluginError, match="regularizer 'cut-off' transforms has lost its graph"):
        train_plain(regularizer, Cut()).one_step()


def test_image_gradients_are_shared_per_image(train_plain: Train, looking: Looks) -> None:
    gradients: list[Tensor] = []

    def look(step: Step) -> None:
        if step.player == "discriminator":
            first, again = (step.image_gradient(step.real, None) for _ in range(2))
            assert again is first
            assert step.image_gradient(step.fake) is not first
            gradients.append(first)
        else:
            slope = step.image_gradient(step.fake)
            (back,) = torch.autograd.grad(slope.square().sum(), step.fake, allow_unused=True)
            gradients.append(back)

    trainer = train_plain(looking(look), architecture=LinearPlayers(depth=1))
    network = trainer.game.network("discriminator")
    layer, head = (
        network.get_parameter("blocks.0.0.weight"),
        network.get_parameter("to_logit.weight"),
    )
    bias = network.get_parameter("blocks.0.0.bias")
    real = trainer.game.batches.batch(0).images
    hidden = (real.flatten(1) @ layer.T + bias).tanh()
    expected = ((1 - hidden**2) * head) @ layer  # [N, C H W]
    expected = expected.detach().view_as(real)
    trainer.one_step()
    torch.testing.assert_close(gradients[0].detach(), expected, rtol=0, atol=1e-12)
    assert gradients[1] is not None  # differentiable in the images too, where they have a graph
    assert gradients[1].abs().max() > 0


def test_image_gradients_are_in_full_precision_under_autocast(train: Train, looking: Looks) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def look(step: Step) -> None:
        if step.player == "discriminator":
            images = step.real.clone().requires_grad_()
            with torch.autocast("cpu", enabled=False):
                logits = step.network("discriminator")(images)
            (plain,) = torch.autograd.grad(logits.sum(), images)
            seen.append((step.image_gradient(step.real).detach(), plain))
            assert not torch.equal(step.real_logits, logits)  # those are bf16's

    architecture = DCGAN(width=8, latent_dim=10, discriminator_norm="none")
    trainer = train(looking(look), architecture=architecture, device={"precision": "bf16"})
    trainer.one_step()
    found, plain = seen[0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-6)


def test_a_snapshot_restores_weights_buffers_and_optimizer(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], looking: Looks
) -> None:
    rounds: list[bool] = []

    def disturb(trainer: Trainer) -> None:
        competitor = trainer.game.competitors["discriminator"]
        for tensor in (*competitor.parameters, *competitor.network.buffers()):
            tensor.data.add_(1)
        for parameter in competitor.parameters:
            parameter.grad = torch.ones_like(parameter)
        competitor.optimizer.step()

    def look(step: Step) -> None:
        before = bits(trainer)
        with step.snapshot("discriminator") as snapshot:
            disturb(trainer)
            assert bits(trainer) != before
            snapshot.restore()
            assert bits(trainer) == before
            disturb(trainer)
        rounds.append(bits(trainer) == before)

    trainer = train(SpectralNorm(), looking(look, "around"))
    for _ in range(2):
        trainer.one_step()
    assert rounds == [True] * 4


def test_draws_are_normal_uniform_and_whole_numbers_in_range(
    train_plain: Train, looking: Looks
) -> None:
    draws: list[tuple[Tensor, Tensor, Tensor]] = []

    def look(step: Step) -> None:
        random = step.random
        draws.append(
            (random.normal(99, 99), random.uniform(99, 99), random.integers(-2, 3, 99, 99))
        )

    train_plain(looking(look)).one_step()
    normal, uniform, whole = draws[0]
    assert normal.dtype == uniform.dtype == torch.float64
    assert (normal.shape, uniform.shape, whole.shape) == ((99, 99),) * 3
    assert abs(float(normal.mean())) < 0.05
    assert float(normal.std()) == pytest.approx(1, abs=0.03)
    assert 0 <= float(uniform.min()) < 0.001
    assert 0.999 < float(uniform.max()) < 1
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.02)
    assert whole.dtype == torch.int64
    counts = whole.flatten().add(2).bincount()
    assert len(counts) == 5
    assert int(counts.min()) > 0.17 * 99 * 99
    assert not torch.equal(draws[1][0], normal)  # the generator's update draws its own


def test_the_average_over_one_process_is_the_value_itself(
    train_plain: Train, looking: Looks
) -> None:
    same: list[bool] = []
    value = torch.rand(3)
    train_plain(looking(lambda step: same.append(step.average(value) is value))).one_step()
    assert same == [True, True]
