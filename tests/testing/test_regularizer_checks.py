"""Each check of regularizers, seen failing on one that breaks its promise."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn
from typing_extensions import override

from gantool import LazyOption, Player, PlayerOption, Regularizer, Scheduled
from gantool.testing import checks_for
from tests.testing.wrong_regularizers import WRONG, SlopeOfFakes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool import DiscriminatorStep, GeneratorStep, ImageShape, Setup, Step, Update
    from gantool.testing import CheckResult, QuadraticGame


class Slope(LazyOption, Regularizer):
    """R1: gamma / 2 E|grad D(x)|^2."""

    name = "slope"
    strength = "gamma"
    uses_image_gradient = True

    gamma: NonNegativeFloat = 1.0
    """Weight."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(step.real, step.real_labels)  # [N, C, H, W]
        return self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


class Nearness(Regularizer):
    """Latents near each other: near logits for D, far images for G."""

    name = "nearness"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        moved = step.discriminate(self._near(step), step.fake_labels)
        return (moved - step.fake_logits).square().mean()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return -(self._near(step) - step.fake).square().mean()

    def _near(self, step: Step) -> Tensor:
        noise = step.random.normal(*step.latents.shape)
        return step.generate(step.latents + 0.1 * noise, step.fake_labels)


class Anchors(nn.Module):
    """The mean logit of real images, remembered."""

    real: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("real", torch.zeros(()))


class Anchored(Regularizer):
    """Keep fake logits away from a mean of real ones."""

    name = "anchored"
    state: ClassVar[type[nn.Module]] = Anchors

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Anchors()

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return (step.fake_logits - step.state(Anchors).real).square().mean()

    @override
    def after_update(self, step: Step) -> None:
        if step.player == "discriminator":
            mean = step.average(step.real_logits.mean())
            step.state(Anchors).real.lerp_(mean, 0.5)


class Noise(Regularizer):
    """Noise on what the discriminator sees."""

    name = "noise"
    strength = "deviation"

    deviation: Scheduled[NonNegativeFloat] = Scheduled(0.1)
    """Standard deviation."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.at(step) * step.random.normal(*images.shape)


class TopHalf(Regularizer):
    """Only the better half of the fakes counts."""

    name = "top-half"
    couples_batch = True

    @override
    def sample_weights(self, step: Step) -> Tensor | None:
        if step.player == "discriminator":
            return None
        rating = step.fake_logits.reshape(len(step.fake), -1).mean(1)  # of [N] or [N, K]
        best = rating.topk(len(step.fake) // 2).indices
        weights = torch.zeros_like(rating).scatter(0, best, 1.0)
        return weights / weights.mean()


class Flip(Regularizer):
    """Some real images become fakes."""

    name = "flip"

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        flipped = step.random.uniform(len(real), 1, 1, 1) < 0.5
        return torch.where(flipped, fake, real), fake


class Shrunk(Regularizer):
    """Latents are a little smaller."""

    name = "shrunk"

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return 0.9 * latents


class Twice(PlayerOption, Regularizer):
    """Each update is made twice."""

    name = "twice"

    @override
    def around_update(self, update: Update, step: Step) -> None:
        update()
        update()


class Decay(PlayerOption, Regularizer):
    """Weight decay."""

    name = "decay"
    strength = "share"

    share: NonNegativeFloat = 0.1
    """Share."""

    @override
    def optimizer_options(self, player: Player) -> Mapping[str, float]:
        return {"weight_decay": self.share}


class Halved(nn.Module):
    """Halves all logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.blocks = network, network.blocks

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        features: Tensor = self.network.features(images, labels)  # type: ignore[operator]
        return features

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.network.head(features, labels)  # type: ignore[operator]
        return logits / 2

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.features(images, labels), labels)


class Softened(Regularizer):
    """A discriminator that is less sure of itself."""

    name = "softened"
    wrapper: ClassVar[type[nn.Module]] = Halved

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> nn.Module | None:
        return self.wrapper(network) if player == "discriminator" else None


class Inverse(Regularizer):
    """A head tells the latents from the features; both players want it to (Chen et al. 2016)."""

    name = "inverse"
    needs_features = True
    trained_by = "both"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return nn.Linear(1, setup.latent_dim)

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        assert isinstance(step.fake_features, Tensor)
        told: Tensor = step.state(nn.Linear)(step.fake_features.flatten(1).mean(1)[:, None])
        return (told - step.latents).square().mean()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)


class TrainedByOne(Inverse):
    """Has its head trained by both, and uses it in one player's updates."""

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return step.fake_logits.mean()


class Wasteful(Inverse):
    """Asks for features that are handed on, and computes its own."""

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        features = step.features(step.fake, step.fake_labels).flatten(1).mean(1)[:, None]
        told: Tensor = step.state(nn.Linear)(features)
        return (told - step.latents).square().mean()


class Telling(Anchored):
    """Tells of its memory."""

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        return {"anchor": step.state(Anchors).real.clone()}


class Squared(Slope):
    """Works with squares."""

    @override
    def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
        if image.height != image.width:
            raise ValueError(f"squares are supported, got {image}")


SOUND = [
    Squared,
    Slope,
    Nearness,
    Anchored,
    Noise,
    TopHalf,
    Flip,
    Shrunk,
    Twice,
    Decay,
    Telling,
    Inverse,
    Softened,
]


class Infinite(Nearness):
    """Divides by nothing."""

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return step.fake.mean() / 0


class Asleep(Slope):
    """Has an example that does nothing."""

    gamma: NonNegativeFloat = 0.0
    """Weight."""


class OneAnImage(Slope):
    """Multiplies logits as if each image had one: [N, 1] times [N] is [N, N]."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return (step.real_logits * step.random.uniform(len(step.real))).mean()


class Misspelt(Slope):
    """Names an option that it does not have."""

    strength = "gama"


class NeverOff(Slope):
    """Cannot be turned off."""

    gamma: PositiveFloat = 1.0
    """Weight."""


class Rewarding(Slope):
    """May become a reward."""

    gamma: float = 1.0
    """Weight."""


class Hidden(Anchored):
    """Remembers outside of its state."""

    means: ClassVar[list[Tensor]] = []

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        self.means.clear()
        return Anchors()

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        self.means.append(step.real_logits.detach().mean())
        return (step.fake_logits - sum(self.means)).square().mean()


class Unsaved(Anchors):
    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.register_buffer("real", torch.zeros(()), persistent=False)


class Forgetful(Anchored):
    """Remembers in a buffer that is not saved."""

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return Unsaved()


class Global(Noise):
    """Draws from torch's own numbers."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.at(step) * torch.randn_like(images)


class Numpy(Noise):
    """Draws from numpy's own numbers."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.at(step) * float(np.random.normal())


class Clipping(Regularizer):
    """Clips everybody's weights, whoever was updated."""

    name = "clipping"

    @override
    def after_update(self, step: Step) -> None:
        for player in ("generator", "discriminator"):
            for weight in step.network(player).parameters():
                weight.clamp_(-0.01, 0.01)


class Sweeping(Anchored):
    """Throws away the other player's gradients."""

    @override
    def after_update(self, step: Step) -> None:
        other: Player = "generator" if step.player == "discriminator" else "discriminator"
        step.network(other).zero_grad()


class Doubling(torch.autograd.Function):
    """Doubles, with a gradient that has none."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return 2 * images

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return 2 * gradient


class Once(Noise):
    """Can be differentiated once."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        doubled: Tensor = Doubling.apply(images)
        return doubled


class Stopped(Doubling):
    """Doubles, with a gradient that does not depend on the one behind."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return 2 * gradient.detach()


class Detaching(Noise):
    """Leads a gradient back as if it were a constant, though not all of it."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        doubled: Tensor = Stopped.apply(images)
        return doubled + 0.1 * images


class OnlySquares(Noise):
    """Adds an image's transpose."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.at(step) * images.transpose(2, 3)


class OnlyColors(Noise):
    """Takes channels for red, green and blue."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.at(step) * images.new_tensor([0.3, 0.6, 0.1]).view(
            1, 3, 1, 1
        )


class Presuming(Noise):
    """Counts on labels, and says nothing of it."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        assert step.real_labels is not None, "where are they?"
        return super().discriminator_penalty(step)


class Unlabeled(Nearness):
    """Forgets the labels."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.discriminate(step.real).square().mean()


class WholeBatch(Anchored):
    """Counts on the whole batch."""

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        state = Anchors()
        state.real = torch.zeros(setup.batch_size)
        return state


class Narrow(Regularizer):
    """Hangs a hook on the discriminator that copies into another type."""

    name = "narrow"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        def halved(module: nn.Module, given: tuple[Tensor, ...], logits: Tensor) -> Tensor:
            places = torch.arange(len(logits))
            return given[0].new_zeros(len(logits)).scatter(0, places, logits) / 2

        if player == "discriminator":
            network.register_forward_hook(halved)


class Undeclared(Slope):
    """Does not say that it takes image gradients."""

    uses_image_gradient = False


class FewLatents(Shrunk):
    """Returns fewer latents."""

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return latents[:-1]


class FewReals(Flip):
    """Returns fewer real images."""

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        return real[:-1], fake


class Cropping(Noise):
    """Crops images."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images[:, :, 1:]


class Cutting(Noise):
    """Cuts the generator's gradient off."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images.detach() / 2


class StraightThrough(Noise):
    """Has the gradient of another function."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + images.square().detach()


class Light(TopHalf):
    """Weighs half as much as it should."""

    @override
    def sample_weights(self, step: Step) -> Tensor | None:
        return torch.full_like(step.fake_logits, 0.5)


class Negative(TopHalf):
    """Weighs some images negatively."""

    @override
    def sample_weights(self, step: Step) -> Tensor | None:
        weights = torch.ones_like(step.fake_logits)
        weights[:2] = weights.new_tensor([-1.0, 3.0])
        return weights


class Lazy(Twice):
    """Makes no update at all."""

    @override
    def around_update(self, update: Update, step: Step) -> None:
        update.gradients()


class Pooled(Halved):
    @override
    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits = super().head(features, labels)
        return logits + logits.mean()


class Silent(Softened):
    """Does not say that it mixes images."""

    wrapper = Pooled


class Alarming(Softened):
    """Says that it mixes images, and does not."""

    @override
    def batch_coupling(self) -> str | None:
        return "leave it out"


class TellingEach(Telling):
    """Tells a figure for each image."""

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        return {"logit": step.fake_logits.detach()}


class TellingItself(Telling):
    """Gives away what it goes on to change."""

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        return {"anchor": step.state(Anchors).real}


class TellingMore(Telling):
    """Tells of something new each time."""

    count: ClassVar[list[int]] = []

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        self.count.append(1)
        return {f"figure {len(self.count)}": torch.zeros(())}


class TellingTooMuch(Telling):
    """Reads its figure back."""

    @override
    def after_update(self, step: Step) -> None:
        super().after_update(step)
        self.figures(step)

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        return {"anchor": torch.tensor(float(step.state(Anchors).real))}


class Advancing(Nearness):
    """Calls the network itself."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        labels = () if step.real_labels is None else (step.real_labels,)
        penalty: Tensor = step.network("discriminator")(step.real, *labels).square().mean()
        return penalty


class Deciding(Nearness):
    """Looks at a number on the device."""

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return step.fake.mean() if step.number > 1 else step.fake.square().mean()


class Masking(Nearness):
    """Chooses images by a mask."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.fake_logits[step.fake_logits > 0].sum()


class Offset(Slope):
    """Never ends."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) + 0.01 * step.real_logits.square().mean()


class Rooted(Slope):
    """Has no slope where the gradient is 0."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(step.real, step.real_labels)
        return self.gamma * gradient.square().sum((1, 2, 3)).sqrt().mean()


class Halfway(Slope):
    """Lets half of its gradient go."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        penalty = super().discriminator_penalty(step)
        return (penalty + penalty.detach()) / 2


class Compensating(Slope):
    """Makes up for being lazy, as the engine does."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self.every_steps * super().discriminator_penalty(step)


class Doubled(Slope):
    """Forgets the half."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return 2 * super().discriminator_penalty(step)


class Alone(Nearness):
    """Squares a mean, which is another one on each rank."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.real_logits.mean().square()


class Counting(Noise):
    """Counts in Python what is then computed with."""

    calls: ClassVar[list[int]] = []

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        self.calls.append(1)
        return images if len(self.calls) % 2 else -images


class Dated(Noise):
    """Takes the step's number out of its tensor."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + 0.01 * float(step.number)


class Rebinding(Anchored):
    """Puts another tensor where its anchor was."""

    @override
    def after_update(self, step: Step) -> None:
        if step.player == "discriminator":
            step.state(Anchors).real = step.real_logits.mean()


def closed_slope(component: Slope, game: QuadraticGame) -> Tensor:
    return component.gamma / 2 * game.slopes(game.real).square().sum((1, 2, 3)).mean()


BROKEN = [
    ("trains", Infinite, r"with batch norm, .* NaN or infinite"),
    ("changes_training", Asleep, "the weights are the same as without it"),
    ("is_off_at_strength_zero", Misspelt, "it has no option 'gama'"),
    ("is_off_at_strength_zero", NeverOff, "greater than 0"),
    ("has_no_negative_strength", Rewarding, "gamma = -1 is accepted"),
    ("resumes_exactly", Hidden, "resumed after two of four steps: .* differs, by up to"),
    ("resumes_exactly", Forgetful, "resumed after two of four steps: .* differs, by up to"),
    ("leaves_global_randomness_alone", Global, "training with it draws from a global state"),
    ("leaves_global_randomness_alone", Numpy, "training with it draws from a global state"),
    ("leaves_the_other_player_alone", Clipping, "after an update of the .*, the .* differs"),
    ("leaves_the_other_player_alone", Sweeping, "update of the .* changes the gradient of the"),
    ("trains_its_state", TrainedByOne, "generator does not depend on its state's weight"),
    ("looks_at_the_features_it_needs", Wasteful, "needs_features and looks at none of them"),
    ("takes_several_logits", OneAnImage, r"with logits \[N, 1\] .*, after 3 steps, .* is off by"),
    ("works_for_any_image", OnlySquares, "RuntimeError"),
    (
        "works_for_any_image",
        OnlyColors,
        r"RuntimeError|expected a tensor of shape \[4, 1, 16, 16\]",
    ),
    ("trains", Presuming, "AssertionError: where are they"),
    ("works_with_labels", Unlabeled, "a conditional network was called without labels"),
    ("works_in_slices", WholeBatch, "RuntimeError"),
    ("works_under_autocast", Narrow, "RuntimeError: .*dtype"),
    ("declares_image_gradients", Undeclared, "uses_image_gradient is False"),
    ("returns_latents", FewLatents, r"`latents` returns: expected .* \[4, 6\], found \[3, 6\]"),
    ("returns_a_batch", FewReals, r"the real images that `batch` returns: expected"),
    ("returns_transformed_images", Cropping, r"\[4, 3, 16, 16\], found \[4, 3, 15, 16\]"),
    ("transforms_with_right_gradients", Cutting, "has lost the images' graph"),
    ("transforms_with_right_gradients", StraightThrough, "slope of `transform` .* by differences"),
    ("transforms_twice_differentiably", Once, "slope of a gradient through .* by differences"),
    ("transforms_twice_differentiably", Detaching, "slope of a gradient through .* by differences"),
    ("weighs_to_a_mean_of_one", Light, "the mean of the sample weights is 0.5"),
    ("weighs_to_a_mean_of_one", Negative, "a sample weight is -1"),
    ("tells_scalars", TellingEach, r"the figure 'logit': expected the shape \[\], found \[4\]"),
    ("tells_scalars", TellingItself, "the figure 'anchor' is the state's own, not a copy"),
    ("tells_scalars", TellingMore, r"its figures are \['figure 1'\], and then \['figure 2'\]"),
    ("says_whether_it_couples_images", Silent, "a logit depends on other images, which is not"),
    ("says_whether_it_couples_images", Alarming, "warns, but logits depend on one image each"),
    ("updates_its_player", Lazy, "a step leaves the discriminator as it was"),
    (
        "moves_nothing_inside_updates",
        Advancing,
        "after `discriminator_penalty`: discriminator.*diff",
    ),
    ("reads_nothing_back", Deciding, r"`generator_penalty` reads .* \(_local_scalar_dense\)"),
    ("reads_nothing_back", TellingTooMuch, r"`\w+` reads .* \(_local_scalar_dense\)"),
    ("reads_nothing_back", Masking, "`discriminator_penalty` indexes by a mask"),
    ("vanishes_at_strength_zero", Offset, r"at strength 0 the penalty is 0\.\d"),
    ("is_finite_on_extreme_images", Rooted, "the gradient of the discriminator's penalty"),
    ("has_right_gradients", Halfway, "the slope of the discriminator's penalty is .* by diff"),
    ("shares_batches", Alone, r"on two ranks, after 3 steps, .* is off by"),
    ("adds_up_in_slices", Alone, r"in slices of two images, after 3 steps, .* is off by"),
    ("can_be_recorded", Dated, "replayed: .* differs, by up to"),
    ("can_be_recorded", Counting, "a recording does not do what its step does"),
    ("can_be_recorded", Rebinding, "replayed: .* differs, by up to"),
    ("is_as_strong_when_lazy", Compensating, r"one of 3 updates, the mean gradient differs by \d"),
    *WRONG,
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Regularizer], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_penalty_that_has_another_closed_form_is_found(
    try_check: Callable[..., CheckResult],
) -> None:
    result = try_check("agrees_with_its_closed_form", Doubled, closed_slope)
    assert result.status == "failed"
    found, expected = re.findall(r"is (\d\.\d+), its closed form (\d\.\d+)", result.message)[0]
    assert float(found) == pytest.approx(2 * float(expected))


def test_penalty_on_the_wrong_images_is_found(try_check: Callable[..., CheckResult]) -> None:
    result = try_check("agrees_with_its_closed_form", SlopeOfFakes, closed_slope)
    assert result.status == "failed"
    assert "its closed form" in result.message


def test_check_that_imports_torch_is_found(
    try_check: Callable[..., CheckResult], importable: Path
) -> None:
    tried: Any = importlib.import_module("tried_regularizers")
    assert try_check("checks_without_torch", tried.Light).status == "passed"
    result = try_check("checks_without_torch", tried.Heavy)
    assert (result.status, result.message) == ("failed", "`check` imports torch")


def test_regularizer_is_tried_on_what_it_supports(try_check: Callable[..., CheckResult]) -> None:
    class Unlabeled(Noise):
        """Cannot do with classes."""

        @override
        def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
            if classes:
                raise ValueError("there must be no classes")

    class Impossible(Noise):
        """Can do with nothing."""

        @override
        def check(self, image: ImageShape, classes: int, latent_dim: int) -> None:
            raise ValueError(f"never with {latent_dim} latents")

    result = try_check("works_with_labels", Unlabeled)
    assert result.status == "skipped"
    assert result.message == "`check` refuses classes: there must be no classes"
    result = try_check("trains", Impossible)
    assert result.status == "failed"
    assert result.message.endswith("the last because never with 512 latents")


def test_finding_names_the_player_that_it_is_about(try_check: Callable[..., CheckResult]) -> None:
    class OneSided(Twice):
        """Updates only one of the two players that it offers."""

        @override
        def around_update(self, update: Update, step: Step) -> None:
            if self.player == "discriminator":
                update()

    class Narrow(OneSided):
        """Offers one player."""

        player: Literal["discriminator"] = "discriminator"
        """The discriminator."""

    result = try_check("updates_its_player", OneSided)
    assert result.message == "with player = 'generator', a step leaves the generator as it was"
    assert try_check("updates_its_player", Narrow).status == "passed"


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    elsewhere = {"agrees_with_its_closed_form", "checks_without_torch", "works_on_a_gpu"}
    seen = {name for name, *_ in BROKEN} | elsewhere
    assert seen == names_of("regularizer")


@pytest.mark.parametrize("component", SOUND)
def test_sound_regularizers_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Regularizer]
) -> None:
    form = closed_slope if component is Slope else None
    every = try_every_check(component, form)
    elsewhere = ("without_torch", "works_on_a_gpu")  # in other processes, which import it
    results = [each for each in every if not each.id.endswith(elsewhere)]
    assert results
    assert [result for result in results if result.status != "passed"] == []


def test_every_check_is_made_of_a_sound_regularizer() -> None:
    idle = [p.name for p in checks_for("regularizer") if not any(map(p.applies, SOUND))]
    assert idle == []
