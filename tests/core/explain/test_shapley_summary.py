"""Shapley values of many rows agree with those of one, and their mean with what is known by hand."""

import numpy as np
import pytest
import torch

from core import progress
from core.explain import _base, shapley, shapley_summary
from tests.core import toys


@pytest.fixture
def parts():
    dataset = toys.table(n=40)
    return _base.Parts(
        dataset.schema, dataset, {"train": np.arange(20), "val": np.arange(20, 40), "test": np.arange(0)}
    )


def test_each_row_has_its_own_values_and_the_mean_is_of_their_sizes(parts):
    model = toys.mlp(toys.MIXED, hidden=8)
    arrays, record = shapley_summary.explain(model, parts)
    x, background = (torch.from_numpy(np.array(parts.x(part))) for part in ("val", "train"))
    alone = shapley.explain(model, x[3:4], 1, background=background)
    np.testing.assert_allclose(arrays["values"][3], alone.values[0], atol=1e-6)
    np.testing.assert_allclose(arrays["mean_absolute"], np.abs(arrays["values"]).mean(axis=0), rtol=1e-6)
    assert (arrays["low"] <= arrays["mean_absolute"]).all() and (arrays["mean_absolute"] <= arrays["high"]).all()
    np.testing.assert_array_equal(arrays["x"], parts.x("val"))
    assert (record["target"], record["n"]) == ("yes", 20)
    assert record["base"] == pytest.approx(float(alone.base[0]), abs=1e-6)
    assert record["sentence"].startswith("The probability of yes is moved most by ")


def test_at_most_so_many_rows_are_explained_and_progress_is_told(parts):
    seen = []
    with progress.listen(lambda done, total: seen.append((done, total))):
        arrays, _ = shapley_summary.explain(toys.mlp(toys.MIXED), parts, shapley_summary.Options(rows=10))
    assert len(arrays["values"]) == 10 and seen[-1] == (10, 10)


def test_an_unknown_class_is_refused_with_those_there_are(parts):
    with pytest.raises(LookupError, match="There is no class 'perhaps'; there are no, yes"):
        shapley_summary.explain(toys.mlp(toys.MIXED), parts, shapley_summary.Options(target="perhaps"))
