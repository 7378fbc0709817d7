"""A few steps on made-up samples before a run."""

import dataclasses
import sys

import numpy as np
import pytest

from core.config import DataConfig, NetConfig, TrainConfig, TrainingConfig
from core.training import dry_run_memory
from core.training.dry_run import costing, dry_run, phases, seconds
from tests.core import toys


def config(net, **settings):
    return TrainConfig(DataConfig(), NetConfig(net), TrainingConfig(**{"device": "cpu", "epochs": 5, **settings}))


@pytest.mark.parametrize(
    ("net", "schema"), [("cnn", toys.image_schema(1, 8, 8)), ("mlp", toys.table_schema(toys.MIXED))]
)
def test_the_size_of_the_net_is_that_of_the_model(net, schema):
    from core.model import Model

    expected = Model(schema, NetConfig(net)).n_parameters()
    assert dry_run(config(net), schema, n_train=20)["n_parameters"] == expected


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5, 100])
def test_there_is_an_estimate_for_any_number_of_epochs(epochs):
    asked = config("mlp", epochs=epochs)
    assert seconds(dry_run(asked, toys.table_schema(), n_train=20), asked.training) > 0


def test_one_sample_is_enough():
    assert dry_run(config("mlp"), toys.table_schema(), n_train=1)["n_parameters"] > 0


@pytest.mark.parametrize(
    ("freeze", "expected"), [(0, [(0, 7)]), (-1, [(-1, 7)]), (4, [(-1, 4), (0, 3)]), (9, [(-1, 7)])]
)
def test_epochs_with_and_without_the_backbone_are_estimated_apart(freeze, expected):
    assert phases(TrainingConfig(epochs=7, freeze=freeze)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"epochs": 7}, 1 + 70.0),
        ({"epochs": 7, "freeze": -1}, 1 + 21.0),
        ({"epochs": 7, "freeze": 4}, 1 + 12.0 + 30.0),
        ({"epochs": 7, "minutes": 0.5}, 30.0),
    ],
)
def test_epochs_multiply_what_one_of_them_costs(settings, expected):
    assert seconds({"epoch_seconds": {-1: 3.0, 0: 10.0}, "once_seconds": 1.0}, TrainingConfig(**settings)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"epochs": 7}, {"epochs": 900, "lr": 0.5, "seed": 4, "minutes": 3.0, "patience": 9, "schedule": "constant"}),
        ({"epochs": 7, "freeze": 4}, {"epochs": 9, "freeze": 2}),
        ({"epochs": 7, "freeze": -1}, {"epochs": 3, "freeze": 3}),
    ],
)
def test_what_costs_nothing_asks_for_no_other_trial(one, other):
    assert costing(config("cnn", **one)) == costing(config("cnn", **other))


@pytest.mark.parametrize(
    "other", [{"batch_size": 9}, {"precision": "fp32"}, {"optimizer": "sgd"}, {"freeze": -1}, {"freeze": 2}]
)
def test_what_costs_something_does(other):
    assert costing(config("cnn", **other)) != costing(config("cnn"))
    assert costing(dataclasses.replace(config("cnn"), net=NetConfig("mlp"))) != costing(config("cnn"))


def test_a_training_costs_what_its_trial_says_whichever_phases_it_has():
    for settings in ({"freeze": -1}, {"freeze": 2}, {"freeze": 0}):
        asked = config("cnn", **settings)
        cost = dry_run(costing(asked), toys.image_schema(1, 8, 8), n_train=20)
        assert set(cost["epoch_seconds"]) == {freeze for freeze, _ in phases(asked.training)}
        assert seconds(cost, asked.training) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process had at most")
def test_the_memory_at_its_height_counts_also_what_was_given_back_since():
    import torch

    for _ in range(2):  # memory that was used before counts again
        with dry_run_memory.peak(torch.device("cpu")) as taken:
            assert taken() < 20e6
            held = np.ones(100_000_000, np.uint8)
            del held
            assert 95e6 < taken() < 130e6


def test_the_memory_of_a_batch_whose_size_the_run_finds_is_not_known():
    assert dry_run(config("mlp", batch_size=0), toys.table_schema(), n_train=20)["step_bytes"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process had at most")
def test_a_larger_batch_takes_more_memory():
    small, large = (
        dry_run(config("cnn", batch_size=n), toys.image_schema(3, 32, 32), n_train=2000)["step_bytes"] for n in (4, 256)
    )
    assert large > 3 * small


def test_the_memory_on_a_gpu_is_what_pytorch_counted_at_its_height_beyond_what_was_there(monkeypatch):
    import torch

    said = {"reset_peak_memory_stats": None, "memory_allocated": 300, "max_memory_allocated": 1000}
    for name, answer in said.items():
        monkeypatch.setattr(torch.cuda, name, lambda _device, answer=answer: answer)
    with dry_run_memory.peak(torch.device("cuda")) as taken:
        assert taken() == 700
