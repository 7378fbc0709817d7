"""The exported file answers as it does to those who were given it."""

import os

import numpy as np
import pytest

from core import runs
from core.data import split
from core.data.dataset import Column, Schema
from core.evaluation import points
from core.evaluation.metrics import softmax
from core.evaluation.operating import OperatingPoint
from exports import live, parity


def rows_of(run, part="test"):
    dataset = runs.dataset(run)
    return dataset.x[split.load(runs.path(run, "split.parquet"), dataset.ids)[part]]


@pytest.mark.parametrize("data", ["digits", "breast_cancer"])
def test_it_gives_the_probabilities_of_the_trained_net(exported, data):
    run = exported[data]
    y_prob = live.predict(run, rows_of(run))
    np.testing.assert_allclose(y_prob, softmax(runs.predictions(run, "test")[2]), atol=1e-5)
    assert y_prob.dtype == np.float32
    assert live.predict(run, rows_of(run)[:0]).shape == (0, y_prob.shape[1])


def test_many_rows_are_asked_in_parts(exported, monkeypatch):
    run = exported["breast_cancer"]
    whole = live.predict(run, rows_of(run))
    monkeypatch.setattr(live, "AT_ONCE", 64 * 30 * 7)
    np.testing.assert_allclose(live.predict(run, rows_of(run)), whole, atol=1e-6)


def test_codes_of_categories_become_their_text_and_a_missing_one_none():
    columns = (Column("a", "number"), Column("decision", "category", ("blue", "red")), Column("d", "date"))
    schema = Schema("table", (3,), ("no", "yes"), columns)
    fed = live.feeds(schema, np.array([[1.5, 1, 9000], [np.nan, -1, np.nan], [0, 0, 0]], np.float32))
    assert list(fed) == ["a", "decision (column)", "d"]
    assert fed["decision (column)"].tolist() == ["red", "", "blue"] and fed["decision (column)"].dtype == object
    np.testing.assert_array_equal(fed["a"], np.array([1.5, np.nan, 0], np.float32))


def test_without_a_file_it_is_not_ready_and_says_what_to_do(finished):
    run = finished["breast_cancer"]
    assert not live.ready(run)
    with pytest.raises(LookupError, match=r"has no exported file yet; export it first: python -m exports onnx"):
        live.predict(run, rows_of(run))


def test_a_file_older_than_the_weights_is_not_ready_and_is_made_again(exported):
    run = exported["breast_cancer"]
    path = runs.path(run, "exports", "model.onnx")
    assert live.ready(run)
    before = path.stat().st_mtime_ns
    live.make(run)
    assert path.stat().st_mtime_ns == before and parity.stored(run)["passed"]  # neither file nor proof was touched
    later = path.stat().st_mtime + 5
    os.utime(runs.path(run, "checkpoints", "best.pt"), (later, later))
    assert not live.ready(run)


def test_after_another_operating_point_the_file_is_made_and_proved_again(exported):
    run = exported["breast_cancer"]
    y_prob = live.predict(run, rows_of(run))
    points.save(run, OperatingPoint(thresholds=(0.999999,), name="careful"))
    assert not live.ready(run)
    assert live.make(run) == str(runs.path(run, "exports", "model.onnx"))
    assert live.ready(run) and parity.stored(run)["passed"]
    np.testing.assert_array_equal(live.decide(run, y_prob), (y_prob[:, 1] >= np.float32(0.999999)).astype(int))


def test_a_damaged_file_is_not_ready_and_says_so(exported):
    run = exported["breast_cancer"]
    runs.path(run, "exports", "model.onnx").write_bytes(b"not a model")
    assert not live.ready(run)
    with pytest.raises(ValueError, match=r"is no ONNX file .*; export it again"):
        live.predict(run, rows_of(run))


def test_a_row_of_another_width_is_refused(exported):
    with pytest.raises(ValueError, match=r"have shape \(3,\); the model of run .* takes \(30,\)"):
        live.predict(exported["breast_cancer"], np.zeros((1, 3), np.float32))
