"""Calibration by hand, against temperatures that are known, and its interval against simulated truth."""

import numpy as np
import pytest

from core.evaluation import calibration, metrics


def sample(seed, n, temperature=1.0, n_classes=3):
    """Targets drawn from the softmax of logits, and the logits made too sure by `temperature`."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, n_classes))
    y_true = (metrics.softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return y_true, logits * temperature


BY_HAND = (  # sure 0.95 and right; sure 0.85 and right in two of three
    np.array([0, 0, 1, 1]),
    np.array([[0.95, 0.05], [0.85, 0.15], [0.85, 0.15], [0.15, 0.85]]),
)


def test_calibration_known_by_hand():
    found = calibration.reliability(*BY_HAND)
    assert [(row["n"], round(row["confidence"], 4), round(row["accuracy"], 4)) for row in found["bins"]] == [
        (3, 0.85, 0.6667),
        (1, 0.95, 1.0),
    ]
    assert found["error"] == pytest.approx((3 * (0.85 - 2 / 3) + 0.05) / 4)


def test_a_bin_has_wilsons_interval():
    row = calibration.reliability(*BY_HAND)["bins"][0]
    assert (row["low"], row["high"]) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))


def test_confidence_is_counted_apart_for_right_and_wrong():
    found = calibration.reliability(*BY_HAND)["confidence"]
    assert (sum(found["right"]), sum(found["wrong"])) == (3, 1)
    assert found["wrong"][17] == 1 and found["right"][17] == 2  # 0.85 to 0.9


def test_a_model_as_sure_as_it_is_right_is_off_by_nothing():
    y_prob = np.array([[0.75, 0.25]] * 4)
    assert calibration.reliability(np.array([0, 0, 0, 1]), y_prob)["error"] == pytest.approx(0)


def test_no_samples_are_off_by_nothing():
    assert calibration.reliability(np.zeros(0, int), np.zeros((0, 3)))["bins"] == []


# ---------------------------------------------------------------------------------------------------- interval


def test_a_calibrated_model_may_be_off_by_nothing():
    y_true, logits = sample(0, 300)
    found = calibration.error(y_true, metrics.softmax(logits))
    assert found["low"] == 0 < found["value"] < found["high"] < 0.12


def test_a_model_that_is_far_too_sure_is_surely_off():
    y_true, logits = sample(0, 300, temperature=4)
    found = calibration.error(y_true, metrics.softmax(logits))
    assert 0.05 < found["low"] < found["value"] < found["high"] < 0.3


@pytest.mark.parametrize("temperature", [1.0, 1.6, 4.0])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(temperature):
    y_true, logits = sample(99, 200_000, temperature)
    truth = calibration.reliability(y_true, metrics.softmax(logits))["error"]
    held = []
    for seed in range(150):
        y_true, logits = sample(seed, 400, temperature)
        found = calibration.error(y_true, metrics.softmax(logits), 300, seed)
        held.append(found["low"] <= truth <= found["high"])
    assert 0.9 <= np.mean(held) <= 1


def test_one_sample_says_hardly_anything():
    found = calibration.error(np.array([0]), np.array([[0.6, 0.4]]))
    assert found["value"] == pytest.approx(0.4)
    assert found["high"] - found["low"] > 0.5 and found["high"] <= 1


# ---------------------------------------------------------------------------------------------------- temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    y_true, logits = sample(0, 20_000, temperature)
    assert calibration.fit_temperature(logits, y_true) == pytest.approx(temperature, rel=0.05)


def test_the_fitted_temperature_has_the_least_log_loss():
    y_true, logits = sample(1, 20_000, 2)
    best = calibration.fit_temperature(logits, y_true)
    around = [
        metrics.values(y_true, metrics.softmax(logits / (best * factor)), ["log_loss"])["log_loss"]
        for factor in (0.98, 1, 1.02)
    ]
    assert around[1] == min(around)


def test_a_perfect_model_has_a_temperature_within_the_limits():
    assert calibration.LIMITS[0] <= calibration.fit_temperature(np.eye(3) * 30, np.arange(3)) < 1


def test_a_model_that_is_always_wrong_has_a_temperature_within_the_limits():
    got = calibration.fit_temperature(np.tile(np.eye(3) * 30, (1000, 1)), np.tile([1, 2, 0], 1000))
    assert got == pytest.approx(calibration.LIMITS[1], rel=0.01)


def test_samples_without_a_mistake_do_not_make_a_model_as_sure_as_can_be():
    # 300 samples that it is 95% sure of, and right on each: a little more sure, but not 20 times as much
    y_true = np.arange(300) % 3
    got = calibration.fit_temperature(np.eye(3)[y_true] * 3.6, y_true)
    assert 0.3 < got < 1


def test_single_precision_logits_are_fitted_in_double_precision():
    y_true, logits = sample(0, 1000)
    one, other = (calibration.fit_temperature(logits.astype(kind), y_true) for kind in (np.float32, np.float64))
    assert one == pytest.approx(other, rel=1e-4)


def test_softening_probabilities_is_dividing_the_logits():
    _, logits = sample(0, 50)
    got = calibration.soften(metrics.softmax(logits), 2.5)
    np.testing.assert_allclose(got, metrics.softmax(logits / 2.5))


def test_softening_a_probability_of_0_gives_numbers():
    assert np.isfinite(calibration.soften(np.array([[1.0, 0.0]]), 3.0)).all()


def test_the_temperature_of_a_net_that_is_too_sure_halves_its_error():
    y_true, logits = sample(0, 2000, 3)
    scaled = logits / calibration.fit_temperature(logits, y_true)
    before, after = (metrics.values(y_true, metrics.softmax(z), ["log_loss", "ece"]) for z in (logits, scaled))
    assert after["log_loss"] < before["log_loss"] and after["ece"] < before["ece"] / 2


def test_no_samples_to_fit_on_are_refused():
    with pytest.raises(ValueError, match="There are no samples to fit a temperature on"):
        calibration.fit_temperature(np.zeros((0, 2)), np.zeros(0, int))


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="The predictions hold NaN or infinity"):
        calibration.fit_temperature(np.array([[np.nan, 0]]), np.array([0]))


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_not_above_0_is_refused(temperature):
    with pytest.raises(ValueError, match="The temperature is"):
        calibration.soften(np.full((1, 2), 0.5), temperature)
