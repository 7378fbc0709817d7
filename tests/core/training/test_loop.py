"""The training loop on problems small enough to know the answer."""

import math

import numpy as np
import pytest
import torch

from core import runs
from core.config import TrainingConfig
from core.training import devices, figures, loop
from tests.core import toys


def training(n=24, model=None, x=None, **settings):
    """Training on rows of which class "yes" has a positive first number; the last four are the validation part."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    if x is None:
        x = np.stack([(2 * y - 1) * rng.uniform(1, 2, n), rng.normal(size=n)], axis=1).astype(np.float32)
    parts = {"train": np.arange(n - 4), "val": np.arange(n - 4, n)}
    values = {"epochs": 2, "batch_size": 4, "device": "cpu", **settings}
    return loop.Training(model or toys.mlp(hidden=8, dropout=0.5), x, y, parts, TrainingConfig(**values))


def done(job, after_step=lambda *_: None):
    return list(job.epochs(after_step))


def weights(job):
    return {name: value.clone() for name, value in job.model.state_dict().items()}


def test_a_separable_problem_is_learnt():
    row = done(training(n=60, model=toys.mlp(hidden=8, dropout=0), epochs=20, lr=0.05))[-1]
    assert (row["train_accuracy"], row["val_accuracy"]) == (1, 1)
    assert row["train_loss"] < 0.1 and row["val_loss"] < 0.1


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["one_cycle", "constant"])
def test_every_optimiser_and_schedule_brings_the_loss_down(optimizer, schedule):
    rows = done(training(epochs=10, lr=0.02, optimizer=optimizer, schedule=schedule, model=toys.mlp(dropout=0)))
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]


def test_a_row_of_history_has_the_documented_keys_and_the_steps():
    assert set(done(training())[0]) == {*runs.HISTORY, "steps"}


def test_epochs_count_from_1():
    assert [row["epoch"] for row in done(training(epochs=3))] == [1, 2, 3]


def test_train_loss_is_the_mean_over_samples_and_not_over_steps():
    row = done(training(n=14, epochs=1))[0]  # 10 samples to train on: steps of 4, 4 and 2
    first, second, third = (step["loss"] for step in row["steps"])
    assert row["train_loss"] == pytest.approx((4 * first + 4 * second + 2 * third) / 10)


def test_the_losses_of_an_untrained_net_with_equal_logits_are_log_2():
    model = toys.mlp(layers=0)
    torch.nn.init.zeros_(model.net.body[0].weight)
    torch.nn.init.zeros_(model.net.body[0].bias)
    row = done(training(model=model, lr=1e-8, epochs=1))[0]
    assert (row["train_loss"], row["val_loss"]) == (pytest.approx(math.log(2)), pytest.approx(math.log(2)))


def test_validation_is_done_without_dropout():
    job = training(model=toys.mlp(hidden=8, dropout=0.9), epochs=1)
    row = done(job)[0]
    with torch.no_grad():
        logits = job.trunk.eval()(job.val.x)
    assert row["val_loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, job.val.y).item(), rel=1e-5)


def test_preprocessing_is_fitted_on_the_training_part_alone():
    x = np.zeros((24, 2), np.float32)
    x[:10], x[10:20], x[20:] = 1, 3, 1000
    job = training(x=x)
    assert (job.model.preprocess.mean.tolist(), job.model.preprocess.std.tolist()) == ([2, 2], [1, 1])


def test_every_step_is_told_with_epoch_and_step_from_1():
    told = []
    done(training(n=14, epochs=2), lambda epoch, step: told.append((epoch, step)))
    assert told == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]


def test_what_the_step_raises_ends_the_training():
    def stop(epoch, step):
        if (epoch, step) == (1, 2):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        done(training(), stop)


def test_short_epochs_have_a_row_per_step():
    rows = done(training(n=14, epochs=2))
    steps = [step for row in rows for step in row["steps"]]
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step["epoch"] for step in steps] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])


def test_long_epochs_have_at_most_step_rows_and_lose_no_step():
    job = training(n=124, batch_size=1, epochs=2, model=toys.mlp(layers=0))  # 120 steps an epoch
    rows = done(job)
    assert [len(row["steps"]) for row in rows] == [figures.STEP_ROWS] * 2
    assert [row["steps"][-1]["step"] for row in rows] == [120, 240]
    ends = [0, *(step["step"] for step in rows[0]["steps"])]
    mean = np.average([step["loss"] for step in rows[0]["steps"]], weights=np.diff(ends))
    assert mean == pytest.approx(rows[0]["train_loss"], rel=1e-5)


def test_the_same_seed_gives_the_same_weights_to_the_bit():
    runs = []
    for _ in range(2):
        job = training(seed=3, epochs=3)
        done(job)
        runs.append(weights(job))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_another_seed_gives_other_weights():
    runs = []
    for seed in (3, 4):
        job = training(seed=seed, epochs=1)
        done(job)
        runs.append(weights(job)["net.body.0.weight"])
    assert not torch.equal(*runs)


def test_every_epoch_has_an_order_of_its_own():
    seen = []
    job = training(epochs=2, lr=1e-8, n=14, model=toys.mlp(layers=0))
    job.trunk.register_forward_pre_hook(lambda trunk, args: seen.append(args[0][:, 1]) if trunk.training else None)
    done(job)
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, second.sort().values)  # and yet every sample once


def test_one_cycle_reaches_the_asked_rate_and_ends_low():
    job, rates = training(epochs=10, lr=0.5), []
    job.optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    done(job)
    assert max(rates) == pytest.approx(0.5, rel=0.05)
    assert rates[-1] < 0.5 / 1000


def test_a_constant_rate_is_constant():
    assert {row["lr"] for row in done(training(epochs=3, lr=0.25, schedule="constant"))} == {0.25}


@pytest.mark.parametrize("schedule", ["one_cycle", "constant"])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_training_may_be_as_short_as_it_likes(n_steps, schedule):
    row = done(training(n=4 + n_steps, epochs=1, batch_size=1, schedule=schedule, model=toys.mlp(layers=0)))[0]
    assert row["steps"][-1]["step"] == n_steps


def test_weight_decay_pulls_the_weights_towards_zero():
    sizes = []
    for weight_decay in (0.0, 5.0):
        job = training(epochs=5, optimizer="adamw", lr=0.05, weight_decay=weight_decay, model=toys.mlp(dropout=0))
        done(job)
        sizes.append(job.model.net.body[0].weight.detach().square().sum().item())
    assert sizes[1] < 0.5 * sizes[0]


def test_missing_numbers_do_not_spoil_the_loss():
    x = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
    x[::3, 1] = np.nan
    assert math.isfinite(done(training(x=x))[-1]["train_loss"])


def test_a_rate_that_is_far_too_high_is_said_with_a_lower_one():
    job = training(optimizer="sgd", lr=1e6, schedule="constant", epochs=20, model=toys.mlp(hidden=8))
    said = r"The loss became (nan|inf) in epoch \d+.* 1e\+06 .* for example 100000"
    with pytest.raises(figures.Diverged, match=said):
        done(job)


def test_a_loss_that_breaks_only_on_validation_is_not_told_as_a_finite_one():
    job = training()
    job._evaluate = lambda: (math.inf, 0.5, [])  # every training loss is finite
    with pytest.raises(figures.Diverged, match=r"became (nan|inf) in epoch 1"):
        done(job)


def test_a_number_that_is_infinite_is_held_within_limits_and_does_not_spoil_the_loss():
    x = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
    x[-1] = np.inf  # a validation row
    assert math.isfinite(done(training(x=x))[-1]["val_loss"])


def test_a_device_that_is_not_there_is_refused():
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    missing = next(name for name in there if not there[name])
    with pytest.raises(ValueError, match=f"There is no {missing} device on this machine; choose auto, or cpu"):
        devices.best_device(missing)


def test_the_cpu_is_always_there():
    assert devices.best_device("cpu").type == "cpu"


def test_auto_takes_a_device_that_works():
    assert torch.zeros(1, device=devices.best_device("auto")).item() == 0
