"""The search for a learning rate."""

import numpy as np
import pytest

from core import config, data
from core.training import lr_finder

LR = np.geomspace(1e-6, 10, 100)


def test_the_suggestion_is_where_the_loss_falls_fastest():
    losses = 2.0 - 1.5 / (1 + np.exp(-3 * np.log(LR / 1e-3)))  # steepest at 1e-3, and never rising again
    assert lr_finder.suggest(list(LR), list(losses))["suggested"] == pytest.approx(1e-3, rel=0.1)


def test_the_suggestion_is_well_below_the_rate_of_the_lowest_loss():
    losses = np.where(LR < 0.01, 2.0, 1.0)
    losses[-1] = 0.9
    assert lr_finder.suggest(list(LR), list(losses))["suggested"] <= 10 / 3


def test_nothing_is_suggested_where_the_loss_never_falls():
    found = lr_finder.suggest(list(LR), [2.0] * 100)
    assert found["suggested"] is None and found["sentence"].startswith("The loss fell at no learning rate")


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_a_search_on_real_data_finds_a_rate_that_trains(name):
    found = lr_finder.find(config.suggest(data.get(name), device="cpu"))
    assert 1e-4 < found["suggested"] < 0.3
    assert len(found["lr"]) == len(found["loss"]) > 25 and np.isfinite(found["loss"]).all()
    assert f"take {found['suggested']:g}." in found["sentence"]


def test_a_search_without_time_still_takes_its_fewest_steps():
    found = lr_finder.find(config.suggest(data.get("iris"), device="cpu"), max_seconds=1e-3)
    assert 5 <= len(found["lr"]) <= lr_finder.FEWEST


def test_a_net_for_other_data_is_refused():
    with pytest.raises(ValueError, match="The net cnn is for images"):
        lr_finder.find(config.TrainConfig(config.DataConfig("iris"), config.NetConfig("cnn")))
