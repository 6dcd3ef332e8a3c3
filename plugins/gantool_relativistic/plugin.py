"""The losses `relativistic-pairing` and `relativistic-average`.

Both judge an image by how much more real it looks than one of the other kind, so the generator's
loss looks at real images too. Cost: a forward pass of the discriminator on real images in each
generator update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from gantool import Component, Loss, hookimpl

if TYPE_CHECKING:
    from torch import Tensor


class RelativisticPairing(Loss):
    """Relativistic pairing: D raises D(x) - D(G(z)), G lowers it (Jolicoeur-Martineau 2019).

    The discriminator minimizes -log sigmoid(D(x) - D(G(z))) for each pair of a real and a
    generated image, the generator -log sigmoid(D(G(z)) - D(x)). With R1 and R2 it is the
    objective of R3GAN (Huang et al. 2024). Cost: a forward pass of the discriminator on real
    images in each generator update.
    """

    name = "relativistic-pairing"
    needs_real_in_generator = True

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        return softplus(fake - real)  # -log sigmoid(x) = softplus(-x), [N] or [N, K]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None  # needs_real_in_generator
        return self.discriminator(fake, real)


class RelativisticAverage(Loss):
    """Relativistic average: D(x) against the mean of D(G(z)) and back (Jolicoeur-Martineau 2019).

    The discriminator minimizes -log sigmoid(D(x) - mean D(G(z))) - log sigmoid(mean D(x) -
    D(G(z))), the generator the same with x and G(z) exchanged. The means are over the images
    that are worked on together: with `accumulate` those of a slice, with several processes those
    of each one's share. They are then noisier, and the loss is not that of the whole batch. Cost:
    a forward pass of the discriminator on real images in each generator update.
    """

    name = "relativistic-average"
    needs_real_in_generator = True
    couples_batch = True

    @override
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        # of several logits an image, each is compared with its own column
        return softplus(fake.mean(0) - real) + softplus(fake - real.mean(0))  # [N] or [N, K]

    @override
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None  # needs_real_in_generator
        return self.discriminator(fake, real)


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer both losses."""
    return [RelativisticPairing, RelativisticAverage]
