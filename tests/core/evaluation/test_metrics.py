"""Classification metrics against scikit-learn, published values and counts by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from core.evaluation import metrics


def problem(seed, n=200, n_classes=4, ties=False, classes=None):
    """Random targets (from `classes`) and probabilities that lean towards them."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice(classes if classes is not None else n_classes, n)
    logits = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[y_true]
    return y_true, metrics.softmax(np.round(logits) if ties else logits)


PROBLEMS = {
    "two classes": problem(0, n_classes=2),
    "four classes": problem(1),
    "many ties": problem(2, ties=True),
    "two classes with ties": problem(3, n_classes=2, ties=True),
    "twelve classes": problem(4, n_classes=12),
}
each_problem = pytest.mark.parametrize(("y_true", "y_prob"), PROBLEMS.values(), ids=PROBLEMS)


def figures(y_true, y_prob):
    return metrics.figures(y_true, y_prob, tuple("abcdefghijkl"[: y_prob.shape[1]]))


@each_problem
def test_counts_are_scikit_learns(y_true, y_prob):
    got, y_pred = figures(y_true, y_prob), y_prob.argmax(axis=1)
    assert got["confusion"] == sk.confusion_matrix(y_true, y_pred).tolist()
    assert (got["n"], got["n_right"]) == (len(y_true), int((y_true == y_pred).sum()))
    assert got["accuracy"]["value"] == pytest.approx(sk.accuracy_score(y_true, y_pred))


@each_problem
def test_precision_recall_and_f1_are_scikit_learns(y_true, y_prob):
    got, y_pred = figures(y_true, y_prob), y_prob.argmax(axis=1)
    for average in (None, "macro"):
        expected = sk.precision_recall_fscore_support(y_true, y_pred, average=average, zero_division=np.nan)
        for name, value in zip(("precision", "recall", "f1"), expected):
            mine = got["macro"][name] if average else [row[name] for row in got["per_class"]]
            assert mine == pytest.approx(value)


@each_problem
def test_log_loss_is_scikit_learns(y_true, y_prob):
    assert figures(y_true, y_prob)["log_loss"] == pytest.approx(sk.log_loss(y_true, y_prob))


@each_problem
def test_areas_are_scikit_learns(y_true, y_prob):
    got, flags = figures(y_true, y_prob), np.eye(y_prob.shape[1])[y_true]
    for name, score in (("auroc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
        assert got[name]["per_class"] == pytest.approx(score(flags, y_prob, average=None))
        assert got[name]["macro"] == pytest.approx(score(flags, y_prob, average="macro"))
        if y_prob.shape[1] > 2:
            assert got[name]["micro"] == pytest.approx(score(flags, y_prob, average="micro"))


@each_problem
def test_the_stored_curves_hold_the_stored_areas(y_true, y_prob):
    got = figures(y_true, y_prob)
    areas = [sk.auc(curve["x"], curve["y"]) for curve in got["roc"][: y_prob.shape[1]]]
    assert areas == pytest.approx(got["auroc"]["per_class"], abs=1e-3)


@each_problem
def test_everything_is_plain_json(y_true, y_prob):
    json.dumps(figures(y_true, y_prob), allow_nan=False)


def test_a_perfect_answer_has_every_area_1():
    y_true = np.array([0, 1, 2, 0, 1, 2])
    got = figures(y_true, np.eye(3)[y_true])
    assert (got["auroc"]["macro"], got["average_precision"]["macro"], got["macro"]["f1"]) == (1, 1, 1)


def test_a_table_of_counts_by_hand():
    rows = metrics.class_table(np.array([[3, 1], [2, 4]]), ("no", "yes"))
    assert rows[1] == {
        "class": "yes",
        "precision": 4 / 5,
        "recall": 4 / 6,
        "f1": 8 / 11,
        "support": 6,
        "predicted": 5,
    }


# ---------------------------------------------------------------------------------------------------- undefined


@pytest.fixture
def absent():
    """Figures where class c never occurs, and class d is neither there nor ever called."""
    y_true = np.array([0, 1, 0, 1])
    y_prob = np.array([[0.6, 0.2, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.2, 0.6, 0.1], [0.4, 0.3, 0.2, 0.1]])
    return figures(y_true, y_prob)


def test_recall_of_a_class_that_never_occurs_is_not_defined(absent):
    assert [row["recall"] for row in absent["per_class"]] == [0.5, 0.5, None, None]


def test_precision_of_a_class_that_is_never_called_is_not_defined(absent):
    assert [row["precision"] for row in absent["per_class"]] == [0.5, 1, 0, None]


def test_f1_is_not_defined_only_where_a_class_neither_occurs_nor_is_called(absent):
    assert [row["f1"] for row in absent["per_class"]] == [0.5, pytest.approx(2 / 3), 0, None]


def test_the_area_of_a_class_that_never_occurs_is_not_defined_and_no_part_of_the_mean(absent):
    assert absent["auroc"]["per_class"] == [0.625, 1, None, None]
    assert absent["auroc"]["macro"] == pytest.approx((0.625 + 1) / 2)


def test_a_class_that_never_occurs_has_no_curve(absent):
    assert [curve["name"] for curve in absent["roc"]] == ["a", "b", "macro", "micro"]


def test_figures_with_an_absent_class_are_plain_json(absent):
    json.dumps(absent, allow_nan=False)


def test_where_only_one_class_occurs_there_is_no_roc():
    got = figures(np.zeros(5, int), np.tile([0.7, 0.3], (5, 1)))
    assert (got["auroc"], got["roc"]) == ({"macro": None, "micro": None, "per_class": [None, None]}, [])
    json.dumps(got, allow_nan=False)


# ---------------------------------------------------------------------------------------------------- refused


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="y_true has 3 rows but y_prob has 2"):
        figures(np.zeros(3, int), np.full((2, 2), 0.5))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_probability_that_is_no_number_is_refused(bad):
    with pytest.raises(ValueError, match="The predictions hold NaN or infinity"):
        figures(np.zeros(2, int), np.array([[0.5, 0.5], [bad, 0.5]]))


# ---------------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(k, n, low, high):
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    got = metrics.proportion(k, n)
    assert got["value"] == k / n
    assert (got["low"], got["high"]) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (359, 359), (0, 5000), (5000, 5000)])
def test_an_interval_never_leaves_0_to_1_and_holds_its_value(k, n):
    got = metrics.proportion(k, n)
    assert 0 <= got["low"] <= got["value"] <= got["high"] <= 1


def test_a_share_of_nothing_is_not_defined():
    assert metrics.proportion(0, 0) == {"value": None, "low": None, "high": None}


# ---------------------------------------------------------------------------------------------------- threshold

Y_TRUE = np.array([0, 0, 1, 1, 1])
PROBABILITY = np.array([0.0, 0.5, 0.4, 0.5, 1.0])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0, [[0, 2], [0, 3]]),  # everything is called positive
        (0.5, [[1, 1], [1, 2]]),  # a half counts as positive
        (1, [[2, 0], [2, 1]]),  # only what is certain
    ],
)
def test_counts_at_a_threshold(threshold, expected):
    assert metrics.confusion_at(Y_TRUE, PROBABILITY, positive=1, threshold=threshold).tolist() == expected


def test_counts_at_a_threshold_with_the_first_class_as_the_positive_one():
    got = metrics.confusion_at(Y_TRUE, 1 - PROBABILITY, positive=0, threshold=0.6)
    assert got.tolist() == [[1, 1], [1, 2]]  # called 0: the first and the third


def test_counts_of_nothing_are_zero():
    assert metrics.confusion_at(Y_TRUE[:0], PROBABILITY[:0], 1, 0.5).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(threshold):
    with pytest.raises(ValueError, match=r"The threshold is .*; it must lie from 0 to 1"):
        metrics.confusion_at(Y_TRUE, PROBABILITY, 1, threshold)


# ---------------------------------------------------------------------------------------------------- curves


@pytest.fixture(scope="module")
def many():
    return figures(*problem(5, n=5000, n_classes=3))


@pytest.mark.parametrize("which", ["roc", "precision_recall"])
def test_a_long_curve_is_thinned(many, which):
    for curve in many[which]:
        assert len(curve["x"]) == len(curve["y"]) == metrics.CURVE_POINTS
        assert curve["threshold"] is None or len(curve["threshold"]) == metrics.CURVE_POINTS


def test_a_thinned_roc_curve_still_goes_from_corner_to_corner(many):
    for curve in many["roc"]:
        assert (curve["x"][0], curve["y"][0], curve["x"][-1], curve["y"][-1]) == (0, 0, 1, 1)
        assert curve["x"] == sorted(curve["x"])


def test_a_thinned_precision_recall_curve_still_ends_without_recall(many):
    for curve in many["precision_recall"]:
        assert (curve["x"][0], curve["x"][-1], curve["y"][-1]) == (1, 0, 1)


def test_a_short_curve_by_hand():
    got = figures(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]))
    curve = got["roc"][1]
    assert curve == {
        "name": "b",
        "x": [0, 0, 0.5, 0.5, 1],
        "y": [0, 0.5, 0.5, 1, 1],
        "threshold": [None, 0.8, 0.4, 0.35, 0.1],
    }


def test_a_point_on_a_curve_is_what_the_counts_at_its_threshold_say():
    y_true, y_prob = PROBLEMS["two classes"]
    curve = figures(y_true, y_prob)["roc"][1]
    i = len(curve["x"]) // 2
    counts = metrics.confusion_at(y_true, y_prob[:, 1], 1, curve["threshold"][i])
    rates = counts[:, 1] / counts.sum(axis=1)
    assert rates.tolist() == pytest.approx([curve["x"][i], curve["y"][i]])


# ---------------------------------------------------------------------------------------------------- the rest


def test_softmax_by_hand():
    np.testing.assert_allclose(metrics.softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]])


def test_softmax_of_huge_logits_is_finite():
    got = metrics.softmax(np.array([[3e38, 0], [-3e38, 0]], np.float32))
    np.testing.assert_array_equal(got, [[1, 0], [0, 1]])


def test_the_most_frequent_mistake_is_the_largest_count_off_the_diagonal():
    record = {"classes": ["a", "b", "c"], "confusion": [[9, 1, 0], [0, 9, 3], [2, 0, 9]]}
    assert metrics.most_frequent_mistake(record) == {"true": "b", "predicted": "c", "count": 3}


def test_where_there_is_no_mistake_there_is_no_most_frequent_one():
    assert metrics.most_frequent_mistake({"classes": ["a", "b"], "confusion": [[9, 0], [0, 5]]}) is None


def test_calibration_known_by_hand():
    y_true = np.array([0, 0, 1, 1])
    y_prob = np.array([[0.95, 0.05], [0.85, 0.15], [0.85, 0.15], [0.15, 0.85]])  # sure 0.95 right; 0.85: two of three
    found = metrics.calibration(y_true, y_prob)
    assert [(row["n"], round(row["confidence"], 4), round(row["accuracy"], 4)) for row in found["bins"]] == [
        (3, 0.85, 0.6667),
        (1, 0.95, 1.0),
    ]
    assert found["error"] == pytest.approx((3 * (0.85 - 2 / 3) + 0.05) / 4)


def test_a_model_as_sure_as_it_is_right_is_off_by_nothing():
    y_prob = np.array([[0.75, 0.25]] * 4)
    assert metrics.calibration(np.array([0, 0, 0, 1]), y_prob)["error"] == pytest.approx(0)
