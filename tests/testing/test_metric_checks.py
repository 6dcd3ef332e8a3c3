"""Each check of metrics, seen failing on a metric that breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

import pytest
import torch
from pydantic import PositiveInt
from typing_extensions import override

from gantool import Metric, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from gantool import Evidence, EvidenceShape
    from gantool.testing import CheckResult

pytestmark = pytest.mark.quick


class Sound(Metric):
    """Distance of mean features, of a random half of the fakes."""

    name = "sound"
    direction: ClassVar[Literal["lower", "higher", "none"]] = "lower"

    batch_size: PositiveInt = 16
    """Images that are averaged at a time."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        fakes = evidence.fake.features
        chosen = torch.randperm(len(fakes), generator=evidence.random)[: len(fakes) // 2]
        distance = self.mean(fakes[chosen]) - self.mean(evidence.real.features)
        return {"distance": float(distance.norm())}

    def mean(self, features: Tensor) -> Tensor:
        """Return the mean, worked out in portions."""
        return torch.stack([p.sum(0) for p in torch.split(features, self.batch_size)]).sum(0) / len(
            features
        )


class Undecided(Sound):
    """Says neither which way is better nor that none is."""

    direction: ClassVar = "up"  # type: ignore[assignment]


class Tensors(Sound):
    """Gives tensors for scores."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        return {"distance": evidence.fake.features.mean()}  # type: ignore[dict-item]


class Nothing(Sound):
    """Gives no score."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        return {}


class Greedy(Sound):
    """Counts on held-out images, and does not refuse to do without."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        assert evidence.held_out is not None, "where are they?"
        return super().compute(evidence)


class Labeled(Sound):
    """Class accuracy: the share of fakes nearest to the mean of real images of their own class."""

    direction = "none"

    @override
    def check(self, shape: EvidenceShape) -> None:
        if not shape.classes:
            raise UsageError("it needs labels")

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        real, fake = evidence.real, evidence.fake
        assert real.labels is not None, "where are they?"
        assert fake.labels is not None
        classes = torch.tensor(sorted(set(real.labels.tolist())))
        means = torch.stack([real.features[real.labels == label].mean(0) for label in classes])
        nearest = classes[torch.cdist(fake.features, means).argmin(1)]
        return {"accuracy": float((nearest == fake.labels).double().mean())}


class Presuming(Labeled):
    """Counts on labels, and does not refuse to do without."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        pass


class Renaming(Labeled):
    """Counts its labels from 1."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        if evidence.fake.labels is not None:
            evidence.fake.labels.add_(1)
        return {"accuracy": 1.0}


class Drawn(Sound):
    """Deviation of the features of new images."""

    direction = "none"

    @override
    def check(self, shape: EvidenceShape) -> None:
        if not shape.latent_dim:
            raise UsageError("it needs a generator")

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        generator = evidence.generator
        assert generator is not None, "where is it?"
        latents = torch.randn(16, generator.latent_dim, generator=evidence.random)
        labels = torch.zeros(16, dtype=torch.int64) if generator.classes else None
        return {"deviation": float(generator(latents, labels).features.std())}


class Insisting(Drawn):
    """Counts on a generator, and does not refuse to do without."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        pass


class Dividing(Sound):
    """Divides by one less than there are pairs of images."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        pairs = len(evidence.fake.images) // 2 - 1
        return {"distance": float(evidence.fake.features.sum() / torch.tensor(float(pairs)))}


class Reversed(Sound):
    """Calls the larger distance better."""

    direction: ClassVar = "higher"


class Drawing(Sound):
    """Draws from torch's own numbers."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        return {"distance": float(evidence.fake.features.std()) + float(torch.rand(()))}


class Remembering(Sound):
    """Compares with the evidence it has seen before."""

    seen: ClassVar[list[float]] = []

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        self.seen.append(1.0)
        return {"distance": float(len(self.seen))}


class Normalizing(Sound):
    """Normalizes features where they are."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        evidence.real.features.div_(2)
        return super().compute(evidence)


class Colorful(Sound):
    """Looks at the third channel."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        return {"blue": float(evidence.fake.images[:, 2].float().mean())}


class Spaced(Sound):
    """Is called by two words."""

    @override
    def score_name(self, extractor: str | None) -> str:
        return f"{self.name} of {extractor}"


class Talking(Sound):
    """Remarks on everything in one text."""

    @override
    def remarks(self, scores: Mapping[str, float], shape: EvidenceShape) -> tuple[str, ...]:
        return "Fine."  # type: ignore[return-value]


class Portioned(Sound):
    """Averages the averages of portions, the last of which is smaller."""

    @override
    def mean(self, features: Tensor) -> Tensor:
        return torch.stack([p.mean(0) for p in torch.split(features, self.batch_size)]).mean(0)


class First(Sound):
    """Looks at the first fakes."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        distance = self.mean(evidence.fake.features[:32]) - self.mean(evidence.real.features)
        return {"distance": float(distance.norm())}


class FirstReal(Sound):
    """Looks at the first real images."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        distance = self.mean(evidence.fake.features) - self.mean(evidence.real.features[:32])
        return {"distance": float(distance.norm())}


class Paired(Sound):
    """Compares the first with the first, the second with the second."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        apart = (evidence.fake.features - evidence.real.features).square().sum(1)
        return {"distance": float(apart.mean())}


class Chunked(Sound):
    """Averages the distances of chunks."""

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        real = self.mean(evidence.real.features)
        chunks = torch.split(evidence.fake.features, 16)
        return {"distance": float(torch.stack([(c.mean(0) - real).norm() for c in chunks]).mean())}


BROKEN = [
    ("ignores_the_order", First, "with the fake images in another order, 'distance' is"),
    ("ignores_the_order", FirstReal, "with the real images in another order, 'distance' is"),
    ("ignores_the_order", Paired, "in another order, 'distance' is"),
    ("ignores_the_order", Chunked, "with the fake images in another order, 'distance' is"),
    ("says_which_way_is_better", Undecided, "`direction` is 'up'"),
    ("gives_finite_scores", Tensors, r"the score 'distance'  ?is tensor"),
    ("gives_finite_scores", Nothing, r"its scores .*are \{\}"),
    ("judges_what_it_accepts", Greedy, "AssertionError: where are they"),
    ("judges_what_it_accepts", Presuming, "AssertionError: where are they"),
    ("judges_what_it_accepts", Insisting, "AssertionError: where is it"),
    ("leaves_the_evidence_alone", Renaming, "it changes the labels of the fake samples"),
    ("judges_what_it_accepts", Dividing, r"'distance' of 2 images is -?inf, not a finite float"),
    ("tells_good_from_bad", Reversed, "higher is better, but good fakes score"),
    ("depends_on_the_seed_alone", Drawing, "it draws from a global random state"),
    ("depends_on_the_seed_alone", Remembering, "the same evidence scores"),
    ("leaves_the_evidence_alone", Normalizing, "it changes the features of the real samples"),
    ("judges_any_channels", Colorful, "IndexError"),
    ("names_its_scores", Spaced, "its score is called 'sound of None'"),
    ("names_its_scores", Talking, "`remarks` returns 'Fine.'"),
    ("ignores_its_portions", Portioned, "with batch_size = 7 it scores"),
]


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Metric], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("metric")


@pytest.mark.parametrize("component", [Sound, Labeled, Drawn])
def test_sound_metric_passes(
    try_every_check: Callable[..., list[CheckResult]], component: type[Metric]
) -> None:
    results = try_every_check(component)
    assert results
    assert [result for result in results if result.status != "passed"] == []


def test_metric_that_refuses_the_evidence_is_not_judged(
    try_check: Callable[..., CheckResult],
) -> None:
    class Demanding(Sound):
        """Wants more."""

        @override
        def check(self, shape: EvidenceShape) -> None:
            raise UsageError(f"{shape.fake} images are too few")

    result = try_check("tells_good_from_bad", Demanding)
    assert result.status == "skipped"
    assert result.message == "the evidence of this check is refused: 64 images are too few"
