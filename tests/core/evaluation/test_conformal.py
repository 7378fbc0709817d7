"""Conformal sets by hand, and the coverage that they promise."""

import json

import numpy as np
import pytest

from core.evaluation import conformal, metrics


def sample(seed, n, n_classes=4):
    rng = np.random.default_rng(seed)
    y_true = rng.choice(n_classes, n, p=[0.55, 0.25, 0.15, 0.05])
    return metrics.softmax(rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[y_true]), y_true


def test_the_quantile_by_hand():
    # 9 samples with scores 0.1 to 0.9: for 80%, the 8th of 9, as (9 + 1) * 0.8 = 8
    own = 1 - np.arange(1, 10) / 10
    y_prob = np.column_stack([own, 1 - own])
    assert conformal.calibrate(y_prob, np.zeros(9, int), 0.8) == pytest.approx([0.8, 0.8])
    assert conformal.calibrate(y_prob, np.zeros(9, int), 0.9) == pytest.approx([0.9, 0.9])


def test_too_few_samples_promise_it_only_with_every_class():
    y_prob, y_true = sample(0, 5)
    q = conformal.calibrate(y_prob, y_true, 0.9)
    assert conformal.sets(y_prob, q).all()


def test_a_class_without_validation_samples_is_in_every_set():
    y_prob, y_true = sample(0, 300)
    q = conformal.calibrate(y_prob[y_true != 2], y_true[y_true != 2], 0.9, by_class=True)
    assert q[2] == 1 > q[0]
    assert conformal.sets(y_prob, q)[:, 2].all()


def test_a_class_with_a_score_at_the_quantile_is_in_the_set():
    y_prob = np.array([[0.7, 0.3], [0.2, 0.8], [0.9, 0.1]])
    q = conformal.calibrate(y_prob, np.array([0, 0, 0]), 0.5)
    assert conformal.sets(y_prob, q).tolist() == [[True, False], [False, True], [True, False]]


def test_observed_by_hand():
    members = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]], bool)
    found = conformal.observed(members, np.array([0, 1, 1, 2]))
    assert (found["n"], found["coverage"]["value"], found["size"]["value"]) == (4, 0.75, 1.5)
    assert found["sizes"] == [1, 1, 1, 1]
    assert [row["coverage"]["value"] for row in found["by_class"]] == [1, 0.5, 1]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("by_class", [False, True])
def test_nothing_observed_is_plain_json(by_class):
    q = conformal.calibrate(np.zeros((0, 3)), np.zeros(0, int), 0.9, by_class)
    found = conformal.observed(conformal.sets(np.zeros((0, 3)), q), np.zeros(0, int))
    assert found["coverage"]["value"] is None
    json.dumps(found, allow_nan=False)


def test_coverage_is_within_its_exact_interval_in_95_percent_of_simulations():
    low, high = conformal.expected(200, 0.9, 500)
    inside = []
    for seed in range(300):
        y_prob, y_true = sample(seed, 700)
        q = conformal.calibrate(y_prob[:200], y_true[:200], 0.9)
        coverage = conformal.observed(conformal.sets(y_prob[200:], q), y_true[200:])["coverage"]["value"]
        inside.append(low <= coverage <= high)
    assert np.mean(inside) == pytest.approx(0.955, abs=0.03)


def test_by_class_the_rare_class_is_covered_too():
    both = {}
    for by_class in (False, True):
        y_prob, y_true = sample(0, 40_000)
        q = conformal.calibrate(y_prob[:20_000], y_true[:20_000], 0.9, by_class)
        found = conformal.observed(conformal.sets(y_prob[20_000:] * [1, 1, 1, 0.5], q), y_true[20_000:])
        both[by_class] = [row["coverage"]["value"] for row in found["by_class"][:3]]
    assert both[True] == pytest.approx([0.9] * 3, abs=0.015)


def test_the_exact_interval_narrows_with_samples():
    narrow, wide = conformal.expected(5000, 0.9, 5000), conformal.expected(50, 0.9, 50)
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]
    assert conformal.expected(5, 0.9, 100) == (1, 1)


@pytest.mark.parametrize("coverage", [0, 1, 90, float("nan")])
def test_a_coverage_outside_0_to_1_is_refused(coverage):
    with pytest.raises(ValueError, match="The coverage is"):
        conformal.calibrate(*sample(0, 10), coverage)


def test_probabilities_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="The predictions hold NaN or infinity"):
        conformal.calibrate(np.array([[np.nan, 1]]), np.array([0]), 0.9)


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="y_true has 1 rows but y_prob has 2"):
        conformal.calibrate(np.full((2, 2), 0.5), np.array([0]), 0.9)
