"""The DCGAN networks: the report's by default, the paper's on request, any shape they promise."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Self

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from gantool import ImageShape
from gantool.registry.plugin import Plugin
from gantool.testing import Check
from gantool.testing.checking import run_check
from gantool.testing.promises import checks_for
from gantool_dcgan.plugin import DCGAN, SIZES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.training.trainer import Trainer

REPORT = ImageShape(3, 64, 64)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def layers(network: nn.Module) -> list[tuple[Any, ...]]:
    """Return each layer as the report would write it down."""
    return [_described(module) for module in network.modules() if not list(module.children())]


def _described(module: nn.Module) -> tuple[Any, ...]:
    if isinstance(module, CONVOLUTIONS):
        shape = (module.in_channels, module.out_channels, module.kernel_size)
        (kind,) = (each for each in CONVOLUTIONS if isinstance(module, each))
        return (kind, *shape, module.stride[0], module.padding[0], module.bias is not None)
    if isinstance(module, nn.BatchNorm2d):
        return (nn.BatchNorm2d, module.num_features)
    if isinstance(module, nn.LeakyReLU):
        return (nn.LeakyReLU, module.negative_slope)
    return (type(module),)


def test_the_default_generator_is_the_reports() -> None:
    expected: list[tuple[Any, ...]] = []
    for inputs, outputs, stride, padding in (
        (150, 512, 1, 0),
        (512, 256, 2, 1),
        (256, 128, 2, 1),
        (128, 64, 2, 1),
    ):
        expected.append((nn.ConvTranspose2d, inputs, outputs, (4, 4), stride, padding, False))
        expected += [(nn.BatchNorm2d, outputs), (nn.ReLU,)]
    expected += [(nn.ConvTranspose2d, 64, 3, (4, 4), 2, 1, False), (nn.Tanh,)]
    assert layers(DCGAN().generator(REPORT, 0)) == expected


@pytest.mark.parametrize("first_norm", [True, False])
def test_the_default_discriminator_is_the_reports_up_to_the_sigmoid(first_norm: bool) -> None:
    expected: list[tuple[Any, ...]] = []
    for inputs, outputs in ((3, 64), (64, 128), (128, 256), (256, 512)):
        expected.append((nn.Conv2d, inputs, outputs, (4, 4), 2, 1, False))
        if inputs != 3 or first_norm:
            expected.append((nn.BatchNorm2d, outputs))
        expected.append((nn.LeakyReLU, 0.2))
    expected.append((nn.Conv2d, 512, 1, (4, 4), 1, 0, False))
    architecture = DCGAN() if first_norm else DCGAN(first_norm=False)
    assert layers(architecture.discriminator(REPORT, 0)) == expected


@pytest.mark.parametrize("initialization", ["pytorch", "normal"])
def test_first_weights_are_pytorchs_or_the_papers(initialization: Any) -> None:
    torch.manual_seed(0)
    architecture = DCGAN(initialization=initialization)
    generator, discriminator = (
        architecture.generator(REPORT, 9),
        architecture.discriminator(REPORT, 9),
    )
    for network in (generator, discriminator):
        found = 0
        for module in network.modules():
            if isinstance(module, CONVOLUTIONS):
                weight = module.weight.detach()
                fan_in = weight[0].numel()  # what PyTorch takes it to be, transposed or not
                bound = fan_in**-0.5
                deviation = 0.02 if initialization == "normal" else bound / 3**0.5
                assert float(weight.std()) == pytest.approx(deviation, rel=0.05)
                largest = float(weight.abs().max())
                assert largest <= bound if initialization == "pytorch" else largest > 0.06
                found += 1
            elif isinstance(module, nn.BatchNorm2d) and module.affine:
                scales = module.weight.detach()
                deviation = 0.02 if initialization == "normal" else 0
                assert float(scales.std()) == pytest.approx(deviation, abs=0.008)
                assert bool((module.bias == 0).all())
            elif isinstance(module, nn.Embedding):
                as_the_head = network is discriminator and initialization == "pytorch"
                deviation = (3 * 512) ** -0.5 if as_the_head else 0.02
                assert float(module.weight.detach().std()) == pytest.approx(deviation, rel=0.1)
        assert found == 5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("classes", [0, 3])
def test_every_size_and_channel_count_is_built(size: int, channels: int, classes: int) -> None:
    built(ImageShape(channels, size, size), classes, DCGAN(width=1, latent_dim=3))


@pytest.mark.parametrize(("height", "width"), [(16, 64), (128, 32), (16, 256)])
@pytest.mark.parametrize("norm", ["batch", "none", "instance", "layer"])
def test_every_norm_and_other_shape_is_built(height: int, width: int, norm: Any) -> None:
    architecture = DCGAN(width=2, latent_dim=3, discriminator_norm=norm, generator_norm=norm)
    built(ImageShape(3, height, width), 2, architecture)


def built(image: ImageShape, classes: int, architecture: DCGAN) -> None:
    """Check shapes, ranges and the parts that every discriminator has."""
    architecture.check(image, classes)
    generator = architecture.generator(image, classes)
    discriminator: Any = architecture.discriminator(image, classes)
    labels = [torch.arange(2) % classes] if classes else []
    images = generator(torch.randn(2, 3), *labels)
    assert images.shape == (2, *image)
    assert float(images.detach().abs().max()) <= 1
    logits = discriminator(images, *labels)
    assert logits.shape == (2,)
    discriminator.eval()
    features = discriminator.features(images, *labels)
    assert features.shape[0] == 2
    assert min(features.shape[2:]) == 4
    torch.testing.assert_close(
        discriminator.head(features, *labels), discriminator(images, *labels)
    )
    values = images
    for block in discriminator.blocks:
        values = block(values)
    torch.testing.assert_close(values, features)
    trained = [*generator.parameters(), *discriminator.parameters()]
    slopes = torch.autograd.grad(logits.sum(), trained)
    assert all(bool(slope.isfinite().all()) for slope in slopes)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 64)])
def test_patches_have_logits_of_their_own(height: int, width: int, classes: int) -> None:
    torch.manual_seed(0)
    architecture = DCGAN(width=2, discriminator_norm="none", patches=True)
    network: Any = architecture.discriminator(ImageShape(3, height, width), classes)
    images = torch.randn(2, 3, height, width).requires_grad_()
    labels = [torch.tensor([2, 0])] if classes else []
    logits, features = network(images, *labels), network.features(images)  # [N, C, 4, width / ...]
    assert logits.shape == (2, 4 * 4 * width // height)
    weights = network.to_logit.weight[0, :, 0, 0].expand(2, -1)  # [N, C]
    if classes:  # Miyato & Koyama 2018, eq. 3, at each place
        weights = weights + network.embedding(labels[0])
    expected = torch.einsum("nc,nchw->nhw", weights, features) + network.to_logit.bias
    torch.testing.assert_close(logits, expected.flatten(1))
    (slope,) = torch.autograd.grad(logits[:, 0].sum(), images)  # of the patch in the corner
    seen = slope.abs().sum((0, 1)) > 0
    side = height // 4 * 2 - 1  # halvings by kernels of 4 see 2 * 2^n - 1 pixels from the border
    assert bool(seen[:side, :side].any(1).all())
    assert not bool(seen[side:].any())
    assert not bool(seen[:, side:].any())


@pytest.mark.parametrize("normalized", ["none", "layer"])
def test_patches_keep_the_promises_of_every_architecture(normalized: Any) -> None:
    class Patches(DCGAN):
        """The same with patches."""

        @classmethod
        def example(cls, scratch: Path) -> Self:
            return cls(width=2, latent_dim=6, discriminator_norm=normalized, patches=True)

    elsewhere = {"works_on_a_gpu", "checks_without_torch"}
    promises = [each for each in checks_for("architecture") if each.name not in elsewhere]
    assert promises
    for promise in promises:
        result = run_check(Check(promise, Plugin("dcgan", "json", "gantool", "1", ()), Patches))
        assert result.status == "passed", result.message


def test_images_and_logits_are_in_full_precision_under_autocast() -> None:
    generator, discriminator = DCGAN().generator(REPORT, 0), DCGAN().discriminator(REPORT, 3)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        images = generator(torch.randn(4, 150))
        logits = discriminator(images, torch.tensor([0, 1, 2, 0]))
    assert images.dtype == logits.dtype == torch.float32
    for found in (images, logits):
        assert not torch.equal(found, found.bfloat16().float())


def test_channels_double_up_to_sixteen_times_the_width() -> None:
    discriminator = DCGAN(width=2).discriminator(ImageShape(3, 256, 256), 0)
    outputs = [m.out_channels for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert outputs == [2, 4, 8, 16, 32, 32, 1]


@pytest.mark.parametrize("norm", ["batch", "none", "instance", "layer"])
def test_labels_scale_and_shift_each_channel_after_its_normalization(norm: Any) -> None:
    torch.manual_seed(0)
    architecture = DCGAN(width=4, latent_dim=5, generator_norm=norm)
    generator: Any = architecture.generator(ImageShape(3, 16, 16), 3).eval()
    latents, labels = torch.randn(6, 5), torch.tensor([0, 1, 2, 2, 1, 0])
    maps = latents[:, :, None, None]
    for block in generator.blocks:  # Dumoulin et al. 2017, eq. 5
        layer, *normalized, scale, activation = block
        for part in (layer, *normalized):
            maps = part(maps)
            assert part is layer or not list(part.parameters())
        gain, shift = 1 + scale.gain.weight[labels], scale.shift.weight[labels]
        maps = activation(torch.einsum("nchw,nc->nchw", maps, gain) + shift[:, :, None, None])
    torch.testing.assert_close(generator(latents, labels), generator.to_image(maps))
    assert not torch.allclose(generator.to_image(maps), generator(latents, (labels + 1) % 3))


def test_labels_can_be_embedded_beside_the_latent() -> None:
    torch.manual_seed(0)
    architecture = DCGAN(width=4, latent_dim=5, conditioning="latent")
    generator: Any = architecture.generator(ImageShape(3, 16, 16), 3).eval()
    latents, labels = torch.randn(6, 5), torch.tensor([0, 1, 2, 2, 1, 0])
    maps = torch.cat([latents, generator.embedding.weight[labels]], 1)[:, :, None, None]
    for block in generator.blocks:
        maps = block(maps)
    torch.testing.assert_close(generator(latents, labels), generator.to_image(maps))
    known = {"embedding.weight", "to_image.0.weight", *KEYS_OF_A_BLOCK_PAIR}
    assert set(generator.state_dict()) == known, "runs of before have these"


KEYS_OF_A_BLOCK_PAIR = {
    f"blocks.{block}.{part}"
    for block in (0, 1)
    for part in (
        "0.weight",
        *(f"1.{n}" for n in ("weight", "bias", "running_mean", "running_var")),
        "1.num_batches_tracked",
    )
}


def test_features_are_projected_on_the_class() -> None:
    torch.manual_seed(0)
    discriminator: Any = DCGAN(width=4).discriminator(ImageShape(3, 16, 16), 3).eval()
    images, labels = torch.rand(6, 3, 16, 16), torch.tensor([0, 1, 2, 2, 1, 0])
    features = discriminator.features(images)  # Miyato & Koyama 2018, eq. 3
    projected = torch.einsum("nc,nchw->n", discriminator.embedding.weight[labels], features)
    projected = projected / 4  # as long a kernel, over 16 places, as the weights of the class
    expected = discriminator.to_logit(features).squeeze() + projected
    torch.testing.assert_close(discriminator(images, labels), expected)


def test_a_short_conditional_run_keeps_variety_within_classes(
    build: Callable[..., Trainer],
) -> None:
    """Of its images, those of one class differ about as much as those of a run without classes."""
    varied, within = (_variety_after(100, build, classes) for classes in (0, 3))
    assert within > 0.7 * varied > 0.07


def _variety_after(steps: int, build: Callable[..., Trainer], classes: int) -> float:
    """Return the mean deviation of pixels over latents, within classes if there are any."""
    trainer = build(
        architecture=DCGAN(width=8, latent_dim=16),
        optimizer={"use": "adam", "learning_rate": 1e-3, "betas": [0.5, 0.999]},
        classes=classes,
        count=192,
        image={"size": 16},
        training={"steps": steps, "batch_size": 32},
        device={"precision": "float32"},
    )
    for _ in range(steps):
        trainer.one_step()
    generator = trainer.game.network("generator").eval()
    latents = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = [[torch.full((64,), label)] for label in range(classes)] or [[]]
        return float(
            torch.stack([generator(latents, *each).std(0).mean() for each in labels]).mean()
        )


@pytest.mark.parametrize("norm", ["batch", "none", "instance", "layer"])
def test_images_depend_on_other_latents_only_through_batchnorm(norm: Any) -> None:
    torch.manual_seed(0)
    generator = DCGAN(width=4, generator_norm=norm).generator(ImageShape(3, 16, 16), 0)
    latents = torch.randn(4, 150)
    others = torch.cat([latents[:1], 3 * latents[1:]])
    coupled = not torch.allclose(generator(latents)[0], generator(others)[0], atol=1e-6)
    assert coupled == (norm == "batch")
    layers = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert len(layers) == 3
    assert {layer.bias is not None for layer in layers} == {norm == "none"}
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "layer": nn.GroupNorm}
    found = [type(m) for m in generator.modules() if type(m) in kinds.values()]
    assert found == ([] if norm == "none" else [kinds[norm]] * 2)


@pytest.mark.parametrize("norm", ["batch", "none", "instance", "layer"])
def test_batch_coupling_tells_whether_logits_depend_on_other_images(norm: Any) -> None:
    torch.manual_seed(0)
    architecture = DCGAN(width=4, discriminator_norm=norm)
    discriminator = architecture.discriminator(ImageShape(3, 16, 16), 0)
    images = torch.rand(4, 3, 16, 16)
    others = torch.cat([images[:1], -images[1:]])
    coupled = not torch.allclose(discriminator(images)[0], discriminator(others)[0], atol=1e-6)
    assert (architecture.batch_coupling() is not None) == coupled == (norm == "batch")


@pytest.mark.parametrize(("height", "width"), [(48, 48), (8, 8), (512, 512), (64, 65)])
def test_other_sizes_are_refused_by_name(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"16, 32, 64, 128, 256, got {height}x{width}"):
        DCGAN().check(ImageShape(3, height, width), 0)


@pytest.mark.parametrize(
    "options",
    [
        {"width": 0},
        {"latent_dim": 0},
        {"width": 8.5},
        {"initialization": "xavier"},
        {"discriminator_norm": "group"},
        {"first_norm": "yes"},
        {"depth": 3},
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DCGAN.model_validate(options)


def test_conditional_players_are_trained(build: Callable[..., Trainer]) -> None:
    for norm, channels in itertools.product(("batch", "layer"), (1, 4)):
        trainer = build(
            architecture=DCGAN.model_validate(
                {"width": 2, "latent_dim": 3, "discriminator_norm": norm}
            ),
            classes=3,
            image={"size": [16, 32], "channels": channels},
        )
        competitors = trainer.game.competitors.values()
        before = [[weight.detach().clone() for weight in c.parameters] for c in competitors]
        trainer.one_step()
        for competitor, weights in zip(competitors, before, strict=True):
            pairs = zip(competitor.parameters, weights, strict=True)
            assert not any(torch.equal(now, then) for now, then in pairs)
