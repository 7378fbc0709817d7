"""Warnings of a run: each planted fault is named, and ordinary runs are left in peace."""

import json
import pathlib

import numpy as np
import pytest

from core import watching
from core.config import TrainConfig, TrainingConfig

CLASSES = ("cat", "dog", "owl", "yak")
HISTORIES = json.loads(pathlib.Path(__file__).with_name("histories.json").read_text())


def rows(train, val, **more) -> list[dict]:
    """Rows of history with these losses; `more` is the same in each of them."""
    return [{"epoch": i + 1, "train_loss": t, "val_loss": v, **more} for i, (t, v) in enumerate(zip(train, val))]


def warnings(history, steps=(), n_epochs=20, lr=0.01) -> list[str]:
    return watching.warnings(
        history, list(steps), TrainConfig(training=TrainingConfig(epochs=n_epochs, lr=lr)), CLASSES
    )


FALLING = np.geomspace(1.2, 0.1, 20)


def test_a_run_that_has_not_begun_has_no_warning():
    assert warnings([]) == []


def test_a_run_whose_losses_fall_has_no_warning():
    assert warnings(rows(FALLING, FALLING + 0.02)) == []


def test_a_validation_loss_that_rises_while_the_training_loss_falls_is_overfitting():
    val = np.concatenate([np.geomspace(1.2, 0.4, 8), np.linspace(0.42, 0.9, 12)])
    (sentence,) = warnings(rows(FALLING, val))
    assert sentence.startswith("Overfitting since epoch 8: the validation loss rose from 0.4 to 0.856 while")


def test_a_validation_loss_that_rises_with_the_training_loss_is_not_overfitting():
    losses = np.concatenate([np.geomspace(1.2, 0.4, 8), np.linspace(0.42, 0.6, 12)])
    assert warnings(rows(losses, losses)) == []


def test_a_validation_loss_that_stays_where_it_was_is_not_overfitting():
    val = np.concatenate([np.geomspace(1.2, 0.4, 8), 0.41 + 0.02 * np.sin(np.arange(12))])
    assert warnings(rows(FALLING, val)) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_said_alone(bad):
    (sentence,) = warnings(rows([1.2, 0.9, bad], [1.2, 0.9, 0.8]))
    assert sentence.startswith(f"The training loss became {bad} in epoch 3. Train again with a learning rate ten times")


def test_a_step_whose_loss_is_no_number_is_said_before_the_epoch_ends():
    (sentence,) = warnings([], [{"step": 1200, "epoch": 0.5, "loss": float("nan")}])
    assert sentence.startswith("The loss became nan at step 1,200.")


def test_a_loss_that_does_not_move_is_said_after_five_epochs():
    stuck = [1.3863] * 5
    assert warnings(rows(stuck[:4], stuck)) == []
    (sentence,) = warnings(rows(stuck, stuck), lr=1e-6)
    assert sentence.startswith("The training loss has not moved in 5 epochs: it is 1.39, a guess has 1.39.")
    assert "(now 1e-06)" in sentence


def test_a_loss_that_was_small_from_the_beginning_need_not_move():
    assert warnings(rows([0.05] * 9, [0.05] * 9)) == []


def test_a_loss_far_above_a_guess_is_a_learning_rate_too_high():
    (sentence,) = warnings(rows([57.0, 3.0, 2.0], [2.0, 2.0, 2.0]), lr=1.0)
    assert sentence == (
        "The training loss reached 57 in epoch 1; a guess has 1.4: the learning rate 1 is probably too high. "
        "Try 0.2, or let a search find one."
    )


def test_a_loss_that_jumps_up_is_a_learning_rate_too_high():
    (sentence,) = warnings(rows([1.2, 0.5, 0.3, 1.1, 0.9], [1.0] * 5))
    assert sentence.startswith("The training loss jumped from 0.3 to 1.1 in epoch 4: the learning rate 0.01 is")


def test_a_loss_that_goes_up_and_down_is_a_learning_rate_too_high():
    (sentence,) = warnings(rows([1.0, 0.7] * 5, [1.0] * 10))
    assert sentence.startswith("The training loss went up in 4 of the last 8 epochs: the learning rate")


def test_a_device_that_waits_for_data_is_said_once_it_matters():
    slow = rows(FALLING, FALLING, waiting=0.4, seconds=10.0)
    (sentence,) = warnings(slow)
    assert sentence.startswith("The device waited for data in 40% of the time.")
    assert warnings(rows(FALLING, FALLING, waiting=0.4, seconds=0.01)) == []
    assert warnings(rows(FALLING, FALLING, waiting=0.1, seconds=10.0)) == []


def test_classes_that_are_never_predicted_are_named():
    (sentence,) = warnings(rows(FALLING, FALLING, never_predicted=[1, 3]))
    assert sentence.startswith("No validation sample was taken for dog, yak, though there are some of these classes.")


def test_a_class_that_was_predicted_not_long_ago_is_not_named():
    history = rows(FALLING, FALLING, never_predicted=[1])
    history[-2]["never_predicted"] = []
    assert warnings(history) == []


def test_classes_are_not_asked_for_in_the_first_epochs():
    history = rows(FALLING, FALLING, never_predicted=[1])
    assert warnings(history[:4]) == [] and warnings(history[:4], n_epochs=4) != []


@pytest.mark.parametrize("name", [name for name in HISTORIES if name.startswith("well")])
def test_an_ordinary_run_has_no_warning_at_any_moment(name):
    config, classes = TrainConfig.from_dict(HISTORIES[name]["config"]), HISTORIES[name]["classes"]
    history = HISTORIES[name]["rows"]
    assert [
        found for n in range(len(history)) if (found := watching.warnings(history[: n + 1], [], config, classes))
    ] == []
