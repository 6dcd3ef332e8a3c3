from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Extractor, PluginError
from gantool.data import cache
from gantool.data.selection import TrainingImages
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.features import FILE, FeatureNetwork, cached_features

pytestmark = pytest.mark.quick

CPU = torch.device("cpu")


class Counting(nn.Module):
    """Means of channels, and logits if asked; counts the images it is shown."""

    seen = 0

    def __init__(self, weight: float, *, classifies: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.classifies = classifies

    @override
    def forward(self, images: Tensor) -> Any:
        Counting.seen += len(images)
        features = self.weight * images.float().mean((2, 3))
        return (features, features[:, :2]) if self.classifies else features


class Means(Extractor):
    """Means of channels."""

    name = "means"
    weight: float = 1.0
    """A factor."""
    classifies: bool = False
    """Whether there are logits."""
    draws: bool = False
    """Whether loading draws random numbers."""

    @override
    def load(self) -> nn.Module:
        if self.draws:
            torch.rand(3)
        return Counting(self.weight, classifies=self.classifies)


class Resized(Means):
    """The same features, from images of another size."""

    resizer = "nearest, 8x8"


class Broken(Extractor):
    """Returns what it should not."""

    name = "broken"
    fault: str
    """Which fault."""

    @override
    def load(self) -> nn.Module:
        if self.fault == "load":
            raise RuntimeError("no such layer")
        return nn.Flatten(2) if self.fault == "shape" else Logits()


class Logits(nn.Module):
    @override
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = images.float().mean((2, 3))
        return features, features[:-1]


@pytest.fixture
def images() -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (37, 3, 5, 4), dtype=torch.uint8, generator=random)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "own-cache"))


def looked_at(extractor: Extractor, images: Tensor) -> int:
    """Return how many images the network was shown to get the right features of all."""
    Counting.seen = 0
    network = FeatureNetwork(extractor, CPU)
    found = cached_features(network, images)
    seen = Counting.seen
    expected = network(images)
    assert torch.equal(found.features, expected.features)
    assert (found.logits is None) == (expected.logits is None)
    if found.logits is not None and expected.logits is not None:
        assert torch.equal(found.logits, expected.logits)
    return seen


@pytest.mark.parametrize("classifies", [False, True])
def test_real_images_are_looked_at_once(images: Tensor, classifies: bool) -> None:
    extractor = Means(classifies=classifies)
    assert looked_at(extractor, images) == 37
    assert looked_at(extractor, images) == 0
    (entry,) = cache.entries()
    assert entry.section == "features"
    assert entry.name.startswith("means-37-")
    assert cache.clear([entry]) == [entry]
    assert looked_at(extractor, images) == 37


def test_other_images_or_extractors_have_other_features(images: Tensor) -> None:
    looked_at(Means(), images)
    other = images.clone()
    other[3, 1, 2, 2] ^= 1
    assert looked_at(Means(), other) == 37
    assert looked_at(Means(weight=2.0), images) == 37
    assert looked_at(Resized(), images) == 37
    assert looked_at(Means(), images.reshape(37, 3, 4, 5)) == 37
    assert len(cache.entries()) == 5


@pytest.mark.parametrize("damage", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}", None])
def test_damaged_features_are_computed_again(images: Tensor, damage: bytes | None) -> None:
    looked_at(Means(), images)
    (file,) = cache.features_cache().glob(f"*/{FILE}")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert looked_at(Means(), images) == 37
    assert file.read_bytes() == whole


def test_no_cache_is_no_obstacle(
    images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "file"))
    assert looked_at(Means(), images) == 37
    assert looked_at(Means(), images) == 37


def test_pixels_are_their_own_features(images: Tensor) -> None:
    found = cached_features(FeatureNetwork(None, CPU), images)
    assert torch.equal(found.features, images.flatten(1) / 255)
    assert cache.entries() == []


def test_chunks_are_told_of(images: Tensor) -> None:
    told: list[tuple[int, int]] = []
    FeatureNetwork(Means(), CPU)(images, lambda done, total: told.append((done, total)))
    assert told[-1] == (37, 37)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("shape", r"shape \[16, 3, 20\] .*, expected features \[N, F\] for 16 images"),
        ("logits", r"shape \[15, 3\] .*, expected logits \[N, K\] for 16 images"),
        ("load", r"failed in load .*: RuntimeError: no such layer"),
    ],
)
def test_what_is_no_features_is_refused(images: Tensor, fault: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        FeatureNetwork(Broken(fault=fault), CPU)(images)


def test_loading_draws_none_of_the_runs_random_numbers(images: Tensor) -> None:
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    FeatureNetwork(Means(draws=True), CPU)(images)
    assert torch.equal(torch.rand(4), expected)


def test_gray_images_are_looked_at_as_gray_and_alpha_is_not_looked_at(images: Tensor) -> None:
    network = FeatureNetwork(Means(), CPU)
    gray = network(images[:, :1]).features
    assert torch.equal(gray[:, :1].expand(-1, 3), gray)
    transparent = torch.cat([images, images[:, :1]], 1)
    assert torch.equal(network(transparent).features, network(images).features)


def test_halves_of_the_real_images_share_none(images: Tensor) -> None:
    pixels = images.permute(0, 2, 3, 1).contiguous()
    witness = Witness(
        FeatureNetwork(Means(classifies=True), CPU), TrainingImages(pixels, pixels[:0])
    )
    halves = witness.real_halves(5)
    both = [set(map(tuple, half.images.flatten(1).tolist())) for half in (halves.real, halves.fake)]
    assert [len(half) for half in both] == [18, 18]
    assert not both[0] & both[1]
    assert both[0] | both[1] < set(map(tuple, images.flatten(1).tolist()))
    assert torch.allclose(halves.fake.features, halves.fake.images.float().mean((2, 3)))
    assert halves.fake.logits is not None
    assert torch.equal(halves.fake.logits, halves.fake.features[:, :2])
    assert not torch.equal(witness.real_halves(6).real.images, halves.real.images)


def test_shape_is_known_beforehand(images: Tensor) -> None:
    pixels = images.permute(0, 2, 3, 1).contiguous()
    Counting.seen = 0
    shape = Witness(
        FeatureNetwork(Means(classifies=True), CPU), TrainingImages(pixels[:30], pixels[30:])
    ).shape(100)
    assert (shape.real, shape.fake, shape.held_out) == (30, 100, 7)
    assert (shape.features, shape.logits) == (3, 2)
    assert Counting.seen == 1
    assert (
        Witness(FeatureNetwork(None, CPU), TrainingImages(pixels, pixels[:0])).shape(1).features
        == 60
    )
