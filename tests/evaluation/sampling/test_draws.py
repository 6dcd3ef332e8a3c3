"""Images do not depend on who asks for which; classes are found by their names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gantool import ImageShape, UsageError
from gantool.evaluation.sampling.draws import (
    CHUNK,
    STANDING_CHUNKS,
    draw_labels,
    draw_latents,
    gather_statistics,
    generate_chunks,
    label_of,
)
from gantool.training.device.device import Device
from gantool.training.randomness import seed_of
from gantool_dcgan.plugin import DCGAN

CPU = Device(torch.device("cpu"))
CLASSES = 3


def generate(
    generator: nn.Module, latents: Tensor, labels: Tensor | None, **options: Any
) -> Tensor:
    """Return the images of latents."""
    return torch.cat(list(generate_chunks(generator, latents, labels, CPU, **options)))


def conditional() -> nn.Module:
    torch.manual_seed(0)
    dcgan = DCGAN(width=4, latent_dim=6, conditioning="latent")
    return dcgan.generator(ImageShape(1, 16, 16), CLASSES)


def test_an_image_does_not_depend_on_the_others_that_are_asked_for() -> None:
    generator, latents = conditional(), draw_latents(1, 4, 6)
    mixed = torch.tensor([1, 0, 2, 1])
    options: dict[str, Any] = {"batch_statistics": "standing", "classes": CLASSES}
    among_others = generate(generator, latents, mixed, **options)
    alone = generate(generator, latents, torch.ones(4, dtype=torch.int64), **options)
    assert torch.equal(among_others[[0, 3]], alone[[0, 3]])
    assert not torch.equal(among_others[1], alone[1])


def test_standing_statistics_are_the_mean_of_those_of_all_chunks() -> None:
    generator = conditional()
    gather_statistics(generator, 6, CLASSES, CPU)
    count = STANDING_CHUNKS * CHUNK
    latents = draw_latents(seed_of("standing statistics"), count, 6)
    labels = draw_labels(seed_of("standing labels"), count, CLASSES)
    plain = conditional()
    first = plain.get_submodule("blocks.0")
    embedding = plain.get_submodule("embedding")
    assert isinstance(first, nn.Sequential)
    assert isinstance(first[1], nn.BatchNorm2d)
    with torch.no_grad():
        maps = first[0](torch.cat([latents, embedding(labels)], 1)[:, :, None, None])
    means = maps.view(STANDING_CHUNKS, CHUNK, *maps.shape[1:]).mean((1, 3, 4))  # [chunks, C]
    found = generator.get_submodule("blocks.0.1")
    assert isinstance(found, nn.BatchNorm2d)
    assert found.running_mean is not None
    torch.testing.assert_close(found.running_mean, means.mean(0))


@pytest.mark.parametrize("said", ["stela", "Stella Notara", "NOTTARA", "nottar"])
def test_a_class_is_suggested_by_any_word_of_its_name(said: str) -> None:
    with pytest.raises(UsageError) as caught:
        label_of(f"{said}x", ["Stella Nottara", "Odo Nebelmann"], "run")
    assert str(caught.value.hint).startswith("did you mean 'Stella Nottara'?")


def test_images_of_a_generator_without_a_bound_are_clamped() -> None:
    torch.manual_seed(0)
    dcgan = DCGAN(width=4, latent_dim=6, output="none")
    generator, latents = dcgan.generator(ImageShape(1, 16, 16), 0).eval(), draw_latents(1, 70, 6)
    with torch.no_grad():
        generator.get_parameter("to_image.0.weight").mul_(40)
        raw = torch.cat([generator(latents[:64]), generator(latents[64:])])
    assert not dcgan.is_bounded()
    assert raw.abs().max() > 2
    drawn = generate(generator, latents, None, classes=0)
    assert torch.equal(drawn, raw.where(raw.abs() <= 1, raw.sign()))
