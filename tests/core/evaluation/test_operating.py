"""Operating points: decisions, what they come to, and the thresholds found, by hand or by trying every threshold."""

import json

import numpy as np
import pytest

from core.evaluation import metrics, operating
from core.evaluation.operating import OperatingPoint

Y_TRUE = np.array([0, 0, 0, 1, 1])
SCORE = np.array([0.1, 0.3, 0.6, 0.5, 0.9])
Y_PROB = np.column_stack([1 - SCORE, SCORE])
COSTS = ((0, 1), (5, 0))  # a needless alarm costs 1, a miss 5


def problem(seed, n=200, ties=False):
    rng = np.random.default_rng(seed)
    y_true = (rng.random(n) < 0.3).astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * y_true - 1)))
    score = score.round(1) if ties else score
    return y_true, np.column_stack([1 - score, score])


# ---------------------------------------------------------------------------------------------------- the point


def test_a_point_is_the_same_after_json():
    point = OperatingPoint(thresholds=(0.3,), costs=COSTS, abstain_below=0.6, positive=0, name="careful")
    assert OperatingPoint.from_dict(json.loads(json.dumps(point.to_dict()))) == point


def test_the_default_point_is_the_most_probable_class():
    assert operating.decide(Y_PROB, OperatingPoint()).tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"thresholds": (1.2,)}, "A threshold is 1.2; give a share from 0 to 1"),
        ({"thresholds": (float("nan"),)}, "A threshold is nan"),
        ({"abstain_below": -0.1}, "The confidence to say nothing below is -0.1"),
        ({"costs": ((0, 1), (1,))}, "The costs have 2 rows of 1 and 2; give one row for each true class, 2 by 2"),
        ({"costs": ((0, 1, 2, 3),)}, "The costs have 1 rows of 4"),
        ({"costs": ((0, float("nan")), (1, 0))}, "The costs hold NaN or infinity"),
        ({"positive": -1}, "The positive class is -1"),
        ({"positive": 0.5}, "The positive class is 0.5"),
    ],
)
def test_a_point_that_makes_no_sense_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        OperatingPoint(**values)


def test_an_unknown_entry_is_named():
    with pytest.raises(ValueError, match="no entry 'treshold'; it has thresholds, costs"):
        OperatingPoint.from_dict({"treshold": 0.5})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"thresholds": (0.1, 0.2)}, "There are 2 thresholds for 3 classes; give one, or one for each class"),
        ({"costs": COSTS}, "The costs have 2 rows for 3 classes; give 3 by 3"),
        ({"thresholds": (0.5,), "positive": 3}, "The positive class is 3 of 3; give one from 0 to 2"),
    ],
)
def test_a_point_for_other_classes_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        operating.decide(np.full((1, 3), 1 / 3), OperatingPoint(**values))


# ---------------------------------------------------------------------------------------------------- decisions


def test_a_threshold_is_reached_by_its_equal():
    assert operating.decide(Y_PROB, OperatingPoint(thresholds=(0.5,))).tolist() == [0, 0, 1, 1, 1]


def test_a_threshold_may_be_for_the_first_class():
    point = OperatingPoint(thresholds=(0.65,), positive=0)
    assert operating.decide(Y_PROB, point).tolist() == [0, 0, 1, 1, 1]


def test_below_the_threshold_the_most_probable_other_class_is_called():
    y_prob = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.55, 0.35]])
    assert operating.decide(y_prob, OperatingPoint(thresholds=(0.3,), positive=2)).tolist() == [0, 2, 2]
    assert operating.decide(y_prob, OperatingPoint(thresholds=(0.9,), positive=1)).tolist() == [0, 2, 2]


def test_thresholds_of_each_class_are_compared_by_multiples():
    y_prob = np.array([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4]])
    assert operating.decide(y_prob, OperatingPoint(thresholds=(0.6, 0.2, 0.2))).tolist() == [1, 2]


def test_equal_thresholds_are_the_most_probable_class():
    _, y_prob = problem(0)
    point = OperatingPoint(thresholds=(0.5, 0.5))
    assert (operating.decide(y_prob, point) == y_prob.argmax(axis=1)).all()


def test_a_threshold_of_0_calls_its_class_always():
    assert operating.decide(np.array([[0.98, 0.02]]), OperatingPoint(thresholds=(0.5, 0.0))).tolist() == [1]


def test_costs_call_the_class_with_the_least_expected_cost():
    # a miss costs 5 and an alarm 1: called from a probability of 1/6
    y_prob = np.array([[0.84, 0.16], [0.83, 0.17]])
    assert operating.decide(y_prob, OperatingPoint(costs=COSTS)).tolist() == [0, 1]


def test_nothing_is_said_below_a_confidence():
    point = OperatingPoint(abstain_below=0.6)
    assert operating.decide(Y_PROB, point).tolist() == [0, 0, 1, operating.SILENT, 1]


def test_probabilities_that_are_no_numbers_are_refused():
    y_prob = np.array([[np.nan, 0.5], [0.5, 0.5]])
    work = (
        lambda: operating.decide(y_prob, OperatingPoint()),
        lambda: operating.cheapest(np.array([0, 1]), y_prob[:, ::-1], COSTS),
        lambda: operating.meeting(np.array([0, 1]), y_prob, 0, ("recall", 0.9)),
    )
    for each in work:
        with pytest.raises(ValueError, match="The predictions hold NaN or infinity"):
            each()


# ---------------------------------------------------------------------------------------------------- outcome


def test_an_outcome_by_hand():
    point = OperatingPoint(thresholds=(0.5,), costs=COSTS, abstain_below=0.55)
    found = operating.outcome(Y_TRUE, operating.decide(Y_PROB, point), point, 2)
    assert (found["n"], found["n_answered"], found["abstained_by_class"]) == (5, 4, [0, 1])
    assert found["confusion"] == [[2, 1], [0, 1]]
    assert (found["abstained"]["value"], found["accuracy"]["value"]) == (0.2, 0.75)
    assert found["per_class"][1]["precision"]["value"] == 0.5
    assert found["cost"]["value"] == pytest.approx(1 / 4)
    assert 0 <= found["cost"]["low"] < 0.25 < found["cost"]["high"] < 5
    json.dumps(found, allow_nan=False)


def test_saying_nothing_may_have_a_cost_of_its_own():
    point = OperatingPoint(costs=((0, 1, 0.5), (5, 0, 2)), thresholds=(0.5,), abstain_below=0.55)
    found = operating.outcome(Y_TRUE, operating.decide(Y_PROB, point), point, 2)
    assert found["cost"]["value"] == pytest.approx((1 + 2) / 5)


def test_without_costs_there_is_no_cost():
    found = operating.outcome(Y_TRUE, Y_TRUE, OperatingPoint(), 2)
    assert found["cost"] == {"value": None, "low": None, "high": None}


def test_equal_costs_are_certain():
    point = OperatingPoint(costs=((2, 2), (2, 2)))
    assert operating.outcome(Y_TRUE, Y_TRUE, point, 2)["cost"] == {"value": 2, "low": 2, "high": 2}


def test_no_mistake_is_not_without_doubt_what_it_costs():
    y_true = np.repeat([0, 1], 50)
    cost = operating.outcome(y_true, y_true, OperatingPoint(costs=COSTS), 2)["cost"]
    assert cost["value"] == cost["low"] == 0 < cost["high"] < 0.3


@pytest.mark.parametrize("said", [operating.SILENT, 0])
def test_where_nothing_is_said_nothing_is_defined(said):
    y_true = np.zeros(3 if said == operating.SILENT else 0, int)
    found = operating.outcome(y_true, np.full(len(y_true), said), OperatingPoint(costs=COSTS), 2)
    assert found["accuracy"]["value"] is None and found["cost"]["value"] is None
    json.dumps(found, allow_nan=False)


def test_the_interval_of_the_cost_holds_the_truth_about_as_often_as_it_says():
    rng, point = np.random.default_rng(0), OperatingPoint(costs=COSTS)
    share = np.array([[0.9, 0.1], [0.2, 0.8]])
    truth, held = 0.7 * 0.1 + 0.3 * 0.2 * 5, []
    for _ in range(400):
        table = np.array([rng.multinomial(n, row) for n, row in zip((140, 60), share)])
        y_true, y_pred = np.repeat([0, 0, 1, 1], table.ravel()), np.repeat([0, 1, 0, 1], table.ravel())
        cost = operating.outcome(y_true, y_pred, point, 2)["cost"]
        held.append(cost["low"] <= truth <= cost["high"])
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


# ---------------------------------------------------------------------------------------------------- found


def cost_at(y_true, y_prob, threshold, positive, costs=COSTS):
    said = np.where(y_prob[:, positive] >= threshold, positive, 1 - positive)
    counts = metrics.confusion(y_true, said, 2)
    return (counts * np.array(costs)).sum() / len(y_true)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("ties", [False, True])
def test_no_threshold_is_cheaper_than_the_cheapest(positive, ties):
    y_true, y_prob = problem(0, ties=ties)
    found = operating.cheapest(y_true, y_prob, COSTS, positive)
    assert cost_at(y_true, y_prob, found["threshold"], positive) == pytest.approx(found["cost"])
    tried = [cost_at(y_true, y_prob, t, positive) for t in np.unique(np.r_[0, y_prob[:, positive], 1])]
    assert found["cost"] <= min(tried) + 1e-12


def test_the_cheapest_threshold_by_hand_lies_halfway():
    assert operating.cheapest(Y_TRUE, Y_PROB, COSTS) == {"threshold": pytest.approx(0.4), "cost": pytest.approx(0.2)}


def test_what_saying_nothing_costs_does_not_move_the_cheapest_threshold():
    assert operating.cheapest(Y_TRUE, Y_PROB, ((0, 1, 9), (5, 0, 9))) == operating.cheapest(Y_TRUE, Y_PROB, COSTS)


def test_where_alarms_cost_nothing_all_are_called():
    assert operating.cheapest(Y_TRUE, Y_PROB, ((0, 0), (1, 0)))["cost"] == 0


def test_where_misses_cost_nothing_none_is_called():
    found = operating.cheapest(Y_TRUE, Y_PROB, ((0, 1), (0, 0)))
    assert found == {"threshold": pytest.approx(0.95), "cost": 0}


def test_a_probability_of_1_reaches_every_threshold():
    y_prob = np.array([[0.0, 1.0], [0.5, 0.5]])
    found = operating.cheapest(np.array([0, 0]), y_prob, ((0, 1), (0, 0)))
    assert found["cost"] == 0.5 == cost_at(np.array([0, 0]), y_prob, found["threshold"], 1, ((0, 1), (0, 0)))


def test_scores_a_hair_apart_are_still_parted():
    score = np.array([0.5, np.nextafter(0.5, 1)])
    found = operating.cheapest(np.array([0, 1]), np.column_stack([1 - score, score]), COSTS)
    assert found["cost"] == 0 and (score >= found["threshold"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("y_prob", "costs", "message"),
    [
        (np.full((5, 3), 1 / 3), COSTS, "There are 3 classes; a cheapest threshold is defined for two"),
        (Y_PROB, ((0, 1, 1), (1, 0, 1), (1, 1, 0)), "The costs are for 3 classes; give .* 2 by 2"),
    ],
)
def test_a_cheapest_threshold_of_other_shapes_is_refused(y_prob, costs, message):
    with pytest.raises(ValueError, match=message):
        operating.cheapest(Y_TRUE, y_prob, costs)


def test_the_cheapest_threshold_of_nothing_is_none():
    assert operating.cheapest(Y_TRUE[:0], Y_PROB[:0], COSTS) is None


@pytest.mark.parametrize("target", [("recall", 0.9), ("precision", 0.8), ("false_alarms", 0.05)])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("positive", [0, 1])
def test_a_target_is_met_with_the_best_other_figure(target, ties, positive):
    y_true, y_prob = problem(1, ties=ties)

    def at(threshold):
        said = np.where(y_prob[:, positive] >= threshold, positive, 1 - positive)
        counts = metrics.confusion(y_true, said, 2)
        called = counts[:, positive]
        share = called / counts.sum(axis=1)
        precision = called[positive] / called.sum() if called.sum() else 0
        return {"recall": share[positive], "precision": precision, "false_alarms": share[1 - positive]}

    name, level = target
    found = operating.meeting(y_true, y_prob, positive, target)
    got = at(found["threshold"])
    assert {key: found[key] for key in got} == pytest.approx(got)
    other = operating.TARGETS[name]
    tried = [at(t) for t in np.unique(np.r_[0, y_prob[:, positive]])]
    good = [each for each in tried if (each[name] <= level if name == "false_alarms" else each[name] >= level)]
    assert got[name] <= level if name == "false_alarms" else got[name] >= level
    assert got[other] == pytest.approx(max(each[other] for each in good))


def test_a_target_that_no_threshold_meets_says_what_the_best_has():
    y_prob = np.full((4, 2), 0.5)
    found = operating.meeting(np.array([0, 0, 0, 1]), y_prob, 1, ("precision", 0.9))
    assert found["threshold"] is None
    assert found["reason"] == "No threshold has precision of 90.0%; the best has 25.0%."


def test_a_target_for_a_class_without_samples_says_so():
    found = operating.meeting(np.zeros(5, int), Y_PROB, 1, ("recall", 0.9))
    assert (found["threshold"], found["reason"]) == (None, "There is no validation sample of this class.")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (("recal", 0.9), "'recal' is no target; choose one of recall"),
        (("recall", 95), "The target is 95; give a share"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(target, message):
    with pytest.raises(ValueError, match=message):
        operating.meeting(Y_TRUE, Y_PROB, 1, target)


def test_a_sweep_has_the_cost_at_each_threshold():
    y_true, y_prob = problem(2)
    found = operating.sweep(y_true, y_prob[:, 1], COSTS)
    assert found["threshold"][0] == 1 and found["threshold"][-1] == 0
    for i in (1, 50, len(found["threshold"]) - 1):
        assert found["cost"][i] == pytest.approx(cost_at(y_true, y_prob, found["threshold"][i], 1))
    json.dumps(found, allow_nan=False)


def test_a_long_sweep_is_thinned():
    y_true, y_prob = problem(2, n=3000)
    assert {len(values) for values in operating.sweep(y_true, y_prob[:, 1], COSTS).values()} == {operating.POINTS}
