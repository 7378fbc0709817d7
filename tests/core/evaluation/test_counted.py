"""Metrics that follow from counts keep the same promises; a new file in core/evaluation/counted is tested too."""

import numpy as np
import pytest

from core import registry
from core.evaluation import counted, metrics, summary

each_metric = pytest.mark.parametrize("name", registry.members(counted))


def counts(table):
    """How often each class was found, occurs and was called, of counts true by called class."""
    table = np.array(table, float)
    return np.diag(table), table.sum(axis=1), table.sum(axis=0)


@each_metric
def test_a_counted_metric_says_what_it_is(name):
    one = metrics.COUNTED[name]
    assert one.TITLE.strip() and one.TEXT.endswith(".") and one.FORM in ("percent", "area", "number")
    assert one.LEAST < 1 and metrics.METRICS[name].title == one.TITLE


@each_metric
def test_a_counted_metric_is_best_where_nothing_is_wrong_and_never_outside_its_range(name):
    one = metrics.COUNTED[name]
    assert one.of_counts(*counts([[5, 0, 0], [0, 7, 0], [0, 0, 2]])) == pytest.approx(1)
    rng = np.random.default_rng(0)
    for _ in range(50):
        value = one.of_counts(*counts(rng.integers(0, 9, (3, 3))))
        assert np.isnan(value) or one.LEAST <= value <= 1


@each_metric
def test_a_counted_metric_of_many_resamples_is_that_of_each_alone(name):
    tables = np.random.default_rng(1).integers(1, 9, (4, 3, 3))
    together = metrics.COUNTED[name].of_counts(*(np.stack(each) for each in zip(*map(counts, tables))))
    np.testing.assert_allclose(together, [metrics.COUNTED[name].of_counts(*counts(table)) for table in tables])


@each_metric
def test_a_counted_metric_lies_in_its_interval(name):
    y_true = np.repeat([0, 1], 40)
    y_prob = np.random.default_rng(2).dirichlet([1, 1], 80)
    found = summary.figures(y_true, y_prob, ("a", "b"), resamples=200)["metrics"][name]
    assert found["low"] <= found["value"] <= found["high"]
