"""Curves against scikit-learn and by hand; their bands against simulated curves."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from core.evaluation import bootstrap, curves, metrics, ranking

CLASSES = tuple("abcdef")


def problem(seed, n=300, n_classes=3, ties=False, lean=1.5):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, n_classes, n)
    logits = rng.normal(size=(n, n_classes)) + lean * np.eye(n_classes)[y_true]
    return y_true, metrics.softmax(np.round(logits) if ties else logits)


BY_HAND = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])


@pytest.fixture(scope="module")
def many():
    y_true, y_prob = problem(5, n=5000)
    return {work.__name__: work(y_true, y_prob, CLASSES[:3]) for work in (curves.roc, curves.precision_recall)}


def test_a_short_roc_curve_by_hand():
    curve = curves.roc(*BY_HAND, CLASSES[:2])[1]
    assert {key: curve[key] for key in ("name", "x", "y", "threshold")} == {
        "name": "b",
        "x": [0, 0, 0.5, 0.5, 1],
        "y": [0, 0.5, 0.5, 1, 1],
        "threshold": [None, 0.8, 0.4, 0.35, 0.1],
    }


def test_a_short_precision_recall_curve_by_hand():
    curve = curves.precision_recall(*BY_HAND, CLASSES[:2])[1]
    assert {key: curve[key] for key in ("name", "x", "y", "threshold")} == {
        "name": "b",
        "x": [0, 0.5, 0.5, 1],
        "y": [1, 1, 0.5, pytest.approx(2 / 3)],
        "threshold": [None, 0.8, 0.4, 0.35],
    }


@pytest.mark.parametrize("ties", [False, True])
def test_a_short_curve_goes_through_the_points_of_scikit_learn(ties):
    y_true, y_prob = problem(0, n=100, ties=ties)
    x, y, threshold = sk.roc_curve(y_true == 1, y_prob[:, 1], drop_intermediate=False)
    expected = zip(x.round(7), y.round(7), threshold)
    curve = curves.roc(y_true, y_prob, CLASSES[:3])[1]
    assert set(zip(curve["x"], curve["y"], [np.inf, *curve["threshold"][1:]])) <= set(expected)
    area = sk.roc_auc_score(y_true == 1, y_prob[:, 1])
    assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(area, abs=1e-6)
    y, x, _ = sk.precision_recall_curve(y_true == 1, y_prob[:, 1])
    full = np.flatnonzero(x == 1)[-1]
    curve = curves.precision_recall(y_true, y_prob, CLASSES[:3])[1]
    assert (curve["x"], curve["y"]) == (pytest.approx(x[full:][::-1]), pytest.approx(y[full:][::-1]))


def test_the_curve_over_all_classes_has_scikit_learns_area():
    y_true, y_prob = problem(0, n=100)
    flags = np.eye(3)[y_true]
    macro, micro = curves.roc(y_true, y_prob, CLASSES[:3])[3:]
    assert (macro["name"], macro["threshold"], micro["name"]) == ("macro", None, "micro")
    assert np.trapezoid(micro["y"], micro["x"]) == pytest.approx(sk.roc_auc_score(flags.ravel(), y_prob.ravel()))
    assert np.trapezoid(macro["y"], macro["x"]) == pytest.approx(sk.roc_auc_score(flags, y_prob), abs=0.01)


def test_a_point_on_a_curve_is_what_the_counts_at_its_threshold_say(many):
    y_true, y_prob = problem(5, n=5000)
    curve = many["roc"][1]
    i = len(curve["x"]) // 2
    called = y_prob[:, 1] >= curve["threshold"][i]
    expected = [called[y_true != 1].mean(), called[y_true == 1].mean()]
    assert [curve["x"][i], curve["y"][i]] == pytest.approx(expected)


@pytest.mark.parametrize("which", ["roc", "precision_recall"])
def test_a_long_curve_is_thinned_and_keeps_its_area(many, which):
    y_true, y_prob = problem(5, n=5000)
    area = sk.roc_auc_score if which == "roc" else sk.average_precision_score
    for j, curve in enumerate(many[which]):
        assert 100 < len(curve["x"]) <= curves.POINTS
        assert len(curve["x"]) == len(curve["y"]) == len(curve["low"]) == len(curve["high"])
        assert curve["threshold"] is None or len(curve["threshold"]) == len(curve["x"])
        assert curve["x"] == sorted(curve["x"])
        if j < 3:
            assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(area(y_true == j, y_prob[:, j]), abs=2e-3)


def test_a_thinned_roc_curve_still_goes_from_corner_to_corner(many):
    for curve in many["roc"]:
        assert (curve["x"][-1], curve["y"][-1]) == (1, 1)
        assert curve["x"][0] == 0 and curve["y"][0] < 0.3


def test_a_thinned_precision_recall_curve_still_goes_to_the_last_positive(many):
    for curve in many["precision_recall"]:
        assert (curve["x"][0], curve["y"][0], curve["x"][-1]) == (0, 1, 1)


def test_many_classes_share_the_points():
    y_true, y_prob = problem(0, n=3000, n_classes=200)
    found = curves.roc(y_true, y_prob, tuple(map(str, range(200))))
    assert max(len(curve["x"]) for curve in found) <= curves.ALL_POINTS // 200
    assert sum(curve.get("mean", False) for curve in found) == 2


def test_a_class_that_never_occurs_has_no_curve():
    y_true, y_prob = np.array([0, 1, 0, 1]), problem(1, n=4)[1]
    assert [curve["name"] for curve in curves.roc(y_true, y_prob, CLASSES[:3])] == ["a", "b", "macro", "micro"]


def test_a_class_called_macro_is_not_taken_for_the_mean():
    found = curves.roc(*problem(0), ("macro", "b", "c"))
    assert [curve.get("mean", False) for curve in found if curve["name"] == "macro"] == [False, True]


# ---------------------------------------------------------------------------------------------------- bands


@pytest.mark.parametrize("which", ["roc", "precision_recall"])
def test_a_band_is_around_its_curve_and_within_0_to_1(many, which):
    for curve in many[which]:
        low, y, high = (np.array(curve[key]) for key in ("low", "y", "high"))
        assert (low >= 0).all() and (low <= y).all() and (y <= high).all() and (high <= 1 + 1e-12).all()
    wide, narrow = (
        np.mean(np.subtract(curve["high"], curve["low"]))
        for curve in (getattr(curves, which)(*problem(5, n=300), CLASSES[:3])[0], many[which][0])
    )
    assert wide > 3 * narrow


@pytest.mark.parametrize(("which", "at"), [("roc", (0.05, 0.1, 0.3)), ("precision_recall", (0.3, 0.6, 0.9))])
def test_a_band_holds_the_true_curve_about_as_often_as_it_says(which, at):
    work = getattr(curves, which)

    def at_x(key, curve):
        return np.interp(at, curve["x"], curve[key])

    truth = at_x("y", work(*problem(99, n=200_000, n_classes=2), CLASSES[:2])[1])
    held = []
    for seed in range(200):
        curve = work(*problem(seed, n=300, n_classes=2), CLASSES[:2])[1]
        held.append((at_x("low", curve) <= truth) & (truth <= at_x("high", curve)))
    assert np.mean(held, axis=0) == pytest.approx(0.95, abs=0.045)


# ---------------------------------------------------------------------------------------------------- the rest


@pytest.mark.parametrize("most", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_the_partial_area_is_scikit_learns(most, ties):
    y_true, y_prob = problem(3, n_classes=2, ties=ties)
    expected = sk.roc_auc_score(y_true, y_prob[:, 1], max_fpr=most if most < 1 else None)
    assert curves.partial_auroc(y_true, y_prob[:, 1], most) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("most", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_the_partial_area_has_the_spread_of_its_bootstrap(most, ties):
    y_true, y_prob = problem(3, n=600, n_classes=2, ties=ties)
    drawn = [
        curves.partial_auroc(y_true[rows], y_prob[rows, 1], most)
        for row in next(bootstrap.counts(y_true, 300)).astype(int)
        for rows in [np.repeat(np.arange(len(y_true)), row)]
    ]
    got = curves.partial_auroc_interval(y_true, y_prob[:, 1], most)
    assert got["value"] == curves.partial_auroc(y_true, y_prob[:, 1], most)
    assert (got["high"] - got["low"]) / 2 == pytest.approx(1.96 * np.std(drawn), rel=0.15)


def test_over_all_false_alarms_the_partial_area_moves_as_the_whole_one():
    y_true, y_prob = problem(3, n_classes=2, ties=True)
    one = ranking.rank(y_true == 1, y_prob[:, 1])
    np.testing.assert_allclose(ranking.partial_auroc_slopes(one, 1.0), ranking.auroc_slopes(one), atol=1e-12)


@pytest.mark.parametrize("most", [0, -0.1, 1.5, float("nan")])
def test_a_partial_area_over_nothing_is_refused(most):
    with pytest.raises(ValueError, match="The most false alarms are"):
        curves.partial_auroc(np.array([0, 1]), np.array([0.1, 0.9]), most)


def test_a_partial_area_without_positives_is_not_defined():
    assert curves.partial_auroc(np.zeros(3), np.ones(3), 0.1) is None
    assert curves.partial_auroc_interval(np.zeros(3), np.ones(3), 0.1)["value"] is None


def test_gain_and_lift_by_hand():
    found = curves.lift_and_gain(np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.2, 0.2]))
    assert found["share"] == [0, 0.2, 0.4, 0.6, 1]
    assert found["gain"] == [0, 0.5, 0.5, 1, 1]
    assert found["lift"] == [2.5, 2.5, 1.25, pytest.approx(1 / 0.6), 1]
    assert found["threshold"] == [None, 0.9, 0.8, 0.7, 0.2]
    json.dumps(found, allow_nan=False)


def test_gain_without_positives_is_not_defined():
    assert curves.lift_and_gain(np.zeros(3), np.ones(3)) is None


def test_scores_are_counted_for_the_class_and_for_the_rest():
    found = curves.scores(*BY_HAND, CLASSES[:2])
    b = found["classes"][1]
    assert (b["class"], sum(b["own"]), sum(b["rest"])) == ("b", 2, 2)
    assert [found["edges"][i] for i in np.flatnonzero(b["own"])] == pytest.approx([0.34, 0.8])
    json.dumps(found, allow_nan=False)


def test_a_score_of_1_is_in_the_last_bin():
    assert curves.scores(np.array([0]), np.array([[1.0, 0.0]]), CLASSES[:2])["classes"][0]["own"][-1] == 1
