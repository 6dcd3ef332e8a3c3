from __future__ import annotations

import pytest
import torch

from gantool_metrics.class_scores import inception_scores


def test_images_of_no_class_score_one() -> None:
    assert inception_scores(torch.zeros(20, 7), 2).tolist() == pytest.approx([1, 1])


def test_sure_images_of_all_classes_score_their_number() -> None:
    sure = 1e4 * torch.eye(5).repeat(8, 1)  # probabilities that underflow to 0
    assert inception_scores(sure, 4).tolist() == pytest.approx([5] * 4)


def test_one_class_alone_scores_one() -> None:
    assert inception_scores(50 * torch.eye(5)[[2] * 12], 3).tolist() == pytest.approx([1] * 3)


@pytest.mark.parametrize("count", [100, 137])
def test_it_agrees_with_torch_fidelity(random: torch.Generator, count: int) -> None:
    isc = pytest.importorskip("torch_fidelity.metric_isc")
    logits = 3 * torch.randn(count, 11, generator=random)
    theirs = isc.isc_features_to_metric(logits, splits=10, shuffle=False)
    ours = inception_scores(logits, 10)
    assert float(ours.mean()) == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    assert float(ours.std(correction=0)) == pytest.approx(theirs["inception_score_std"], rel=1e-9)
