"""Classification metrics against scikit-learn, published values and counts by hand."""

import json
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from core.evaluation import metrics, ranking, summary


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


def figures(y_true, y_prob, **more):
    return summary.figures(y_true, y_prob, tuple("abcdefghijkl"[: y_prob.shape[1]]), **more)


def random_problem(seed):
    """A problem of any size: 1 to 8 classes, some of them absent or all but one, with or without ties."""
    rng = np.random.default_rng(seed)
    n, n_classes = int(rng.integers(2, 120)), int(rng.integers(2, 9))
    present = rng.permutation(n_classes)[: rng.integers(1, n_classes + 1)]
    y_true, y_prob = problem(seed, n, n_classes, classes=present)
    kind = seed % 4
    if kind == 1:  # ties; each row is made to sum to 1 again
        y_prob = np.round(y_prob * 8) + 1
        y_prob /= y_prob.sum(axis=1, keepdims=True)
    if kind == 2 and seed % 8 == 2:
        y_prob = np.full_like(y_prob, 1 / n_classes)
    return y_true, y_prob


def of_scikit_learn(y_true, y_prob):
    """Each metric by scikit-learn; None where it says that it is not defined."""
    n_classes = y_prob.shape[1]
    labels, y_pred = np.arange(n_classes), y_prob.argmax(axis=1)
    flags = y_true[:, None] == labels
    some = [j for j in labels if flags[:, j].any()]
    both = [j for j in some if not flags[:, j].all()]
    single = len(np.unique(np.r_[y_true, y_pred])) == 1
    found = {
        "accuracy": sk.accuracy_score(y_true, y_pred),
        "balanced_accuracy": sk.balanced_accuracy_score(y_true, y_pred),
        "precision_macro": sk.precision_score(y_true, y_pred, average="macro", zero_division=np.nan),
        "recall_macro": sk.recall_score(y_true, y_pred, average="macro", zero_division=np.nan),
        "f1_macro": sk.f1_score(y_true, y_pred, average="macro", zero_division=np.nan),
        "f1_weighted": sk.f1_score(y_true, y_pred, average="weighted", zero_division=np.nan),
        "mcc": sk.matthews_corrcoef(y_true, y_pred) if len(some) > 1 and len(set(y_pred)) > 1 else None,
        "kappa": None if single else sk.cohen_kappa_score(y_true, y_pred),
        "log_loss": sk.log_loss(y_true, y_prob, labels=labels),
        "brier": sk.brier_score_loss(flags[:, 1], y_prob[:, 1])
        if n_classes == 2
        else sk.brier_score_loss(y_true, y_prob, labels=labels),
        "auroc_micro": sk.roc_auc_score(flags.ravel(), y_prob.ravel()),
        "average_precision_micro": sk.average_precision_score(flags.ravel(), y_prob.ravel()),
        "auroc_macro": np.mean([sk.roc_auc_score(flags[:, j], y_prob[:, j]) for j in both]) if both else None,
        "average_precision_macro": np.mean([sk.average_precision_score(flags[:, j], y_prob[:, j]) for j in some]),
    }
    for k in (2, 3, 5):
        found[f"top_{k}"] = sk.top_k_accuracy_score(y_true, y_prob, k=k, labels=labels) if n_classes > k else None
    return found


def test_every_metric_is_scikit_learns_on_200_random_problems():
    for seed in range(200):
        y_true, y_prob = random_problem(seed)
        got = metrics.values(y_true, y_prob)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scikit-learn, where classes are absent
            expected = of_scikit_learn(y_true, y_prob)
        assert got.pop("ece") is not None
        for name, value in expected.items():
            assert got[name] == (None if value is None else pytest.approx(value, rel=0, abs=1e-12)), (seed, name)
        assert got.keys() - metrics.COUNTED.keys() == expected.keys() - metrics.COUNTED.keys()


def test_the_random_problems_hold_what_they_should():
    problems = [random_problem(seed) for seed in range(200)]
    assert sum(len(np.unique(y_true)) == 1 for y_true, _ in problems) >= 10
    assert sum(len(np.unique(y_true)) < y_prob.shape[1] for y_true, y_prob in problems) >= 100
    assert sum(len(np.unique(y_prob[:, 0])) < len(y_prob) // 2 for _, y_prob in problems) >= 30


def test_two_classes_have_the_area_of_scikit_learns_positive_class():
    y_true, y_prob = PROBLEMS["two classes"]
    assert metrics.values(y_true, y_prob)["auroc_macro"] == pytest.approx(sk.roc_auc_score(y_true, y_prob[:, 1]))


def test_many_classes_have_the_area_of_scikit_learns_one_against_rest():
    y_true, y_prob = PROBLEMS["four classes"]
    expected = sk.roc_auc_score(y_true, y_prob, multi_class="ovr")
    assert metrics.values(y_true, y_prob)["auroc_macro"] == pytest.approx(expected)


def test_the_calibration_error_by_hand():
    y_prob = np.array([[0.95, 0.05], [0.85, 0.15], [0.85, 0.15], [0.15, 0.85]])
    got = metrics.values(np.array([0, 0, 1, 1]), y_prob, ["ece"])
    assert got == {"ece": pytest.approx((3 * (0.85 - 2 / 3) + 0.05) / 4)}


@pytest.mark.parametrize("name", metrics.METRICS)
def test_only_the_metric_that_is_asked_for_is_given(name):
    y_true, y_prob = PROBLEMS["twelve classes"]
    assert metrics.values(y_true, y_prob, [name]) == {name: metrics.values(y_true, y_prob)[name]}


def test_each_metric_is_explained_in_one_sentence():
    for metric in metrics.METRICS.values():
        assert metric.title
        assert metric.text.endswith(".") and metric.form in ("percent", "area", "number")
    assert [name for name, metric in metrics.METRICS.items() if not metric.higher_is_better] == [
        "log_loss",
        "brier",
        "ece",
    ]


def test_500_classes_most_of_them_absent_have_every_figure():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 300, 400)
    y_prob = metrics.softmax(rng.normal(size=(400, 500)) + 4 * np.eye(500)[y_true])
    got = summary.figures(y_true, y_prob, tuple(f"class {j}" for j in range(500)), resamples=50)
    assert None not in [got["metrics"][name]["value"] for name in metrics.METRICS]
    assert len(json.dumps(got, allow_nan=False)) < 10_000_000


# ---------------------------------------------------------------------------------------------------- figures


@each_problem
def test_counts_are_scikit_learns(y_true, y_prob):
    got, y_pred = figures(y_true, y_prob), y_prob.argmax(axis=1)
    assert got["confusion"] == sk.confusion_matrix(y_true, y_pred).tolist()
    assert (got["n"], got["n_right"]) == (len(y_true), int((y_true == y_pred).sum()))


@each_problem
def test_figures_of_each_class_are_scikit_learns(y_true, y_prob):
    got, flags = figures(y_true, y_prob)["per_class"], np.eye(y_prob.shape[1])[y_true]
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        y_true, y_prob.argmax(axis=1), zero_division=np.nan
    )
    expected = {"precision": precision, "recall": recall, "f1": f1}
    expected["auroc"] = sk.roc_auc_score(flags, y_prob, average=None)
    expected["average_precision"] = sk.average_precision_score(flags, y_prob, average=None)
    for name, values in expected.items():
        assert [row[name]["value"] for row in got] == pytest.approx(values)
    assert [row["support"] for row in got] == support.tolist()


@each_problem
def test_figures_hold_the_values_and_intervals_around_them(y_true, y_prob):
    got = figures(y_true, y_prob)
    values = metrics.values(y_true, y_prob)
    for name, figure in got["metrics"].items():
        assert figure["value"] == (None if values[name] is None else pytest.approx(values[name], abs=1e-12))
        if figure["value"] is not None:
            assert figure["low"] < figure["value"] < figure["high"]
    for row in got["per_class"]:
        for name in ("precision", "recall", "f1", "auroc", "average_precision"):
            assert row[name]["low"] < row[name]["value"] < row[name]["high"]


def test_the_same_seed_gives_the_same_figures():
    y_true, y_prob = PROBLEMS["four classes"]
    assert figures(y_true, y_prob, seed=3) == figures(y_true, y_prob, seed=3)
    assert figures(y_true, y_prob, seed=3)["metrics"]["mcc"] != figures(y_true, y_prob, seed=4)["metrics"]["mcc"]


@each_problem
def test_everything_is_plain_json(y_true, y_prob):
    got = figures(y_true, y_prob, temperature=2.0)
    assert json.loads(json.dumps(got, allow_nan=False)) == got


def test_a_perfect_answer_has_every_area_1_and_is_not_without_doubt():
    y_true = np.array([0, 1, 2, 0, 1, 2])
    got = figures(y_true, np.eye(3)[y_true])["metrics"]
    for name in ("accuracy", "f1_macro", "mcc", "auroc_macro", "average_precision_macro", "auroc_micro"):
        assert got[name]["value"] == got[name]["high"] == 1
        assert got[name]["low"] < 0.9
    assert got["brier"]["value"] == 0 < got["brier"]["high"]


def test_figures_at_a_temperature_hold_the_calibration_there():
    y_true, y_prob = PROBLEMS["four classes"]
    got = figures(y_true, y_prob, temperature=5.0)
    assert got["calibration_scaled"]["error"] > got["calibration"]["error"] + 0.1
    assert figures(y_true, y_prob)["calibration_scaled"] is None


def test_a_table_of_counts_by_hand():
    row = summary.class_table(np.array([[3, 1], [2, 4]]), ("no", "yes"))[1]
    assert {key: row[key]["value"] for key in ("precision", "recall", "f1")} == {
        "precision": 4 / 5,
        "recall": 4 / 6,
        "f1": pytest.approx(8 / 11),
    }
    assert (row["class"], row["support"], row["predicted"]) == ("yes", 6, 5)


# ---------------------------------------------------------------------------------------------------- undefined


@pytest.fixture
def absent():
    """Figures where class c never occurs, and class d is neither there nor ever called."""
    y_true = np.array([0, 1, 0, 1])
    y_prob = np.array([[0.6, 0.2, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.2, 0.6, 0.1], [0.4, 0.3, 0.2, 0.1]])
    return figures(y_true, y_prob)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall", [0.5, 0.5, None, None]),  # of a class that never occurs
        ("precision", [0.5, 1, 0, None]),  # of one that is never called
        ("f1", [0.5, pytest.approx(2 / 3), 0, None]),  # of one that is neither there nor called
        ("auroc", [0.625, 1, None, None]),
        ("average_precision", [pytest.approx(0.75), 1, None, None]),
    ],
)
def test_what_an_absent_class_leaves_undefined(absent, name, expected):
    assert [row[name]["value"] for row in absent["per_class"]] == expected
    assert [row[name]["low"] is None for row in absent["per_class"]] == [value is None for value in expected]


def test_the_area_of_a_class_that_never_occurs_is_no_part_of_the_mean(absent):
    assert absent["metrics"]["auroc_macro"]["value"] == pytest.approx((0.625 + 1) / 2)


def test_figures_with_an_absent_class_are_plain_json(absent):
    json.dumps(absent, allow_nan=False)


def test_where_only_one_class_occurs_there_is_no_roc():
    got = figures(np.zeros(5, int), np.tile([0.7, 0.3], (5, 1)))
    assert got["metrics"]["auroc_macro"] == {"value": None, "low": None, "high": None}
    assert got["metrics"]["mcc"]["value"] is None
    assert (got["roc"], [curve["name"] for curve in got["precision_recall"]]) == ([], ["a"])
    json.dumps(got, allow_nan=False)


@pytest.mark.parametrize(("n", "n_classes"), [(0, 3), (1, 3), (1, 2), (4, 1)])
def test_hardly_any_samples_or_classes_still_give_figures(n, n_classes):
    y_true, y_prob = problem(0, n, n_classes)
    got = figures(y_true, y_prob, temperature=1.5)
    json.dumps(got, allow_nan=False)
    assert (got["metrics"]["accuracy"]["value"] is None) == (n == 0)


def test_equal_probabilities_are_a_guess():
    got = figures(np.array([0, 0, 1, 1]), np.full((4, 2), 0.5))
    assert got["metrics"]["auroc_macro"]["value"] == 0.5
    assert got["metrics"]["log_loss"]["value"] == pytest.approx(np.log(2))
    json.dumps(got, allow_nan=False)


# ---------------------------------------------------------------------------------------------------- refused


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="y_true has 3 rows but y_prob has 2"):
        figures(np.zeros(3, int), np.full((2, 2), 0.5))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_probability_that_is_no_number_is_refused(bad):
    for work in (figures, metrics.values):
        with pytest.raises(ValueError, match="The predictions hold NaN or infinity"):
            work(np.zeros(2, int), np.array([[0.5, 0.5], [bad, 0.5]]))


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="y_true holds 0 to 2 but y_prob has 2 columns"):
        metrics.values(np.array([0, 2]), np.full((2, 2), 0.5))


def test_as_many_classes_as_columns_are_asked_for():
    with pytest.raises(ValueError, match="y_prob has 2 columns but there are 3 classes"):
        summary.figures(np.array([0]), np.full((1, 2), 0.5), ("a", "b", "c"))


# ---------------------------------------------------------------------------------------------------- slopes


@pytest.mark.parametrize("which", ["auroc", "average_precision"])
@pytest.mark.parametrize("name", ["four classes", "many ties"])
def test_slopes_of_an_area_are_its_derivatives_by_the_counts(which, name):
    area, slopes = getattr(ranking, which), getattr(ranking, f"{which}_slopes")
    y_true, y_prob = PROBLEMS[name]
    step = 1e-5 * np.eye(len(y_true))
    for one in (ranking.rank(y_true == 1, y_prob[:, 1]), ranking.rank_all(y_true, y_prob)):
        expected = (area(one, 1 + step) - area(one, 1 - step)) / 2e-5
        np.testing.assert_allclose(slopes(one), expected, atol=1e-9)


# ---------------------------------------------------------------------------------------------------- the rest


def test_softmax_by_hand():
    np.testing.assert_allclose(metrics.softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]])


def test_softmax_of_huge_logits_is_finite():
    got = metrics.softmax(np.array([[3e38, 0], [-3e38, 0]], np.float32))
    np.testing.assert_array_equal(got, [[1, 0], [0, 1]])


def test_the_most_frequent_mistake_is_the_largest_count_off_the_diagonal():
    record = {"classes": ["a", "b", "c"], "confusion": [[9, 1, 0], [0, 9, 3], [2, 0, 9]]}
    assert summary.most_frequent_mistake(record) == {"true": "b", "predicted": "c", "count": 3}


def test_where_there_is_no_mistake_there_is_no_most_frequent_one():
    assert summary.most_frequent_mistake({"classes": ["a", "b"], "confusion": [[9, 0], [0, 5]]}) is None
