"""Rare classes drawn more often or weighted in the loss, and probabilities that follow the data all the same."""

import dataclasses

import numpy as np
import pytest
import torch

from core import data, evaluation, model, runs
from core.config import TrainingConfig, suggest
from core.evaluation.metrics import softmax
from core.training import loop, worker
from tests.core import toys

PRIOR = 0.1  # of the class "yes"


def probability(**settings) -> float:
    """What a net says of "yes" once trained on rows that tell nothing, with one "yes" in ten."""
    n = 400
    x, y = np.zeros((n, 2), np.float32), (np.arange(n) % 10 == 0).astype(np.int64)
    parts = {"train": np.arange(n), "val": np.arange(n)}
    made = toys.mlp(layers=0)
    job = loop.Training(made, x, y, parts, TrainingConfig(epochs=60, batch_size=40, lr=0.02, device="cpu", **settings))
    for _ in job.epochs(lambda *_: None):
        pass
    return float(softmax(model.predict(made, x[:1]))[0, 1])


def test_as_the_data_is_a_net_that_knows_nothing_says_the_prior():
    assert probability() == pytest.approx(PRIOR, abs=0.03)


@pytest.mark.parametrize("how", [{"resample": 1.0}, {"class_weights": 1.0}, {"resample": 0.5, "class_weights": 0.5}])
def test_balanced_it_would_say_one_half_and_corrected_it_says_the_prior(how):
    assert probability(**how, correct_prior=False) == pytest.approx(0.5, abs=0.08)
    assert probability(**how) == pytest.approx(PRIOR, abs=0.03)


def test_a_weight_means_the_same_in_every_batch():
    logits, targets = torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])
    weights = torch.tensor([1.0, 3.0])
    assert loop.loss_of(logits, targets, weights).item() == pytest.approx(np.log(2) * (3 + 3) / 4)
    one = loop.loss_of(logits[:1], targets[:1], weights)
    assert one.item() == pytest.approx(np.log(2))


def test_mixed_targets_are_weighted_too():
    soft = torch.tensor([[0.5, 0.5]])
    loss = loop.loss_of(torch.zeros(1, 2), soft, torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx(np.log(2) * 2)


def test_a_run_keeps_the_shift_and_shows_the_calibration_before_and_after():
    uneven = (np.arange(60) % 4 == 0).astype(np.int64)
    given = data.store.put(dataclasses.replace(toys.table("rare", n=60), targets=uneven))
    settings = suggest(given, resample=1.0, epochs=2, device="cpu")
    run = runs.create(settings, given.schema, given.fingerprint)
    runs.write_status(run, state="queued")
    assert worker.main(str(runs.path(run))) == 0
    record = runs.evaluation(run)
    assert model.load(run).prior_shift.abs().min() > 0.4  # half of log 3 for three in four
    assert {"error", "bins"} <= set(record["test"]["calibration_uncorrected"])
    plain = suggest(given, epochs=2, device="cpu")
    other = runs.create(plain, given.schema, given.fingerprint)
    assert worker.main(str(runs.path(other))) == 0
    assert "calibration_uncorrected" not in runs.evaluation(other)["test"]
    assert evaluation.evaluate(other)["pixels"] == "stored"
