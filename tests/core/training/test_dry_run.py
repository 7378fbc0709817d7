"""A few steps on made-up samples before a run."""

import pytest

from core.config import DataConfig, NetConfig, TrainConfig, TrainingConfig
from core.training.dry_run import dry_run, phases
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
    assert dry_run(config("mlp", epochs=epochs), toys.table_schema(), n_train=20)["seconds"] > 0


def test_one_sample_is_enough():
    assert dry_run(config("mlp"), toys.table_schema(), n_train=1)["n_parameters"] > 0


@pytest.mark.parametrize(
    ("freeze", "expected"), [(0, [(0, 7)]), (-1, [(-1, 7)]), (4, [(-1, 4), (0, 3)]), (9, [(-1, 7)])]
)
def test_epochs_with_and_without_the_backbone_are_estimated_apart(freeze, expected):
    assert phases(TrainingConfig(epochs=7, freeze=freeze)) == expected
