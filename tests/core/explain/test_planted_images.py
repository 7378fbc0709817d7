"""Pictures whose class depends on a small patch at a random place: explanations point at it."""

import pytest

from benchmarks import planted
from core import model as models


@pytest.fixture(scope="module")
def learnt():
    """A small net that tells the two marks apart, with pictures it has not seen."""
    model = planted.trained("cnn", 1, 24, 1500, seed=0, epochs=5, options={"width": 16, "hidden": 32, "dropout": 0.2})
    x, y, corners = planted.made(60, 1, 24, seed=1000)
    y_pred = models.predict(model, x).argmax(axis=1)
    assert (y_pred == y).mean() > 0.95
    return model, x, y_pred, corners


@pytest.mark.parametrize("method", planted.JUDGED)
def test_the_strongest_places_lie_in_the_patch(learnt, method):
    assert planted.pointing(learnt[0], method, *learnt[1:]).mean() >= 0.95
