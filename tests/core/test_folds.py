"""K-fold cross-validation: each sample is in the pooled test once, predicted by a net that never saw it."""

import numpy as np
import pytest

from core import config, data, folds, jobs, runs, trash
from core.evaluation import pooled


@pytest.mark.slow
def test_folds_are_pooled_into_a_run_with_every_sample_once():
    iris = data.get("iris")
    run = folds.start(config.suggest(iris, epochs=1, device="cpu"), 2)
    members = folds.members(run)
    assert len(members) == 2
    assert jobs.wait(run) == "done", runs.log_tail(run)
    ids, targets, logits = runs.predictions(run, "test")
    assert sorted(ids) == sorted(iris.ids)
    for fold, member in enumerate(members):
        assert runs.config(member).data.fold == fold
        mine, _, said = runs.predictions(member, "test")
        np.testing.assert_array_equal(logits[np.isin(ids, mine)], said)
    record = runs.evaluation(run)
    assert (record["test"]["n"], record["folds"]) == (150, 2)
    assert record["test"]["n_right"] == int((logits.argmax(axis=1) == targets).sum())
    assert runs.status(run)["test_n"] == 150


@pytest.mark.parametrize("k", [1, 51, 0])
def test_a_number_of_folds_that_is_none_is_refused(k):
    with pytest.raises(ValueError, match=f"folds is {k}; it must be from 2 to 50"):
        folds.start(config.suggest(data.get("iris")), k)
    assert runs.names() == []


@pytest.mark.parametrize("midway", ["a fold", "the pool"])
def test_folds_of_which_one_cannot_be_written_leave_none(monkeypatch, midway):
    create, write = jobs.create, runs.write_json
    monkeypatch.setattr(jobs, "create", lambda asked: full() if asked.data.fold == 2 else create(asked))
    if midway == "the pool":
        monkeypatch.setattr(jobs, "create", create)
        monkeypatch.setattr(runs, "write_json", lambda path, *a: full() if path.name == folds.FILE else write(path, *a))
    with pytest.raises(OSError, match="The disk is full"):
        folds.start(config.suggest(data.get("iris"), epochs=1), 4)
    assert runs.names() == []


def full():
    raise OSError("The disk is full.")


def pool_of(states: list[str]) -> str:
    """A pool whose folds are in these states, none of them with a process."""
    asked = config.suggest(data.get("iris"), epochs=2)
    members = [jobs.create(asked) for _ in states]
    for member, state in zip(members, states):
        runs.write_status(member, state=state)
    run = jobs.create(asked)
    runs.write_json(runs.path(run, folds.FILE), {"format": 1, "members": members})
    return run


def test_a_fold_that_failed_is_named():
    run = pool_of(["done", "failed"])
    with pytest.raises(ValueError, match=rf"1 fold of 2 did not finish \({folds.members(run)[1]}\)"):
        pooled.pool(run)


def test_a_fold_that_was_deleted_is_named():
    run = pool_of(["done", "done"])
    gone = folds.members(run)[0]
    trash.delete(gone)
    with pytest.raises(ValueError, match=rf"1 fold of 2 did not finish \({gone}\)"):
        pooled.pool(run)


def test_a_pool_that_is_stopped_stops_its_folds(monkeypatch):
    stop = jobs.stop
    monkeypatch.setattr(jobs, "stop", lambda run: stop(run, timeout=0))  # which have no process that would listen
    run = pool_of(["queued", "queued"])
    runs.path(run, "stop").touch()
    with pytest.raises(InterruptedError):
        pooled.pool(run)
    assert [jobs.state(member) for member in folds.members(run)] == ["stopped", "stopped"]


def test_a_run_of_its_own_pools_nothing():
    assert folds.members(jobs.create(config.suggest(data.get("iris")))) == []
