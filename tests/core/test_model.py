"""Model = preprocess + net."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from core import config, data, nets, runs
from core import model as models
from core.data import split
from tests.core import toys


def test_a_model_is_its_net_after_its_preprocessing():
    model = toys.mlp()
    model.preprocess.fit(torch.tensor([[0.0, 5.0], [4.0, 9.0]]))
    x = torch.randn(3, 2)
    torch.testing.assert_close(model(x), model.net((x - torch.tensor([2.0, 7.0])) / 2))


def test_parameters_are_those_of_the_net():
    assert toys.mlp(layers=0).n_parameters() == 2 * 2 + 2


@pytest.mark.parametrize("batch_size", [1, 3, 7, 1024])
def test_predictions_do_not_depend_on_the_batch_size(batch_size):
    model, x = toys.mlp(), np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    predicted = models.predict(model, x, batch_size)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, model(torch.from_numpy(x)).detach(), rtol=1e-5, atol=1e-6)


def test_prediction_switches_dropout_off_and_leaves_the_mode_as_it_was():
    model = toys.mlp(dropout=0.9).train()
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(models.predict(model, x), models.predict(model, x))
    assert model.training


def test_a_run_without_weights_is_refused_with_what_to_do():
    run = runs.create(config.suggest(toys.table()), toys.table().schema, "")
    with pytest.raises(LookupError, match=f"Run {run} has no trained weights yet; wait"):
        models.load(run)


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_the_model_of_a_finished_run_gives_the_stored_logits_again(finished, name):
    run, dataset = finished[name], data.get(name)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)["test"]
    ids, targets, logits = runs.predictions(run, "test")
    assert ids.tolist() == dataset.ids[where].tolist()
    assert targets.tolist() == dataset.targets[where].tolist()
    np.testing.assert_allclose(models.predict(models.load(run), dataset.x[where]), logits, atol=1e-5)


def test_weights_of_another_net_are_refused_with_a_sentence(finished):
    run = finished["digits"]
    config = json.loads(runs.path(run, "config.json").read_text())
    config["net"]["options"]["batch_norm"] = False
    runs.write_json(runs.path(run, "config.json"), config)
    with pytest.raises(ValueError, match=f"The weights of run {run} do not fit its net"):
        models.load(run)


def test_a_run_keeps_every_option_of_its_net_so_that_other_defaults_change_nothing(finished):
    kept = runs.config(finished["digits"]).net.options
    assert kept == dataclasses.asdict(nets.options("cnn", {}))
