"""The metrics: what each needs, is called, and computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt
from typing_extensions import override

from gantool import Metric, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool import Evidence, EvidenceShape

INCEPTION = "inception"
"""The extractor that FID, KID and Inception Score have their names from."""
PIXELS = "pixels"
MANY_COPIES_PERCENT = 5.0
"""Copies that are more than chance: of real images, less than 1 % would be taken for some."""
NEAR_RATIO = 0.7


class FID(Metric):
    """Fréchet Inception Distance (Heusel et al. 2017, eq. 6).

    With the features of another extractor it is called `fd-EXTRACTOR`. It is biased by the number
    of images: compare it only at equal numbers, and read it beside the distance between real ones.
    """

    name = "fid"
    direction = "lower"

    @override
    def check(self, shape: EvidenceShape) -> None:
        _need(self, 2, "they have a covariance", training=shape.real, generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.frechet import frechet_distance

        return {
            "distance": frechet_distance(evidence.real.feature_rows, evidence.fake.feature_rows)
        }

    @override
    def score_name(self, extractor: str | None) -> str:
        return "fid" if extractor == INCEPTION else f"fd-{extractor or PIXELS}"

    @override
    def remarks(self, scores: Mapping[str, float], shape: EvidenceShape) -> tuple[str, ...]:
        fewer = min(shape.real, shape.fake)
        if fewer >= shape.features:
            return ()
        return (
            f"The Fréchet distance of {shape.features:,} features of only {fewer:,} images is too "
            "high, and comparable at these numbers alone; metric 'kid' has no such bias.",
        )


class KID(Metric):
    """Kernel Inception Distance, unbiased also for few images (Bińkowski et al. 2018, section 4).

    With the features of another extractor it is called `kd-EXTRACTOR`. Values around 0, also below
    it, mean that the sets cannot be told apart.
    """

    name = "kid"
    direction = "lower"

    subset_size: Annotated[int, Field(ge=2)] = 1000
    """Images in a subset, or all where there are fewer: the expected distance is the same."""
    subsets: PositiveInt = 100
    """Pairs of random subsets over which distances are averaged."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        _need(self, 2, "they make pairs", training=shape.real, generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.kernel import subset_distances

        real, fake = evidence.real.feature_rows, evidence.fake.feature_rows
        size = min(self.subset_size, len(real), len(fake))
        found = subset_distances(real, fake, size=size, count=self.subsets, random=evidence.random)
        return {"distance": float(found.mean()), "sd": float(found.std(correction=0))}

    @override
    def score_name(self, extractor: str | None) -> str:
        return "kid" if extractor == INCEPTION else f"kd-{extractor or PIXELS}"


class IntraClass(Metric):
    """Kernel distance within each class, averaged over the classes (Bińkowski et al. 2018).

    In the manner of intra-FID (Miyato & Koyama 2018, section 5.1): a generator that draws the wrong
    class, or one picture a class, cannot hide in it. `worst` is the largest of a class. Classes
    with a single image, real or generated, are left out.
    """

    name = "intra-class"
    direction = "lower"

    subset_size: Annotated[int, Field(ge=2)] = 1000
    """Images of a class in a subset, or all where there are fewer."""
    subsets: PositiveInt = 10
    """Pairs of random subsets of each class over which distances are averaged."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        if not shape.classes:
            raise UsageError(
                "metric 'intra-class' needs a conditional run, whose images have labels",
                "set training.conditional = true",
            )
        reason = f"pairs in each of {shape.classes} classes"
        _need(self, 2 * shape.classes, reason, training=shape.real, generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.kernel import class_distances

        real, fake, random = evidence.real, evidence.fake, evidence.random
        if real.labels is None or fake.labels is None:
            raise UsageError("metric 'intra-class' was given no labels")
        found = class_distances(real, fake, self.subset_size, self.subsets, random)
        if not len(found):
            raise UsageError("no class has two real and two generated images")
        return {"distance": float(found.mean()), "worst": float(found.max())}


class PerceptualPathLength(Metric):
    """How fast features change along paths between latents (Karras et al. 2019, section 4.1).

    Of the middle 98 % of path elements, as in the original code; long paths pass through images
    that are none. Neither way is better by itself: a generator of one image has the length 0. The
    distance is the mean squared difference of the extractor's features, not LPIPS: compare it with
    no published numbers. It draws 2,000 images of its own, so it is computed only
    where it is named.
    """

    name = "perceptual-path-length"
    direction: ClassVar = "none"
    only_when_named: ClassVar = True  # it draws as many images again as others look at

    pairs: PositiveInt = 1000
    """Pairs of images that are drawn, each the ends of a path element."""
    epsilon: PositiveFloat = 0.05
    """Length of an element, in shares of a path. The original's is 0.0001, of images that are not
    rounded; extractors look at 8-bit ones, whose rounding would be nearly all of so small a step.
    """

    @override
    def check(self, shape: EvidenceShape) -> None:
        if not shape.latent_dim:
            raise UsageError("metric 'perceptual-path-length' needs a generator, not images alone")

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.path_length import path_lengths

        if evidence.generator is None:
            raise UsageError("metric 'perceptual-path-length' was given no generator")
        lengths = path_lengths(
            evidence.generator, pairs=self.pairs, epsilon=self.epsilon, random=evidence.random
        )
        low, high = lengths.quantile(0.01), lengths.quantile(0.99)
        return {"length": float(lengths[(lengths >= low) & (lengths <= high)].mean())}


class InceptionScore(Metric):
    """Inception Score: sure of each image, and seeing many classes (Salimans et al. 2016).

    It looks at generated images alone and knows nothing of the training set. With the classes of
    another extractor it is called `class-score-EXTRACTOR`.
    """

    name = "inception-score"
    direction = "higher"

    splits: PositiveInt = 10
    """Parts whose scores are averaged; which image is in which is drawn."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        if not shape.logits:
            raise UsageError(
                "metric 'inception-score' needs an extractor that tells classes apart",
                "choose the extractor 'inception' or 'efficientnet-lite0'",
            )
        _need(self, 2 * self.splits, f"2 in each of {self.splits} parts", generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        import torch

        from gantool_metrics.class_scores import inception_scores

        logits = evidence.fake.logits
        if logits is None:
            raise UsageError("metric 'inception-score' was given no logits")
        shuffled = logits[torch.randperm(len(logits), generator=evidence.random)]
        scores = inception_scores(shuffled, self.splits)
        return {"mean": float(scores.mean()), "sd": float(scores.std(correction=0))}

    @override
    def score_name(self, extractor: str | None) -> str:
        return self.name if extractor == INCEPTION else f"class-score-{extractor or PIXELS}"


class PrecisionRecall(Metric):
    """Shares of fakes that look real and of reals that are generated (Kynkäänniemi et al. 2019).

    The F-score, their harmonic mean, comes first: one collapsed mode has a precision of 1.
    """

    name = "precision-recall"
    direction = "higher"

    k: PositiveInt = 3
    """A ball reaches from its center to the k-th nearest neighbor."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        reason = f"each has {self.k} neighbors"
        _need(self, self.k + 1, reason, training=shape.real, generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.manifold import precision_recall

        real, fake = evidence.real.feature_rows, evidence.fake.feature_rows
        precision, recall = precision_recall(real, fake, self.k)
        both = precision + recall
        return {
            "f-score": 2 * precision * recall / both if both else 0.0,
            "precision": precision,
            "recall": recall,
        }


class DensityCoverage(Metric):
    """How densely fakes lie among reals, and how many reals they reach (Naeem et al. 2020).

    Both are around 1 for real images; unlike precision and recall they bear outliers.
    """

    name = "density-coverage"
    direction = "higher"

    k: PositiveInt = 5
    """A ball reaches from its center to the k-th nearest neighbor."""

    @override
    def check(self, shape: EvidenceShape) -> None:
        _need(self, self.k + 1, f"each has {self.k} neighbors", training=shape.real)
        _need(self, 1, "something to look for", generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.manifold import density_coverage

        real, fake = evidence.real.feature_rows, evidence.fake.feature_rows
        density, coverage = density_coverage(real, fake, self.k)
        return {"coverage": coverage, "density": density}


class Memorization(Metric):
    """Whether training images are repeated: AuthPct (Alaa et al. 2022), copies, nearest neighbors.

    `authpct` and `pixel-authpct` are percentages of generated images farther from the nearest
    training image than that is from another one. `copies-pct` are those that are close to the same
    training image in features and in pixels; of unseen real images it would be less than 1.
    `held-out-ratio` is the median distance to the training set, in units of held-out images'.
    """

    name = "memorization"
    direction: ClassVar = "none"

    @override
    def check(self, shape: EvidenceShape) -> None:
        _need(self, 2, "each has a neighbor", training=shape.real)
        _need(self, 1, "something to look for", generated=shape.fake)

    @override
    def compute(self, evidence: Evidence) -> dict[str, float]:
        from gantool_metrics.copying import memorization_scores

        return memorization_scores(evidence)

    @override
    def remarks(self, scores: Mapping[str, float], shape: EvidenceShape) -> tuple[str, ...]:
        copies, ratio = scores["copies-pct"], scores.get("held-out-ratio", 1.0)
        if copies >= MANY_COPIES_PERCENT:
            return (
                f"The generator repeats its training set: {copies:.0f} % of its images are closer "
                "to a training image, in features and in pixels, than 99 % of training images are "
                "to each other. A replayed training set has perfect distances: do not trust them.",
            )
        if ratio < NEAR_RATIO:
            return (
                "Generated images lie much nearer to training images than unseen real ones do "
                f"({ratio:.2f} of their distance): they repeat them, or lack their variety.",
            )
        return ()


def _need(metric: Metric, least: int, reason: str, **counts: int) -> None:
    """Refuse numbers of images below the least.

    Raises:
        UsageError: When there are too few; it names which.
    """
    for which, count in counts.items():
        if count < least:
            raise UsageError(
                f"metric '{metric.name}' needs at least {least} {which} images "
                f"({reason}), got {count}"
            )
