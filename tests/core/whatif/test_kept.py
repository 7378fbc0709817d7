"""Ways to another decision are kept with a run; a changed row's shares are those of a sample that has its values."""

import numpy as np
import pytest

from core import explain, runs
from core.whatif import kept
from core.whatif.counterfactuals import Wish


def test_the_shares_of_a_row_are_those_of_the_sample_that_has_its_values(finished):
    run = finished["breast_cancer"]
    found = explain.explain(run, method="shapley")
    row = tuple(float(value) for value in found.arrays["x"])
    shares = kept.shares(run, row, runs.schema(run).classes.index(found.record["target"]))
    np.testing.assert_allclose(shares["shares"], found.arrays["attribution"], atol=1e-6)
    assert shares["base"] == pytest.approx(found.record["base"], abs=1e-6)


def test_what_was_found_is_read_again_for_the_same_wish_alone(finished):
    run = finished["breast_cancer"]
    dataset = runs.dataset(run)
    middle = np.median(dataset.x[:, 0])

    def predict(rows):
        yes = 1 / (1 + np.exp(middle - rows[:, :1]))
        return np.hstack([1 - yes, yes])

    sample = str(dataset.ids[3])
    made = kept.make(run, sample, Wish(), None, dataset, predict, lambda y_prob: y_prob.argmax(axis=1))
    again = kept.read(run, sample, Wish(), None)
    assert again.record == made.record and again.record["sentence"].startswith("The model would say ")
    np.testing.assert_array_equal(again.arrays["rows"], made.arrays["rows"])
    assert kept.read(run, sample, Wish(most=2), None) is None
    assert kept.read(run, sample, Wish(), {"thresholds": [0.9]}) is None


def test_a_sample_that_is_not_there_is_refused(finished):
    run = finished["breast_cancer"]
    with pytest.raises(LookupError, match="There is no sample 'nobody' in the data of run"):
        kept.make(run, "nobody", Wish(), None, runs.dataset(run), None, None)
