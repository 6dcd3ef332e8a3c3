"""How sure a classifier is of single images, and how many classes it sees in all of them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def inception_scores(logits: Tensor, splits: int) -> Tensor:
    """Return exp E KL(p(y|x) ‖ p(y)) of each of several parts of a set (Salimans et al. 2016).

    Args:
        logits: [N, K], N at least `splits`.
        splits: Parts of as equal size as may be, in the order of the images.

    Returns:
        float64 [splits], each from 1 to K.
    """
    ends = [part * len(logits) // splits for part in range(splits + 1)]
    parts = [logits[start:end] for start, end in pairwise(ends)]
    return torch.stack([_score(part.double()) for part in parts])


def _score(logits: Tensor) -> Tensor:
    log_each = logits.log_softmax(1)  # log p(y|x), [N, K]
    log_mean = log_each.logsumexp(0) - math.log(len(logits))  # log p(y), [K]
    divergence = (log_each.exp() * (log_each - log_mean)).sum(1)  # [N]
    return divergence.mean().exp()
