"""Each check of extractors, seen failing on an extractor that breaks its promise."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Extractor, MissingExtraError

if TYPE_CHECKING:
    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick


class Means(nn.Module):
    """Weighted means of the channels."""

    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, images: Tensor) -> Any:
        return images.float().mean((2, 3)) @ self.weight


class Sound(Extractor):
    """Means of channels."""

    name = "sound"

    @override
    def load(self) -> nn.Module:
        return Means(torch.eye(3))


class Classifying(Sound):
    """Means of channels, and which is the largest."""

    @override
    def load(self) -> nn.Module:
        class Both(Means):
            @override
            def forward(self, images: Tensor) -> Any:
                features = super().forward(images)
                return features, features @ self.weight

        return Both(torch.eye(3))


class Fetching(Sound):
    """Fetches its weights each time."""

    @override
    def load(self) -> nn.Module:
        socket.getaddrinfo("weights.example", 443)
        return super().load()


class Maps(Sound):
    """Gives maps of features."""

    @override
    def load(self) -> nn.Module:
        class Whole(nn.Module):
            def forward(self, images: Tensor) -> Tensor:
                return images.float()

        return Whole()


class Pixels(Sound):
    """Gives as many features as there are pixels."""

    @override
    def load(self) -> nn.Module:
        class Flat(nn.Module):
            def forward(self, images: Tensor) -> Tensor:
                return images.float().flatten(1)

        return Flat()


class Noisy(Sound):
    """Adds noise."""

    @override
    def load(self) -> nn.Module:
        class Noise(Means):
            @override
            def forward(self, images: Tensor) -> Any:
                return super().forward(images) + torch.randn(3)

        return Noise(torch.eye(3))


class Unseeded(Sound):
    """Draws its weights when it is loaded."""

    @override
    def load(self) -> nn.Module:
        return Means(torch.randn(3, 3))


class Coupled(Sound):
    """Compares images with the mean of the batch."""

    @override
    def load(self) -> nn.Module:
        class Centered(Means):
            @override
            def forward(self, images: Tensor) -> Any:
                features = super().forward(images)
                return features - features.mean(0)

        return Centered(torch.eye(3))


class Abbreviated(Sound):
    """States the first digits of a digest."""

    @override
    def weights_digest(self) -> str | None:
        return "6726825d"


class Mute(Sound):
    """Does not say how it resizes."""

    resizer: ClassVar[str] = ""


BROKEN = [
    ("loads_without_a_network", Fetching, "there is no network in this check"),
    ("gives_features", Maps, r"1 images give features of shape \[1, 3, 16, 16\]"),
    ("gives_features", Pixels, r"images give features of \[768, 4608\] numbers"),
    ("gives_the_same_features_again", Noisy, "looking at the same images again: features differs"),
    ("gives_the_same_features_again", Unseeded, "loaded again: features differs"),
    ("looks_at_images_one_by_one", Coupled, "features differ by .* when images come one by one"),
    ("states_its_weights", Unseeded, "the SHA-256 of its weights is [0-9a-f]{12} and then"),
    ("states_its_weights", Abbreviated, "`weights_digest` returns '6726825d'"),
    ("states_how_it_resizes", Mute, "`resizer` is ''"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Extractor], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("extractor")


@pytest.mark.parametrize("component", [Sound, Classifying])
def test_sound_extractors_pass(
    try_every_check: Callable[..., list[CheckResult]], component: type[Extractor]
) -> None:
    results = try_every_check(component)
    assert results
    assert [result for result in results if result.status != "passed"] == []


def test_extractor_without_its_weights_is_not_judged(
    try_check: Callable[..., CheckResult],
) -> None:
    class Absent(Sound):
        """Has no weights here."""

        @override
        def load(self) -> nn.Module:
            raise MissingExtraError("weights are missing", "fetch them")

    assert try_check("loads_without_a_network", Absent).status == "passed"
    result = try_check("gives_features", Absent)
    assert (result.status, result.message) == ("skipped", "weights are missing\nfetch them")
