"""Intervals against published values and simulated truth; resamples against metrics of the samples they hold."""

import numpy as np
import pytest

from core.evaluation import bootstrap, estimates, intervals, metrics


def problem(seed, n=150, n_classes=3, ties=False):
    rng = np.random.default_rng(seed)
    y_true = rng.choice(n_classes, n, p=np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum())
    logits = rng.normal(size=(n, n_classes)) + 2 * np.eye(n_classes)[y_true]
    return y_true, metrics.softmax(np.round(logits) if ties else logits)


# ---------------------------------------------------------------------------------------------------- shares


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(k, n, low, high):
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    got = intervals.proportion(k, n)
    assert got["value"] == k / n
    assert (got["low"], got["high"]) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 7), (7, 7), (355, 360)])
def test_wilsons_interval_is_scipys(k, n):
    from scipy.stats import binomtest

    got, expected = intervals.proportion(k, n), binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (got["low"], got["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (359, 359), (0, 5000), (5000, 5000)])
def test_an_interval_never_leaves_0_to_1_and_holds_its_value(k, n):
    got = intervals.proportion(k, n)
    assert 0 <= got["low"] <= got["value"] <= got["high"] <= 1


def test_a_share_of_nothing_is_not_defined():
    assert intervals.proportion(0, 0) == {"value": None, "low": None, "high": None}


def test_a_share_with_the_spread_of_a_share_has_wilsons_interval():
    got = intervals.of_share(0.8, np.sqrt(0.8 * 0.2 / 50), n=50)
    assert got == pytest.approx(intervals.proportion(40, 50))


def test_a_metric_from_minus_1_keeps_its_interval_there():
    got = intervals.of_share(-0.95, 0.1, n=100, least=-1.0)
    assert -1 <= got["low"] < -0.95 < got["high"] < 0


def test_f1_has_the_interval_of_the_share_behind_it():
    share = intervals.proportion(30, 50)  # 30 found of 50 that are it or are called it
    got = intervals.of_f1(30, support=40, called=40)
    assert got["value"] == pytest.approx(2 * 30 / 80)
    assert got["low"] == pytest.approx(2 * share["low"] / (1 + share["low"]))


def test_f1_of_a_class_that_is_neither_there_nor_called_is_not_defined():
    assert intervals.of_f1(0, 0, 0) == {"value": None, "low": None, "high": None}


def test_the_interval_of_a_mean_is_that_of_a_count_with_its_spread():
    got = intervals.of_mean(16.0, 4.0, n=100)  # a Poisson count of 16: 9.85 to 25.99 by the method of scores
    assert (got["low"], got["high"]) == (pytest.approx(9.849, abs=1e-3), pytest.approx(25.993, abs=1e-3))


def test_a_mean_without_spread_is_not_without_doubt():
    got = intervals.of_mean(0.7, 0.0, n=10)
    assert 0 < got["low"] < 0.6 and got["high"] > 0.8


# ---------------------------------------------------------------------------------------------------- spread


def test_the_spread_of_a_stratified_mean_by_hand():
    y_true, values = np.array([0, 0, 1, 1, 1]), np.array([1.0, 3, 4, 4, 7])
    expected = np.sqrt((2 / 5) ** 2 * 2 / 2 + (3 / 5) ** 2 * 3 / 3)  # class variances 2 and 3
    assert intervals.standard_error(y_true, values / 5)[0] == pytest.approx(expected)


def test_a_class_of_one_sample_is_given_the_spread_of_all():
    assert intervals.standard_error(np.array([0, 1]), np.array([0.0, 1.0]))[0] == pytest.approx(np.sqrt(2 * 0.25))


def test_the_spread_of_two_classes_is_delongs():
    # placements of positives 1, 1, 2/3 and of negatives 1, 1, 2/3: variances 1/27 each
    y_true, score = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.5])
    from core.evaluation import ranking

    slopes = ranking.auroc_slopes(ranking.rank(y_true == 1, score))
    assert intervals.standard_error(y_true, slopes)[0] == pytest.approx(np.sqrt(2 * (1 / 27) / 3))


def test_a_standard_error_reaches_further_where_few_samples_make_it():
    rng, y_true = np.random.default_rng(0), np.zeros(400, int)
    normal, rare = rng.normal(size=400), (np.arange(400) < 4).astype(float)
    assert intervals.standard_error(y_true, normal)[1] == pytest.approx(intervals.Z, abs=0.01)
    assert 2.2 < intervals.standard_error(y_true, rare)[1] < 2.6  # about 8 degrees of freedom


def test_the_spread_of_areas_is_that_of_their_bootstrap():
    y_true, y_prob = problem(0, n=1500)
    names = ["auroc_macro", "auroc_micro", "average_precision_macro", "average_precision_micro"]
    again = bootstrap.replicates(y_true, y_prob, names, bootstrap.counts(y_true, 1000))
    found = estimates.of_all(y_true, y_prob)
    for name in names:
        value = found[name]["value"]
        assert again[name].mean() == pytest.approx(value, abs=0.003)
        half = (found[name]["high"] - found[name]["low"]) / 2
        assert half == pytest.approx(intervals.Z * again[name].std(), rel=0.1)


# ---------------------------------------------------------------------------------------------------- counts


def test_rows_without_a_mistake_are_smoothed_towards_all():
    got = intervals.smoothed(np.array([[5, 0], [20, 73]]))
    assert got.sum(axis=1).tolist() == [pytest.approx(5), pytest.approx(93)]
    wrong = 21 / 100  # of all, one more mistake added
    assert got[0, 1] / 5 == pytest.approx(intervals.PRIOR * wrong / (5 + intervals.PRIOR))


def test_a_small_class_without_a_mistake_widens_the_balanced_accuracy():
    few, many = (intervals.of_counts(np.array([[n, 0], [20, 80]]), 500)["balanced_accuracy"] for n in (4, 400))
    assert few["value"] == many["value"] == pytest.approx(0.9)
    assert few["high"] - few["low"] > 2 * (many["high"] - many["low"])


def test_drawn_rows_keep_their_sizes_and_shares():
    table = np.array([[80, 20, 0], [0, 10, 0], [0, 0, 0]])
    hit, called = intervals.draw(table, table.sum(axis=1), 400, np.random.default_rng(0))
    assert hit.shape == called.shape == (400, 3)
    assert (called.sum(axis=1) == 110).all() and (hit[:, 1] == 10).all() and not hit[:, 2].any()
    assert hit[:, 0].mean() == pytest.approx(80, abs=0.8)
    assert hit[:, 0].std() == pytest.approx(4, abs=0.5)


# ---------------------------------------------------------------------------------------------------- resamples


def test_resamples_keep_the_size_of_each_class():
    y_true, _ = problem(1)
    counts = np.concatenate(list(bootstrap.counts(y_true, 50)))
    assert counts.shape == (50, len(y_true))
    for j in range(3):
        assert (counts[:, y_true == j].sum(axis=1) == (y_true == j).sum()).all()


def test_resamples_are_those_of_their_seed(monkeypatch):
    y_true, _ = problem(1)
    first, again, other = (np.concatenate(list(bootstrap.counts(y_true, 9, seed))) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
    monkeypatch.setattr(bootstrap, "CHUNK", 4 * len(y_true))
    assert [len(block) for block in bootstrap.counts(y_true, 9)] == [4, 4, 1]


def test_a_sample_is_in_a_resample_as_often_as_a_poisson_count():
    counts = next(bootstrap.counts(np.zeros(200, int), 500))
    assert (counts.mean(), counts.var()) == (pytest.approx(1), pytest.approx(1 - 1 / 200, abs=0.03))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n_classes", [2, 6])
def test_replicates_are_the_metrics_of_the_samples_drawn(n_classes, ties):
    y_true, y_prob = problem(2, n_classes=n_classes, ties=ties)
    counts = next(bootstrap.counts(y_true, 5))
    got = bootstrap.replicates(y_true, y_prob, list(metrics.METRICS), [counts[:2], counts[2:]])
    for i, row in enumerate(counts.astype(int)):
        drawn = np.repeat(np.arange(len(y_true)), row)
        for name, value in metrics.values(y_true[drawn], y_prob[drawn]).items():
            assert got[name][i] == pytest.approx(np.nan if value is None else value, abs=1e-12, nan_ok=True), name


def test_linear_replicates_are_close_to_exact_ones():
    y_true, y_prob = problem(3, n=2000)
    names = ["auroc_macro", "average_precision_micro", "accuracy"]
    exact, linear = (
        bootstrap.replicates(y_true, y_prob, names, bootstrap.counts(y_true, 200), start) for start in (10**9, 0)
    )
    assert (exact["accuracy"] == linear["accuracy"]).all()
    for name in names[:2]:
        assert (exact[name] - linear[name]).std() < 0.05 * exact[name].std()


def test_replicates_of_an_undefined_metric_are_not_defined():
    y_true, y_prob = np.zeros(4, int), np.full((4, 2), 0.5)
    got = bootstrap.replicates(y_true, y_prob, ["auroc_macro", "top_5", "mcc"], bootstrap.counts(y_true, 3))
    assert all(np.isnan(values).all() for values in got.values())


# ---------------------------------------------------------------------------------------------------- true


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # benchmarks/evaluation.py measures this closely; here a wrong formula shows
    rng = np.random.default_rng(0)

    def sample(sizes):
        y_true = np.repeat(np.arange(3), sizes)
        logits = rng.normal(size=(len(y_true), 3)) + 2 * np.eye(3)[y_true]
        return y_true, metrics.softmax(2 * logits)

    truth = metrics.values(*sample([60_000, 30_000, 10_000]))
    held = {name: 0 for name, value in truth.items() if value is not None}
    for seed in range(150):
        found = estimates.of_all(*sample([180, 90, 30]), 300, seed)
        for name in held:
            held[name] += found[name]["low"] <= truth[name] <= found[name]["high"]
    assert all(0.89 <= count / 150 <= 1 for count in held.values()), held
    assert sum(held.values()) / len(held) / 150 == pytest.approx(0.95, abs=0.03)
