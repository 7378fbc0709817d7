"""Losses whose values are known by hand."""

import math

import pytest
import torch

from core.training.losses import loss_of

LOGITS = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])  # probabilities 1/4 and 3/4; 1/2 and 1/2
TARGETS = torch.tensor([1, 0])


def soft(targets):
    return torch.nn.functional.one_hot(targets, 2).float()


def test_cross_entropy_is_the_mean_of_minus_the_logarithms():
    assert loss_of(LOGITS, TARGETS).item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_soft_targets_of_one_class_are_as_hard_ones():
    for focal in (0.0, 2.0):
        hard, mixed = loss_of(LOGITS, TARGETS, focal=focal), loss_of(LOGITS, soft(TARGETS), focal=focal)
        assert hard.item() == pytest.approx(mixed.item())


def test_a_weight_scales_the_samples_of_its_class():
    weights = torch.tensor([1.0, 3.0])
    assert loss_of(LOGITS, TARGETS, weights).item() == pytest.approx((3 * math.log(4 / 3) + math.log(2)) / 2)


def test_smoothing_spreads_a_share_of_the_target():
    wanted = 0.9 * math.log(4 / 3) + 0.1 * math.log(4)  # a share of 0.2, half of it stays
    assert loss_of(LOGITS[:1], TARGETS[:1], smoothing=0.2).item() == pytest.approx(wanted)


def test_the_focal_loss_counts_what_is_certain_less():
    wanted = (0.25**2 * math.log(4 / 3) + 0.5**2 * math.log(2)) / 2
    assert loss_of(LOGITS, TARGETS, focal=2.0).item() == pytest.approx(wanted)


def test_the_focal_loss_takes_weights_and_smoothing_too():
    nearly = loss_of(LOGITS, TARGETS, torch.tensor([1.0, 3.0]), 0.1, 1e-9)  # a gamma of 0 is cross-entropy
    assert nearly.item() == pytest.approx(loss_of(LOGITS, TARGETS, torch.tensor([1.0, 3.0]), 0.1).item())


def test_the_focal_loss_of_a_certain_answer_has_a_finite_gradient():
    logits = torch.tensor([[0.0, 200.0]], requires_grad=True)
    loss_of(logits, TARGETS[:1], focal=0.5).backward()
    assert logits.grad.isfinite().all()
