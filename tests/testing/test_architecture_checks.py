"""Each check of architectures, seen failing on one that breaks its promise."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

import gantool
from gantool import ImageShape, NoiseSource
from gantool.testing.harness.networks import (
    Norm,
    SmallDiscriminator,
    SmallGenerator,
    SmallNetworks,
    StyleGenerator,
)

if TYPE_CHECKING:
    from gantool.testing import CheckResult

Labels = Tensor | None


class Sound(SmallNetworks):
    """Small networks."""

    g: ClassVar[Callable[..., nn.Module]] = SmallGenerator
    d: ClassVar[Callable[..., nn.Module]] = SmallDiscriminator

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return type(self).g(image, self.latent_dim, classes, self.norm)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return type(self).d(image, classes, self.norm)


class SoundSpectral(Sound):
    """Small networks with spectral norm."""

    norm: Norm = "spectral"
    """Normalization."""


class SoundBatch(Sound):
    """Small networks with BatchNorm."""

    norm: Norm = "batch"
    """Normalization."""


class Agreeable(Sound):
    """Accepts sides that its networks cannot have."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        del image, classes

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return super().generator(image._replace(height=image.height // 16 * 16), classes)


class OnlySquares(Sound):
    """Has networks for squares, and says nothing of it."""

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return super().generator(image._replace(width=image.height), classes)


class Timid(Sound):
    """Refuses a side that its networks can have."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        super().check(image, classes)
        if image.height == 24:
            msg = "24 is not supported"
            raise ValueError(msg)


class OnlyColors(Sound):
    """Has networks for color images, and says nothing of it."""

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return super().generator(image._replace(channels=3), classes)


class Blind(SmallDiscriminator):
    @override
    def head(self, features: Tensor, labels: Labels = None) -> Tensor:
        logits: Tensor = self.to_logit(features).flatten()
        return logits if labels is None else logits + 0 * labels


class Joined(SmallDiscriminator):
    """Takes the last two classes for one."""

    @override
    def head(self, features: Tensor, labels: Labels = None) -> Tensor:
        return super().head(features, None if labels is None else labels.clamp(max=1))


class Deaf(SmallGenerator):
    """Makes images of labels alone, or of nothing."""

    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(0 * latents, labels)


class HalfDeaf(SmallGenerator):
    """Forgets the second half of its latents."""

    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        heard = torch.arange(latents.shape[1]) < latents.shape[1] // 2
        return super().forward(latents * heard, labels)


class Tiring(SmallGenerator):
    """Makes three batches, and then no more."""

    batches = 0

    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        self.batches += 1
        return super().forward(latents, labels) if self.batches < 3 else latents[:0]


class FiveDimensional(SmallDiscriminator):
    """Has a weight of five dimensions, as modulated convolutions do."""

    def __init__(self, image: ImageShape, classes: int, norm: Norm) -> None:
        super().__init__(image, classes, norm)
        self.gain = nn.Parameter(torch.ones(1, 1, image.channels, 1, 1))

    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().features(images * self.gain[0], labels)


class Split(StyleGenerator):
    def __init__(self, image: ImageShape, latent_dim: int, classes: int, norm: Norm) -> None:
        super().__init__(image, latent_dim, classes)


class SplitOtherwise(Split):
    """Takes the next class when it is asked for a whole image."""

    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        other = None if labels is None else (labels + 1) % 3
        return super().forward(latents, other)


class SplitInHalf(SmallGenerator):
    """Has a mapping alone."""

    def mapping(self, latents: Tensor, labels: Labels = None) -> Tensor:
        return latents


class Frozen(SmallDiscriminator):
    """Has a first block that is not trained, as one with weights from elsewhere."""

    def __init__(self, image: ImageShape, classes: int, norm: Norm) -> None:
        super().__init__(image, classes, norm)
        self.blocks[0].requires_grad_(False)


class Projecting(SmallDiscriminator):
    """Looks at random projections that no optimizer knows."""

    saved = True

    def __init__(self, image: ImageShape, classes: int, norm: Norm) -> None:
        super().__init__(image, classes, norm)
        layers = nn.Sequential(
            nn.Conv2d(image.channels, image.channels, 3, padding=1),
            nn.BatchNorm2d(image.channels),
        )
        self.projection = gantool.Frozen(layers, saved=self.saved)

    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().features(images + self.projection(images), labels)


class Forgetful(Projecting):
    """Takes projections that are drawn for such that are read."""

    saved = False


class Waking(Projecting):
    """Has its projections follow the images."""

    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        self.projection.module.train()
        return super().features(images, labels)


class Meddling(Projecting):
    """Moves its projections by itself."""

    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        with torch.no_grad():
            self.projection.module.get_parameter("0.weight").mul_(0.9)
        return super().features(images, labels)


class FrozenToo(SmallGenerator):
    """Has a first block that is not trained."""

    def __init__(self, image: ImageShape, latent_dim: int, classes: int, norm: Norm) -> None:
        super().__init__(image, latent_dim, classes, norm)
        self.blocks[0].requires_grad_(False)


class Swamped(SmallDiscriminator):
    """Projects sums over all places on a class as large as PyTorch draws it."""

    def __init__(self, image: ImageShape, classes: int, norm: Norm) -> None:
        super().__init__(image, classes, norm)
        if self.embedding is not None:
            self.embedding.reset_parameters()


class Bright(SmallGenerator):
    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        return 2 * super().forward(latents, labels)


class Unbounded(Sound):
    """Makes images without a bound, and says so."""

    g = Bright

    @override
    def is_bounded(self) -> bool:
        return False


class Map(SmallDiscriminator):
    @override
    def forward(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(images, labels)[:, None, None, None].expand(-1, 1, 2, 2)


class AsManyAsImages(SmallDiscriminator):
    @override
    def forward(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(images, labels)[:, None].expand(-1, len(images))


class Squeezed(SmallDiscriminator):
    @override
    def head(self, features: Tensor, labels: Labels = None) -> Tensor:
        return super().head(features, labels).squeeze()


class Whole(SmallDiscriminator):
    def __init__(self, image: ImageShape, classes: int, norm: Norm) -> None:
        super().__init__(image, classes, norm)
        self.blocks: Any = nn.Sequential(*self.blocks)


class Shifted(SmallDiscriminator):
    @override
    def forward(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(images, labels) + 1


class Listed(SmallDiscriminator):
    @override
    def features(self, images: Tensor, labels: Labels = None) -> Any:
        return [super().features(images, labels)]

    @override
    def head(self, features: Any, labels: Labels = None) -> Tensor:
        return super().head(features[0], labels)


class Idle(SmallGenerator):
    def __init__(self, image: ImageShape, latent_dim: int, classes: int, norm: Norm) -> None:
        super().__init__(image, latent_dim, classes, norm)
        self.unused = nn.Linear(2, 2)


class Piecewise(SmallDiscriminator):
    @override
    def forward(self, images: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(images.detach(), labels) + images.mean((1, 2, 3))


class Once(torch.autograd.Function):
    """The identity, that can be differentiated once."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return images.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class DifferentiableOnce(SmallDiscriminator):
    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        features: Tensor = Once.apply(super().features(images, labels))
        return features


class Unsaved(SmallGenerator):
    """Keeps a random direction that is not saved."""

    direction: Tensor

    def __init__(self, image: ImageShape, latent_dim: int, classes: int, norm: Norm) -> None:
        super().__init__(image, latent_dim, classes, norm)
        self.register_buffer("direction", torch.randn(latent_dim), persistent=False)

    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(latents * self.direction, labels)


class Fixed(SmallGenerator):
    """Seeds its weights by itself."""

    def __init__(self, *arguments: Any) -> None:
        torch.manual_seed(7)
        super().__init__(*arguments)


class FixedToo(SmallDiscriminator):
    """Seeds its weights by itself."""

    def __init__(self, *arguments: Any) -> None:
        torch.manual_seed(8)
        super().__init__(*arguments)


class Unseeded(SmallGenerator):
    """Draws weights that no seed gives again."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        chance = torch.Generator()
        chance.seed()
        nn.init.normal_(self.to_image.weight, generator=chance)


class Dropping(SmallDiscriminator):
    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        return nn.functional.dropout(super().features(images, labels), 0.2, self.training)


class Remembering(SmallDiscriminator):
    """Draws a mask once and keeps it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.source = NoiseSource()
        self.mask: Tensor | None = None

    @override
    def features(self, images: Tensor, labels: Labels = None) -> Tensor:
        found = super().features(images, labels)
        if self.mask is None:
            self.mask = self.source.uniform(*found.shape) > 0.2
        return found * self.mask


class Coupled(SoundBatch):
    """Has BatchNorm, and says nothing of it."""

    @override
    def batch_coupling(self) -> str | None:
        return None


class Anxious(Sound):
    """Warns of what is not so."""

    @override
    def batch_coupling(self) -> str | None:
        return "use no normalization"


class Single(SmallGenerator):
    @override
    def forward(self, latents: Tensor, labels: Labels = None) -> Tensor:
        return super().forward(latents, labels).float()


class Strict(SmallDiscriminator):
    """Copies logits into a tensor of the images' type, whatever theirs is."""

    @override
    def forward(self, images: Tensor, labels: Labels = None) -> Tensor:
        places = torch.arange(len(images))
        return images.new_zeros(len(images)).scatter(0, places, super().forward(images, labels))


def of(g: type[nn.Module] = SmallGenerator, d: type[nn.Module] = SmallDiscriminator) -> type[Sound]:
    """Return an architecture of other networks."""
    about = {"__module__": __name__, "__doc__": "Other networks."}
    return type(f"{g.__name__}And{d.__name__}", (Sound,), {**about, "g": g, "d": d})


BROKEN = [
    ("checks_what_can_be_built", Agreeable, r"accepts 20x20 with 3 channels: .*20, 20\], found"),
    (
        "checks_what_can_be_built",
        OnlySquares,
        r"accepts 16x20 with 3 channels: .* found \[3, 3, 16",
    ),
    (
        "checks_what_can_be_built",
        Timid,
        "refuses 24x24 with 3 channels, for which the networks work",
    ),
    ("works_with_any_channels", OnlyColors, "accepts 16x16 with 1 channels"),
    ("works_with_labels", of(d=Blind), "the Blind takes label 0 and label 1 for the same"),
    ("works_with_labels", of(d=Joined), "the Joined takes label 1 and label 2 for the same"),
    (
        "listens_to_every_latent",
        of(g=Deaf),
        r"of 6 numbers in a latent, 6 change nothing: \[0, 1, 2, 3, 4\]",
    ),
    (
        "listens_to_every_latent",
        of(g=HalfDeaf),
        r"of 6 numbers in a latent, 3 change nothing: \[3, 4, 5\]",
    ),
    (
        "divides_the_generator",
        of(g=SplitOtherwise),
        "`synthesis` after `mapping` gives other images than forward",
    ),
    ("divides_the_generator", of(g=SplitInHalf), "the generator has `mapping` alone"),
    ("trains", of(g=Tiring), r"forward \(.*\) returned a tensor of shape \[0, 6\]"),
    ("begins_alike_with_classes", of(d=Swamped), r"loss is \S+ with classes and \S+ without"),
    ("generates_images", of(g=Bright), r"reach 2, .*, which `is_bounded` does not say"),
    ("gives_logits_for_each_image", of(d=Map), r"\[3\] or \[3, K\], found \[3, 1, 2, 2\]"),
    ("gives_logits_for_each_image", of(d=Squeezed), r"shape \[1\] or \[1, K\], found \[\]"),
    ("gives_logits_for_each_image", of(d=AsManyAsImages), r"\[3, 3\] for three .* \[1, 1\] for"),
    ("divides_the_discriminator", of(d=Whole), "`blocks` is a Sequential, not an nn.ModuleList"),
    ("divides_the_discriminator", of(d=Shifted), "gives other logits than forward"),
    ("divides_the_discriminator", of(d=Listed), r"is list, no tensor or tuple of rows \[3\]"),
    ("trains_every_parameter", of(g=Idle), "the generator's unused.weight gets no gradient"),
    ("can_be_differentiated_twice", of(d=Piecewise), "does not depend on the weights"),
    ("can_be_differentiated_twice", of(d=DifferentiableOnce), "by differences"),
    ("can_be_saved", of(g=Unsaved), "after loading the saved state: images differs"),
    (
        "builds_by_the_seed",
        of(g=Unseeded),
        "with the same seed of torch: generator's to_image.weight",
    ),
    ("builds_by_the_seed", of(g=Fixed, d=FixedToo), "another seed of torch gives the same weights"),
    ("can_be_saved", of(d=Forgetful), "the frozen weights of 'projection' are others than those"),
    ("leaves_frozen_parts_alone", of(d=Waking), "'discriminator.projection' is in training mode"),
    ("leaves_frozen_parts_alone", of(d=Meddling), "the frozen 'discriminator.projection': 0.weigh"),
    (
        "draws_no_random_numbers",
        of(d=Dropping),
        "draws numbers of its own; use a gantool",
    ),
    ("asks_its_noise_sources_anew", of(d=Remembering), "draws nothing from 'source'"),
    ("says_whether_it_couples_images", Coupled, "depends on other images, which is not said"),
    ("says_whether_it_couples_images", Anxious, "warns, but logits depend on one image each"),
    ("works_in_float64", of(g=Single), "in float64, the images are torch.float32"),
    ("works_under_autocast", of(d=Strict), "RuntimeError: .*dtype"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Sound], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_check_that_imports_torch_is_found(
    try_check: Callable[..., CheckResult], importable: Path
) -> None:
    tried: Any = importlib.import_module("tried_architectures")
    assert try_check("checks_without_torch", tried.Light).status == "passed"
    result = try_check("checks_without_torch", tried.Heavy)
    assert (result.status, result.message) == ("failed", "`check` imports torch")


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    elsewhere = {"checks_without_torch", "works_on_a_gpu"}
    assert {name for name, *_ in BROKEN} | elsewhere == names_of("architecture")


def test_architecture_without_classes_is_not_asked_for_labels(
    try_check: Callable[..., CheckResult],
) -> None:
    class Unlabeled(Sound):
        """Networks without labels."""

        @override
        def check(self, image: ImageShape, classes: int) -> None:
            if classes:
                msg = "there are no classes"
                raise ValueError(msg)

    result = try_check("works_with_labels", Unlabeled)
    assert result.status == "skipped"
    assert result.message == "`check` refuses classes: there are no classes"


SOUND = [
    Sound,
    SoundSpectral,
    SoundBatch,
    Unbounded,
    of(d=Projecting),
    of(g=FrozenToo, d=Frozen),
    of(Split, FiveDimensional),
]


@pytest.mark.parametrize("component", SOUND)
def test_sound_architectures_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Sound]
) -> None:
    elsewhere = ("without_torch", "works_on_a_gpu")  # in other processes, which import it
    results = [each for each in try_every_check(component) if not each.id.endswith(elsewhere)]
    assert results
    assert [result for result in results if result.status != "passed"] == []
