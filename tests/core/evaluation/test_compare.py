"""Is B better than A? Answers known by hand, and comparisons that must be refused."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t

from core import config, notes, runs
from core.evaluation import bootstrap, compare, differences, metrics, pairing, resampling
from tests.core import toys


def make(right, targets=None, fingerprint="f00d", state="done", ids=None, sure=2.0, name=None, **settings) -> str:
    """A finished run that is right where `right` says so, with two classes; `sure` is the winner's logit."""
    run = runs.create(config.suggest(toys.table(), **settings), toys.table().schema, fingerprint)
    right = np.asarray(right, bool)
    targets = np.arange(len(right)) % 2 if targets is None else np.asarray(targets)
    logits = np.zeros((len(right), 2), np.float32)
    logits[np.arange(len(right)), np.where(right, targets, 1 - targets)] = sure
    ids = np.array([f"s{i:05d}" for i in range(len(right))]) if ids is None else np.asarray(ids)
    runs.write_predictions(run, "test", ids, targets, logits)
    runs.write_status(run, state=state)
    if name:
        notes.write(run, title=name)
    return run


def sides(n: int, losses: int, gains: int) -> tuple[str, str]:
    """Two runs on n samples: `losses` that only A gets right, then `gains` that only B does; the rest both do."""
    a, b = np.ones((2, n), bool)
    b[:losses], a[losses : losses + gains] = False, False
    return make(a, name="old"), make(b, name="new", lr=0.01)


def reason(a, b, **how) -> str:
    with pytest.raises(ValueError) as error:
        compare.verdict(a if isinstance(a, list) else [a], b if isinstance(b, list) else [b], **how)
    return error.value.args[0]


# ---------------------------------------------------------------------------------------------------- answers


def test_a_clear_gain_is_better_and_the_other_way_round_worse():
    a, b = sides(200, 2, 20)
    found = compare.verdict([a], [b])
    assert found["answer"] == "better" and compare.verdict([b], [a])["answer"] == "worse"
    assert (found["a"], found["b"], round(found["difference"]["value"], 12)) == (0.9, 0.99, 0.09)
    assert found["p"] == pytest.approx(2 * sum(math.comb(22, k) for k in range(3)) / 2**22)
    assert found["sentence"].startswith(
        "new is better than old: accuracy 99.0% against 90.0%, +9.0 points (+4.9 to +14.1), on 200 test rows, p < "
    )


def test_the_samples_that_flipped_are_named():
    found = compare.verdict(*([run] for run in sides(50, 2, 3)))
    assert found["right_to_wrong"] == ["s00000", "s00001"]
    assert found["wrong_to_right"] == ["s00002", "s00003", "s00004"]


def test_few_flips_among_many_samples_are_equivalent_within_the_margin():
    found = compare.verdict(*([run] for run in sides(5000, 6, 5)), margin=0.01)
    assert (found["answer"], found["needed"]) == ("equivalent", None)
    assert found["sentence"].startswith("new and old are equivalent within 1 point: accuracy 99.9% against 99.9%")


def test_few_samples_cannot_tell_and_say_how_many_would():
    found = compare.verdict(*([run] for run in sides(100, 3, 6)))
    assert found["answer"] == "unknown" and found["needed"] > 100
    assert found["sentence"].startswith("Cannot tell whether new is better than old: accuracy 97.0% against 94.0%")
    assert "samples would be needed if the difference is as seen." in found["sentence"]


def test_a_test_stricter_than_its_interval_is_said_to_decide():
    found = compare.verdict(*([run] for run in sides(150, 1, 7)))
    assert found["answer"] == "unknown" and found["difference"]["low"] > 0 and round(found["p"], 3) == 0.070
    assert "The interval leaves out 0, but the test is the stricter of the two here" in found["sentence"]
    assert "leaves out 0" not in compare.verdict(*([run] for run in sides(100, 3, 6)))["sentence"]


def test_equal_answers_on_few_samples_are_not_yet_equivalent():
    found = compare.verdict(*([run] for run in sides(20, 0, 0)))
    assert (found["answer"], found["p"]) == ("unknown", 1.0)
    assert found["needed"] == math.ceil(1.6448536**2 * 0.99 / 0.01)  # what Tango's interval needs without a flip
    assert compare.verdict(*([run] for run in sides(found["needed"], 0, 0)))["answer"] == "equivalent"


def test_a_margin_of_zero_never_calls_two_equivalent():
    found = compare.verdict(*([run] for run in sides(1000, 0, 0)), margin=0)
    assert (found["answer"], found["needed"]) == ("unknown", None)
    assert "set a wider one" in found["sentence"]


def test_a_real_difference_smaller_than_the_margin_is_said_so():
    found = compare.verdict(*([run] for run in sides(20_000, 10, 60)), margin=0.01)
    assert found["answer"] == "better" and found["sentence"].endswith("smaller than the margin of 1 point.")


def test_samples_are_paired_by_id_whatever_their_order():
    a = make([1, 1, 0, 0], targets=[0, 1, 0, 1], ids=list("abcd"))
    b = make([0, 1, 1, 1], targets=[0, 0, 1, 1], ids=list("cadb"), lr=0.01)
    found = compare.verdict([a], [b])
    assert (found["right_to_wrong"], found["wrong_to_right"]) == ([], ["d"])


@pytest.mark.parametrize("metric", ["f1_macro", "mcc", "auroc_macro", "brier", "ece", "balanced_accuracy"])
def test_every_kind_of_metric_calls_a_much_better_run_better(metric):
    rng = np.random.default_rng(0)
    a, b = make(rng.random(300) < 0.7), make(rng.random(300) < 0.97, lr=0.01)
    assert compare.verdict([a], [b], metric)["answer"] == "better"
    assert compare.verdict([b], [a], metric)["answer"] == "worse"


def test_lower_log_loss_is_better():
    a, b = make(np.ones(100), sure=1.0), make(np.ones(100), sure=3.0, lr=0.01)
    found = compare.verdict([a], [b], "log_loss", margin=0.001)
    assert found["answer"] == "better" and found["difference"]["value"] < 0


def test_the_bootstrap_agrees_with_one_written_out():
    """Of few cells and of samples one by one, the spread of the difference is the same."""
    rng = np.random.default_rng(1)
    targets = np.arange(300) % 3
    said = [np.where(rng.random(300) < share, targets, rng.integers(0, 3, 300)) for share in (0.8, 0.85)]
    a, b = (np.eye(3)[one] for one in said)
    found = resampling.resample("f1_macro", targets, [a, b])
    drawn = found.rows[1] - found.rows[0]
    by_sample = [
        bootstrap.replicates(targets, y_prob, ["f1_macro"], bootstrap.counts(targets, 2000, 5))["f1_macro"]
        for y_prob in (a, b)
    ]
    expected = by_sample[1] - by_sample[0]
    assert drawn.mean() == pytest.approx(expected.mean(), abs=0.002)
    assert drawn.std() == pytest.approx(expected.std(), rel=0.06)
    assert found.variance([-1, 1]) == pytest.approx(drawn.var(ddof=1))


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "brier", "top_2"])
def test_of_a_mean_the_spread_of_resamples_is_known_without_drawing_them(metric):
    rng = np.random.default_rng(2)
    targets = np.arange(150) % 3
    a, b = (metrics.softmax(np.eye(3)[targets] + rng.normal(size=(150, 3))) for _ in range(2))
    rows = [
        bootstrap.replicates(targets, y_prob, [metric], bootstrap.counts(targets, 4000))[metric] for y_prob in (a, b)
    ]
    known = resampling.resample(metric, targets, [a, b]).variance([-1, 1])
    assert math.sqrt(known) == pytest.approx((rows[1] - rows[0]).std(), rel=0.04)


def test_the_same_comparison_gives_the_same_numbers():
    a, b = sides(300, 10, 15)
    assert compare.verdict([a], [b], "f1_macro") == compare.verdict([a], [b], "f1_macro")


def test_a_verdict_can_be_written_as_json():
    a, b = sides(60, 3, 6)
    for metric in metrics.METRICS:
        if not metric.startswith("top_"):
            json.dumps(compare.verdict([a], [b], metric), allow_nan=False)


# ---------------------------------------------------------------------------------------------------- seeds


def seeds(accuracies, name, n=1000, **settings) -> list[str]:
    """Runs that differ only by seed; each gets the first so many samples right."""
    made = [make(np.arange(n) < share * n, seed=i, **settings) for i, share in enumerate(accuracies)]
    notes.write(made[0], title=name)
    return made


def test_seeds_that_lie_far_apart_are_told_from_others():
    a, b = seeds([0.80, 0.81, 0.79], "old"), seeds([0.95, 0.96, 0.95], "new", lr=0.01)
    found = compare.verdict(a, b)
    assert found["answer"] == "better" and found["method"] == "t over seeds and samples"
    assert found["sentence"].startswith("new (3 seeds) is better than old (3 seeds): ")
    assert "over 3 and 3 seeds" in found["sentence"]


def test_a_difference_that_one_seed_could_make_is_not_called():
    """Run against run, the same samples would call it."""
    a, b = seeds([0.80, 0.90, 0.85], "old"), seeds([0.84, 0.94, 0.89], "new", lr=0.01)
    assert compare.verdict(a, b)["answer"] == "unknown"
    assert compare.verdict(a[:1], b[:1])["answer"] == "better"


def test_the_spread_between_seeds_is_added_to_that_between_samples():
    """Two of A's samples differ between its seeds, one in each class of 50; what they add to both counts once."""
    a, b = seeds([0.80, 0.82], "old", n=100), seeds([0.90, 0.90], "new", n=100, lr=0.01)
    found = compare.verdict(a, b)["difference"]
    apart = 2 * 2 * (0.5**2 - 50 * 0.01**2) / 100**2
    whole = np.var([0.80, 0.82], ddof=1) / 2
    between = whole - apart / 2
    flipped = np.r_[np.zeros(80), [0.5] * 2, np.ones(8), np.zeros(10)]
    samples = sum(50 * np.var(flipped[j::2]) for j in (0, 1)) / 100**2  # within the two classes, in turn
    freedom = (between + samples) ** 2 / (whole**2 / 1 + samples**2 / 99)
    half = t.ppf(0.975, freedom) * math.sqrt(between + samples)
    assert (found["low"], found["high"]) == pytest.approx((0.09 - half, 0.09 + half))


def test_a_single_run_against_seeds_is_taken_to_vary_as_they_do():
    a, b = seeds([0.80, 0.90, 0.85], "old"), seeds([0.95], "new", lr=0.01)
    found = compare.verdict(a, b)["difference"]
    assert found["low"] < 0 < found["high"]


def test_flips_of_seeds_are_those_of_the_majority():
    a = [make(rows, seed=i) for i, rows in enumerate(([1, 1, 0], [1, 0, 0], [1, 0, 1]))]
    b = [make(rows, seed=i, lr=0.01) for i, rows in enumerate(([0, 1, 1], [0, 1, 1], [1, 1, 0]))]
    found = compare.verdict(a, b)
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (["s00000"], ["s00001", "s00002"])


# ---------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize(("n", "losses", "gains"), [(44, 3, 9), (30, 0, 4), (100, 12, 12), (25, 5, 0), (500, 1, 0)])
def test_tangos_interval_ends_where_the_score_test_says_so(n, losses, gains):
    """At each end the score statistic, its variance at the most likely share under that difference, is 1.96."""

    def statistic(delta):
        def unlikely(share):  # of losses; gains have share + delta
            rest = 1 - 2 * share - delta
            parts = ((gains, share + delta), (losses, share), (n - gains - losses, rest))
            return -sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

        low, high = max(0.0, -delta), (1 - delta) / 2
        share = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        return (gains - losses - n * delta) / math.sqrt(n * (2 * share + delta * (1 - delta)))

    low, high = differences.paired_interval(losses, gains, n)
    assert (statistic(low), statistic(high)) == pytest.approx((1.95996, -1.95996), abs=1e-3)


def test_without_a_flip_tangos_interval_has_a_width():
    z = 1.959963984540054**2
    assert differences.paired_interval(0, 0, 50) == pytest.approx((-z / (50 + z), z / (50 + z)))


def test_mcnemar_is_the_chance_of_so_uneven_a_coin():
    assert differences.mcnemar(0, 0) == 1.0
    assert differences.mcnemar(0, 5) == pytest.approx(2 / 32)
    assert differences.mcnemar(1, 5) == pytest.approx(2 * 7 / 64)


def test_connors_number_of_samples_by_hand():
    """A tenth flipped, a difference of 0.04: (1.960 sqrt(.1) + 0.842 sqrt(.1 - .0016))**2 / .0016."""
    expected = (1.959964 * math.sqrt(0.1) + 0.841621 * math.sqrt(0.0984)) ** 2 / 0.0016
    assert differences.needed(0.04, 0.0984, 0.0) == math.ceil(expected) == 489


def test_with_as_many_samples_as_are_needed_four_of_five_comparisons_tell():
    flipped, difference = 0.1, 0.04
    n = differences.needed(difference, flipped - difference**2, 0.0)
    shares = (flipped + difference) / 2, (flipped - difference) / 2
    drawn = np.random.default_rng(0).multinomial(n, [*shares, 1 - flipped], 1000)
    told = np.mean([differences.mcnemar(losses, gains) < 0.05 for gains, losses, _ in drawn])
    assert 0.74 < told < 0.86


def test_no_number_of_samples_helps_where_seeds_spread_more_than_the_difference():
    assert differences.needed(0.01, 0.1, 0.0, fixed=0.01) is None


# ---------------------------------------------------------------------------------------------------- refused


def test_other_data_is_refused_with_what_differs():
    a, b = make([1, 1]), make([1, 1], fingerprint="beef")
    assert reason(a, b) == (
        f"{a[11:]} and {b[11:]} were made with different versions of iris, f00d and beef; only runs on the same "
        "samples can be compared."
    )


def test_another_split_is_refused_with_what_differs():
    a, b = make([1, 1], ids=["a", "b"]), make([1, 1], ids=["a", "c"], split_seed=7)
    assert reason(a, b) == (
        "These runs have different test samples (data.split_seed is 0 and 7); train one of them again with the split "
        "of the other."
    )


def test_a_run_at_work_is_refused():
    a, b = make([1, 1]), make([1, 1], state="queued", name="young")
    assert reason(a, b) == "young is still queued; compare it when it is done."


def test_predictions_of_other_weights_are_refused_with_what_to_do():
    a, b = make([1, 1]), make([1, 1], state="stopped", name="resumed")
    runs.path(b, "checkpoints", "best.pt").write_bytes(b"weights")
    runs.write_record(b, "evaluation.json", {"format": runs.EVALUATION, "weights": runs.weights_stamp(b)})
    compare.verdict([a], [b])
    runs.write_status(b, best_epoch=99)
    assert reason(a, b).startswith("resumed has got better since its predictions; `python -m core evaluate")


def test_a_run_without_predictions_is_refused_with_what_to_do():
    a, b = make([1, 1]), make([1, 1], state="stopped", name="early")
    runs.path(b, "predictions", "test.parquet").unlink()
    assert reason(a, b).startswith(f"early (stopped) has no predictions yet; `python -m core evaluate {b}` makes them")


def test_predictions_of_nan_are_refused():
    a, b = make([1, 1]), make([1, 1], sure=np.nan, lr=0.01)
    assert reason(a, b).startswith("The predictions of a run hold NaN or infinity;")


def test_a_sample_that_is_there_twice_cannot_be_paired():
    a, b = (make([1, 1], ids=["a", "a"], lr=lr) for lr in (0.1, 0.2))
    assert reason(a, b).startswith("The test part holds a sample more than once")


def test_a_run_against_itself_is_refused():
    a = make([1, 1], name="one")
    assert reason(a, a) == "one is on both sides; choose another run for one."


@pytest.mark.parametrize("margin", [-0.1, 1.5, math.nan, "wide"])
def test_a_margin_that_is_none_is_refused(margin):
    assert reason("a", "b", margin=margin).endswith("it must lie from 0 to 1, for example 0.01.")


def test_a_metric_that_is_none_is_refused_with_those_there_are():
    assert reason("a", "b", metric="beauty").startswith("There is no metric 'beauty'; choose one of accuracy, ")


def test_runs_of_one_side_that_differ_in_more_than_the_seed_are_refused():
    a, b, c = make([1, 1]), make([1, 1], lr=0.01, seed=1), make([1, 1], lr=0.02)
    assert "on one side differ in more than the seed: training.lr" in reason([a, b], c)


def test_a_metric_that_is_not_defined_is_refused():
    a, b = make([1, 0], targets=[1, 1]), make([1, 1], targets=[1, 1], lr=0.01)
    assert reason(a, b, metric="auroc_macro") == (
        "AUROC (macro) is not defined on these 2 samples; choose another metric."
    )


def test_an_older_evaluation_says_how_to_make_a_new_one():
    run = make([1, 1], name="old")
    runs.write_json(runs.path(run, "evaluation.json"), {"format": 1, "epoch": 1, "val": {}, "test": {"accuracy": 1}})
    with pytest.raises(ValueError) as error:
        compare.figures(run)
    assert error.value.args[0] == (
        f"old has figures that are out of date; `python -m core evaluate {run}` computes them."
    )


def test_a_title_of_markup_stays_what_it_is():
    a, b = sides(100, 1, 5)
    notes.write(b, title="<b>new</b>")
    assert "<b>new</b>" in compare.verdict([a], [b])["sentence"]


def test_one_sample_cannot_tell():
    found = compare.verdict([make([1], targets=[0])], [make([0], targets=[0], lr=0.01)])
    assert found["answer"] == "unknown" and dataclasses.is_dataclass(pairing.Paired)
