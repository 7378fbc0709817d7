"""Labels that are most likely wrong."""

import numpy as np
import pytest

from core import runs
from core.evaluation import labels


def test_a_label_that_the_model_contradicts_comes_first():
    y_prob = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.05, 0.95]])
    found = labels.suspects(np.array([0, 1, 0, 0]), y_prob)
    assert found["order"][0] == 3
    assert found["suggested"].tolist() == [0, 1, 0, 1]
    assert found["suspected"].tolist() == [False, False, False, True]
    # margins: 0.8, 0.6, 0.4, -0.9; score is (1 - margin) / 2
    np.testing.assert_allclose(found["score"], [0.1, 0.2, 0.3, 0.95])


def test_a_class_the_model_is_never_sure_of_needs_less_to_be_suggested():
    # class 1 gets 0.4 at most: by its own threshold, the mean over its samples, that is confident
    y_prob = np.array([[0.6, 0.4], [0.62, 0.38], [0.95, 0.05], [0.6, 0.4], [0.9, 0.1]])
    found = labels.suspects(np.array([1, 1, 0, 0, 0]), y_prob)
    assert found["order"][0] == 3
    assert (found["suspected"][3], found["suggested"][3]) == (True, 1)


def test_ties_stay_in_the_order_they_came_in():
    found = labels.suspects(np.array([0, 0, 0]), np.full((3, 2), 0.5))
    assert found["order"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_samples_are_no_problem(n):
    found = labels.suspects(np.zeros(n, int), np.full((n, 3), 1 / 3))
    assert found["order"].tolist() == list(range(n))


def test_a_single_class_has_no_suspects():
    assert not labels.suspects(np.zeros(4, int), np.ones((4, 1)))["suspected"].any()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="y_true has 2 labels"):
        labels.suspects(np.zeros(2, int), np.ones((3, 2)))
    with pytest.raises(ValueError, match="hold NaN"):
        labels.suspects(np.zeros(2, int), np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="y_true holds 0 to 5; the classes are 0 to 1"):
        labels.suspects(np.array([0, 5]), np.full((2, 2), 0.5))


def test_planted_wrong_labels_of_digits_are_among_the_first_tenth_of_the_list():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(y))[: round(0.05 * len(y))]
    given = y.copy()
    given[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    y_prob = cross_val_predict(KNeighborsClassifier(15), x, given, cv=5, method="predict_proba")
    found = labels.suspects(given, y_prob)
    first = found["order"][: len(y) // 10]
    assert np.isin(wrong, first).mean() >= 0.8
    caught = np.intersect1d(wrong, first)
    assert (found["suggested"][caught] == y[caught]).mean() >= 0.9


def test_the_list_of_a_run_names_held_out_samples_and_classes(finished):
    found = labels.of_run(finished["digits"])
    ids = np.concatenate([runs.predictions(finished["digits"], part)[0] for part in ("val", "test")])
    assert set(found["id"]) == set(ids)
    assert set(found["part"]) == {"val", "test"}
    assert set(found["label"]) | set(found["suggested"]) <= set(runs.schema(finished["digits"]).classes)
    assert found["suspected"].is_monotonic_decreasing
