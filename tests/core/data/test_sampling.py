"""The arithmetic of imbalance."""

import numpy as np
import pytest

from core.data import sampling

TARGETS = np.array([0] * 90 + [1] * 10)


def test_strength_zero_weighs_all_alike():
    assert set(sampling.weights(TARGETS, 2, 0)) == {1.0}


def test_strength_one_gives_every_class_the_same_weight_in_all():
    weights = sampling.weights(TARGETS, 2, 1)
    np.testing.assert_allclose([weights[:90].sum(), weights[90:].sum()], [50, 50])


def test_half_the_strength_is_the_square_root():
    weights = sampling.class_weights(TARGETS, 2, 0.5)
    assert weights[1] / weights[0] == pytest.approx(3)  # sqrt(90 / 10)


@pytest.mark.parametrize("strength", [0, 0.3, 1])
def test_weights_are_one_on_average_over_the_samples(strength):
    assert sampling.weights(TARGETS, 2, strength).mean() == pytest.approx(1)


def test_a_class_without_samples_has_no_weight():
    np.testing.assert_allclose(sampling.class_weights(TARGETS, 3, 1), [100 / 180, 5, 0])


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match=r"The strength of the balance is .*; it must be from 0 to 1"):
        sampling.weights(TARGETS, 2, strength)


def test_nothing_cannot_be_balanced():
    with pytest.raises(ValueError, match="There are no samples to balance"):
        sampling.class_weights(np.array([], int), 2, 0.5)


def test_what_is_expected_of_an_epoch_is_worked_out_by_hand():
    found = sampling.expected(TARGETS, 2, 1, 100)
    assert found["draws"] == pytest.approx([50, 50])
    assert found["rarest"] == 1
    assert found["repeats"] == pytest.approx(5)  # 50 draws over 10 samples
    never = 0.9 * (1 - 1 / 180) ** 100 + 0.1 * (1 - 1 / 20) ** 100
    assert found["never"] == pytest.approx(never)


def test_what_is_expected_is_what_comes():
    weights = sampling.weights(TARGETS, 2, 0.7)
    rng = np.random.default_rng(0)
    epochs = [rng.choice(len(weights), 100, p=weights / weights.sum()) for _ in range(1000)]
    found = sampling.expected(TARGETS, 2, 0.7, 100)
    drawn = np.bincount(TARGETS[np.concatenate(epochs)], minlength=2) / 1000
    np.testing.assert_allclose(drawn, found["draws"], rtol=0.02)
    never = np.mean([1 - len(np.unique(order)) / 100 for order in epochs])
    assert never == pytest.approx(found["never"], abs=0.01)


def test_a_sample_that_is_alone_is_always_drawn():
    assert sampling.expected(np.array([0]), 1, 1, 3) == {"draws": [3.0], "rarest": 0, "repeats": 3.0, "never": 0.0}


def test_an_epoch_is_stated_in_plain_words():
    assert sampling.statement(TARGETS, ("no", "yes"), 1, 100) == (
        "An epoch of 100 draws holds about 50 of no and 50 of yes. "
        "Each sample of yes, the rarest class, is drawn about 5.0 times, and 52% of all samples not at all."
    )


def test_many_classes_are_stated_together():
    targets = np.repeat(np.arange(6), [1000, 500, 500, 100, 100, 100])
    classes = tuple("abcdef")
    assert sampling.statement(targets, classes, 1, 6000).startswith(
        "An epoch of 6,000 draws holds about 1,000 of each "
    )
    assert " about 30 to 91 of each class." not in sampling.statement(targets, classes, 0.5, 6000)
    assert "Each sample of d, the rarest class, is drawn about 10 times" in sampling.statement(
        targets, classes, 1, 6000
    )


def test_without_strength_nothing_is_drawn():
    assert sampling.statement(TARGETS, ("no", "yes"), 0, 100) == "An epoch holds each of the 100 samples once."


@pytest.mark.parametrize("strength", [0, 0.4, 1])
def test_the_shift_turns_the_prior_of_training_into_that_of_the_data(strength):
    targets = np.repeat(np.arange(3), [70, 20, 10])
    shift = sampling.log_prior_shift(targets, 3, strength)
    trained = np.bincount(targets, weights=sampling.weights(targets, 3, strength)) / 100
    corrected = trained * np.exp(shift)
    np.testing.assert_allclose(corrected / corrected.sum(), [0.7, 0.2, 0.1])
    assert shift.mean() == pytest.approx(0)


def test_drawing_and_a_weighted_loss_add_up_in_the_shift():
    targets = np.repeat(np.arange(3), [70, 20, 10])
    drawn = np.bincount(targets, weights=sampling.weights(targets, 3, 0.7))
    trained = drawn * sampling.class_weights(targets, 3, 0.9)
    corrected = trained * np.exp(sampling.log_prior_shift(targets, 3, 0.7 + 0.9))
    np.testing.assert_allclose(corrected / corrected.sum(), [0.7, 0.2, 0.1])


def test_without_strength_there_is_no_shift():
    np.testing.assert_allclose(sampling.log_prior_shift(TARGETS, 2, 0), 0)


def test_a_class_without_samples_is_not_shifted():
    shift = sampling.log_prior_shift(TARGETS, 3, 1)
    np.testing.assert_allclose(shift, [np.log(3), -np.log(3), 0])
