"""Runs seen together: settings that differ, seeds as one row, folds as one prediction."""

import numpy as np
import pytest

from core import config, jobs, runs
from core.evaluation import groups
from tests.core import toys


def make(state="done", test=None, test_n=100, **settings) -> str:
    run = runs.create(config.suggest(toys.table(), **settings), toys.table().schema, "f00d")
    facts = {} if test is None else {"test_accuracy": {"value": test, "low": 0.0, "high": 1.0}, "test_n": test_n}
    runs.write_status(run, state=state, **facts)
    return run


def grouped(*names) -> list[dict]:
    return groups.by_seed([jobs.summary(run) for run in names])


# ---------------------------------------------------------------------------------------------------- settings


def test_only_the_settings_that_differ_are_listed_under_dotted_names():
    a, b = make(lr=0.1, net_options={"hidden": 8}), make(lr=0.2, net_options={"hidden": 16})
    assert groups.differing([a, b]) == [
        {"setting": "net.options.hidden", "values": [8, 16]},
        {"setting": "training.lr", "values": [0.1, 0.2]},
    ]


def test_runs_with_the_same_settings_differ_in_nothing():
    assert groups.differing([make(), make()]) == []


def test_a_setting_that_one_run_does_not_have_is_none_there():
    rows = {row["setting"]: row["values"] for row in groups.differing([make(net_options={"hidden": 8}), make()])}
    assert rows == {"net.options.hidden": [8, None]}


def test_true_and_one_are_two_values():
    assert groups._text(True) != groups._text(1)


# ---------------------------------------------------------------------------------------------------- seeds


def test_runs_that_differ_only_by_seed_are_one_row_with_mean_spread_and_t_interval():
    group = [make(test=0.90, seed=0), make(test=0.94, seed=1), make(test=0.92, seed=2)]
    other = make(test=0.5, lr=0.5)
    found = grouped(group[0], other, *group[1:])
    assert [(one["kind"], one["runs"]) for one in found] == [("seeds", group), ("single", [other])]
    figure = found[0]["test_accuracy"]
    half = 4.302653 * 0.02 / 3**0.5  # the 97.5% point of t with 2 degrees of freedom
    expected = {"value": 0.92, "sd": 0.02, "low": 0.92 - half, "high": 0.92 + half, "n": 3}
    assert figure == pytest.approx(expected)
    assert found[1]["test_accuracy"] == {"value": 0.5, "low": 0.0, "high": 1.0, "sd": None, "n": 1}


def test_another_split_seed_is_another_row():
    found = grouped(make(seed=0), make(seed=1, split_seed=1))
    assert [one["kind"] for one in found] == ["single", "single"]


def test_a_run_repeated_with_its_seed_counts_once():
    names = [make(test=0.9, seed=0), make(test=0.9, seed=0), make(test=0.8, seed=1)]
    (found,) = grouped(*names)
    assert len(found["rows"]) == 3 and found["runs"] == [names[0], names[2]]
    assert found["test_accuracy"]["n"] == 2


def test_two_runs_of_one_seed_alone_are_no_group():
    assert [one["kind"] for one in grouped(make(seed=3), make(seed=3))] == ["single", "single"]


def test_runs_that_are_not_done_are_shown_but_do_not_count():
    names = [make(test=0.9, seed=0), make(test=0.8, seed=1), make(state="failed", test=0.1, seed=2)]
    (found,) = grouped(*names)
    assert (len(found["rows"]), found["done"], found["runs"]) == (3, 2, names[:2])
    assert found["test_accuracy"]["value"] == pytest.approx(0.85)


def test_a_damaged_run_is_a_row_of_its_own():
    a, b = make(seed=0), make(seed=1)
    runs.path(b, "config.json").write_text("{")
    assert [one["kind"] for one in grouped(a, b)] == ["single", "single"]


def test_one_value_has_no_spread():
    assert groups.over_seeds([0.9]) == {"value": 0.9, "sd": None, "low": None, "high": None, "n": 1}


def test_an_interval_of_shares_ends_at_one():
    assert groups.over_seeds([0.9, 1.0])["high"] == 1.0 < groups.over_seeds([0.9, 1.0], share=False)["high"]


def test_siblings_are_the_other_seeds_the_run_itself_first():
    first, other = make(seed=0), make(lr=0.5)
    second, failed = make(seed=1), make(state="failed", seed=2)
    rows = [jobs.summary(run) for run in (failed, second, other, first)]
    assert groups.siblings(first, rows) == [first, second]
    assert groups.siblings(other, rows) == [other]


# ---------------------------------------------------------------------------------------------------- folds


def fold(k: int, ids, folds=2, **settings) -> str:
    run = make(folds=folds, fold=k, test=1.0 if k else 0.5, test_n=len(ids), **settings)
    logits = np.full((len(ids), 2), k, np.float32)
    runs.write_predictions(run, "test", np.array(ids), np.zeros(len(ids), int), logits)
    return run


def test_folds_are_one_row_pooled_over_all_samples():
    (found,) = grouped(fold(0, ["a", "b"]), fold(1, ["c", "d", "e", "f"]))
    assert found["kind"] == "folds"
    assert found["test_accuracy"]["value"] == pytest.approx(5 / 6)  # 1 of 2 and 4 of 4
    assert found["test_accuracy"]["sd"] == pytest.approx(np.std([0.5, 1.0], ddof=1))


def test_a_run_that_pools_its_folds_speaks_for_them():
    members = [fold(0, ["a", "b"]), fold(1, ["c", "d"])]
    pool = make(folds=2, fold=0, test=0.75, test_n=4)
    runs.write_json(runs.path(pool, jobs.POOL), {"members": members})
    for member in members:
        runs.write_status(member, pool=pool)
    (found,) = grouped(*members, pool)
    assert (found["kind"], found["runs"], found["done"]) == ("folds", [pool], 3)
    assert [row["run"] for row in found["rows"]] == [pool, *members]
    assert (found["test_accuracy"]["value"], found["test_accuracy"]["n"]) == (0.75, 2)
    assert [one["kind"] for one in grouped(pool, make(folds=2, seed=1))] == ["single", "single"]


def test_each_sample_is_said_by_the_run_that_held_it_out():
    ids, targets, logits = groups.pooled([fold(1, ["c", "d"]), fold(0, ["a"])])
    assert (ids.tolist(), targets.tolist()) == (["a", "c", "d"], [0, 0, 0])
    np.testing.assert_array_equal(logits[:, 0], [0, 1, 1])


def test_a_missing_fold_is_named():
    with pytest.raises(ValueError, match=r"Fold 1 of 3 has no run among these; train it with --set fold=1\."):
        groups.pooled([fold(0, ["a"], folds=3), fold(2, ["b"], folds=3)])


def test_runs_that_differ_in_more_than_the_fold_are_not_pooled():
    with pytest.raises(ValueError, match=r"differ in nothing but the fold can be pooled; these differ in training.lr"):
        groups.pooled([fold(0, ["a"], lr=0.1), fold(1, ["b"], lr=0.2)])


def test_runs_without_folds_are_not_pooled():
    with pytest.raises(ValueError, match="Only k-fold runs"):
        groups.pooled([make(seed=0), make(seed=1)])


def test_a_sample_held_out_twice_is_refused():
    with pytest.raises(ValueError, match="held out by two of the folds"):
        groups.pooled([fold(0, ["a", "b"]), fold(1, ["b"])])
