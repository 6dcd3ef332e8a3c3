"""The losses `bce`, `hinge`, `least-squares` and `wasserstein`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from typing_extensions import override

from gantool import Component, Loss, hookimpl

if TYPE_CHECKING:
    from torch import Tensor


class BCE(Loss):
    """Binary cross-entropy, non-saturating for the generator (Goodfellow et al. 2014, section 3).

    The discriminator minimizes -log D(x) - log(1 - D(G(z))), the generator -log D(G(z)), with
    D the sigmoid of the logit. A `real_target` below 1 smooths the real side alone
    (Salimans et al. 2016, section 3.4).
    """

    name = "bce"

    real_target: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    """Probability that the discriminator should give real images."""

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import logsigmoid

        target = self.real_target
        real_terms = -logsigmoid(real)  # [N]
        if target < 1:
            real_terms = target * real_terms - (1 - target) * logsigmoid(-real)
        return real_terms - logsigmoid(-fake)  # log(1 - sigmoid(x)) = logsigmoid(-x)

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        from torch.nn.functional import logsigmoid

        return -logsigmoid(fake)  # [N]


class Hinge(Loss):
    """Hinge loss (Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17)."""

    name = "hinge"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - real).relu() + (1 + fake).relu()  # [N]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake


class LeastSquares(Loss):
    """Least squares with the labels 0 and 1 (Mao et al. 2017, eq. 9)."""

    name = "least-squares"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return ((real - 1).square() + fake.square()) / 2  # [N]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake - 1).square() / 2  # [N]


class Wasserstein(Loss):
    """Wasserstein distance in its dual form (Arjovsky et al. 2017, eq. 3).

    It needs something that keeps the discriminator Lipschitz: a gradient penalty, clipped weights
    or spectral norm.
    """

    name = "wasserstein"

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real  # [N]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the four losses."""
    return [BCE, Hinge, LeastSquares, Wasserstein]
