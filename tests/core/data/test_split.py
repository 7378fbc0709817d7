"""The split into train, validation and test."""

import numpy as np
import pytest

from core.data import split

TARGETS = np.array([0] * 10 + [1] * 20)


def test_every_class_has_the_same_shares():
    parts = split.make(TARGETS, val_fraction=0.1, test_fraction=0.2, seed=0)
    counts = {part: np.bincount(TARGETS[parts == part]).tolist() for part in split.PARTS}
    assert counts == {"train": [7, 14], "val": [1, 2], "test": [2, 4]}


def test_one_seed_is_one_split():
    np.testing.assert_array_equal(split.make(TARGETS, 0.1, 0.2, 7), split.make(TARGETS, 0.1, 0.2, 7))


def test_another_seed_is_another_split():
    assert (split.make(TARGETS, 0.1, 0.2, 7) != split.make(TARGETS, 0.1, 0.2, 8)).any()


def test_the_split_is_not_the_order_of_the_data():
    parts = split.make(np.zeros(1000, int), 0.25, 0.25, 0)
    assert {part: (parts[:500] == part).sum() * 2 > 150 for part in ("val", "test")} == {"val": True, "test": True}


def test_a_class_with_one_sample_stays_in_train():
    assert split.make(np.array([0] * 10 + [1]), 0.2, 0.2, 0)[-1] == "train"


def test_a_class_keeps_a_sample_in_train_whatever_the_fractions():
    parts = split.make(np.array([0] * 10 + [1] * 4), 0.8, 0.8, 0)
    assert (parts[:10] == "train").sum() == (parts[10:] == "train").sum() == 1


@pytest.mark.parametrize(("val", "test", "empty"), [(0.01, 0.2, "val"), (0.2, 0.01, "test")])
def test_an_empty_part_is_refused_by_name(val, test, empty):
    with pytest.raises(ValueError, match=f"The {empty} part of the split is empty with 30 samples"):
        split.make(TARGETS, val, test, 0)


def test_parts_that_are_loaded_are_disjoint_and_complete(tmp_path):
    ids = np.array([f"s{i}" for i in range(30)])
    split.save(tmp_path / "split.parquet", ids, split.make(TARGETS, 0.1, 0.2, 0))
    positions = split.load(tmp_path / "split.parquet", ids)
    assert sorted(np.concatenate(list(positions.values())).tolist()) == list(range(30))


def test_a_sample_keeps_its_part_when_the_data_is_reordered_and_grows(tmp_path):
    ids, parts = np.array(["a", "b", "c", "d"]), np.array(["train", "val", "test", "train"])
    split.save(tmp_path / "split.parquet", ids, parts)
    now = np.array(["new", "d", "c", "b", "a"])
    positions = split.load(tmp_path / "split.parquet", now)
    assert {part: now[where].tolist() for part, where in positions.items()} == {
        "train": ["a", "d"],
        "val": ["b"],
        "test": ["c"],
    }


def test_a_sample_that_is_gone_is_named(tmp_path):
    split.save(tmp_path / "split.parquet", np.array(["a", "b", "c"]), np.array(["train", "val", "test"]))
    with pytest.raises(ValueError, match="Sample b of the run's split is no longer in the data set"):
        split.load(tmp_path / "split.parquet", np.array(["a", "c"]))
