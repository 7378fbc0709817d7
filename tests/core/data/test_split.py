"""The split into train, validation and test."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from core.data import split
from core.data.content import content_keys
from core.data.dataset import Column, Dataset

TARGETS = np.array([0] * 10 + [1] * 20)


def table(targets, about=None, numbers=("a",), words=(), **columns) -> Dataset:
    """Rows that all differ in column "a", unless it is given."""
    n = len(targets)
    frame = pd.DataFrame({"a": np.arange(n) * 1.0, **columns})
    read = [*(Column(name, "number") for name in numbers), *(Column(name, "category") for name in words)]
    return Dataset(
        name="people",
        kind="table",
        targets=np.asarray(targets),
        classes=("no", "yes", "other")[: max(targets) + 1],
        ids=np.array([f"s{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
        table=frame,
        columns=tuple(read),
        about=pd.DataFrame() if about is None else pd.DataFrame(about),
    )


def images(pixels, targets=None, about=None) -> Dataset:
    n = len(pixels)
    return Dataset(
        name="photos",
        kind="image",
        targets=np.arange(n) % 2 if targets is None else np.asarray(targets),
        classes=("no", "yes"),
        ids=np.array([f"s{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
        images=pixels,
        about=pd.DataFrame() if about is None else pd.DataFrame(about),
    )


def grow(dataset: Dataset, n: int) -> Dataset:
    """The first n samples; ids and order stay."""
    about = dataset.about.iloc[:n]
    return dataclasses.replace(
        dataset, table=dataset.table.iloc[:n], targets=dataset.targets[:n], ids=dataset.ids[:n], about=about
    )


def counts(dataset, parts) -> dict:
    return {part: n for part, n in split.sizes(parts, dataset.targets, len(dataset.classes)).items() if sum(n)}


# ------------------------------------------------------------------------------------------------ stratified


def test_every_class_has_the_same_shares():
    dataset = table(TARGETS)
    parts = split.make(dataset, val_fraction=0.1, test_fraction=0.2)
    assert counts(dataset, parts) == {"train": [7, 14], "val": [1, 2], "test": [2, 4]}


def test_a_split_made_by_an_earlier_version_is_made_again():
    parts = split.make(table(TARGETS), val_fraction=0.1, test_fraction=0.2, seed=0)
    where = {part: np.flatnonzero(parts == part).tolist() for part in ("val", "test")}
    assert where == {"val": [2, 12, 21], "test": [4, 6, 14, 19, 20, 28]}


def test_one_seed_is_one_split_and_another_seed_another():
    one, again, other = (split.make(table(TARGETS), seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_the_split_is_not_the_order_of_the_data():
    parts = split.make(table([0, 1] * 500), val_fraction=0.25, test_fraction=0.25)
    assert {part: (parts[:500] == part).sum() * 2 > 150 for part in ("val", "test")} == {"val": True, "test": True}


def test_a_class_with_one_sample_stays_in_train():
    assert split.make(table([0] * 10 + [1]), val_fraction=0.2)[-1] == "train"


def test_a_class_keeps_a_sample_in_train_whatever_the_fractions():
    parts = split.make(table([0] * 10 + [1] * 4), val_fraction=0.8, test_fraction=0.8)
    assert (parts[:10] == "train").sum() == (parts[10:] == "train").sum() == 1


@pytest.mark.parametrize(("val", "test", "empty"), [(0.01, 0.2, "val"), (0.2, 0.01, "test")])
def test_an_empty_part_is_refused_by_name(val, test, empty):
    with pytest.raises(ValueError, match=f"The {empty} part of the split is empty with 30 samples"):
        split.make(table(TARGETS), val_fraction=val, test_fraction=test)


def test_a_split_of_another_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match='There is no split "random"; it must be one of auto, stratified, group'):
        split.make(table(TARGETS), "random")


# ---------------------------------------------------------------------------------------- exact duplicates


def same_side(parts, *groups) -> bool:
    return all(len(set(parts[list(group)])) == 1 for group in groups)


@pytest.mark.parametrize("seed", range(5))
def test_rows_with_the_same_values_are_never_on_both_sides(seed):
    dataset = table([0, 1] * 30, a=np.arange(60) // 3 * 1.0)  # three rows of each, of both classes
    parts = split.make(dataset, seed=seed)
    assert same_side(parts, *np.arange(60).reshape(20, 3))
    assert counts(dataset, parts).keys() == {"train", "val", "test"}


def test_images_with_the_same_pixels_are_never_on_both_sides():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 5, 4), dtype=np.uint8)
    pixels[20:] = pixels[:20]
    assert same_side(split.make(images(pixels)), *zip(range(20), range(20, 40)))


def test_a_picture_that_comes_five_hundred_times_does_not_burst_a_small_part():
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 1, 4, 4), dtype=np.uint8)
    pixels[:500] = 7
    parts = split.make(images(pixels))
    assert set(parts[:500]) == {"train"}
    assert [(parts == part).sum() for part in split.PARTS] == [1300, 300, 400]


def test_shares_are_as_good_as_they_can_be_with_all_rows_twice():
    dataset = table(np.arange(200) // 2 % 2, a=np.arange(200) // 2 * 1.0)
    found = np.array([counts(dataset, split.make(dataset))[part] for part in split.PARTS])
    assert found.sum(axis=1).tolist() == [130, 30, 40]
    assert np.abs(found - [[65, 65], [15, 15], [20, 20]]).max() <= 1  # one of each class: a pair is never parted


def test_too_few_different_rows_are_counted_in_the_refusal():
    with pytest.raises(ValueError, match=r"part of the split is empty with 30 samples \(2 to be parted\)"):
        split.make(table(TARGETS, a=np.arange(30) % 2 * 1.0))


def keys(**columns):
    words = [name for name, values in columns.items() if not isinstance(values[0], float)]
    numbers = [name for name in columns if name not in words]
    return content_keys(table([0] * len(next(iter(columns.values()))), numbers=numbers, words=words, **columns))


@pytest.mark.parametrize(
    ("values", "equal"),
    [
        ([1.0, 1.0, 2.0], [True, False]),
        ([0.0, -0.0, 1.0], [True, False]),
        ([float("nan"), np.nan, 0.0], [True, False]),
        (["x", "x", "y"], [True, False]),
        (["", None, "y"], [True, False]),
        (["1", 1, "2"], [True, False]),
    ],
    ids=["numbers", "signed zero", "missing numbers", "words", "missing words", "text and number"],
)
def test_the_key_is_the_same_for_the_same_content(values, equal):
    key = keys(a=values)
    assert (key[1:] == key[0]).tolist() == equal


def test_the_key_does_not_depend_on_the_other_rows():
    np.testing.assert_array_equal(keys(a=["x", "y", "z"])[1:], keys(a=["y", "z"]))


def test_the_key_leaves_out_what_the_model_does_not_read():
    dataset = table([0, 1], numbers=("b",), b=[1.0, 1.0])
    assert len(set(content_keys(dataset))) == 1


def test_rows_of_which_nothing_is_read_are_all_different():
    assert len(set(content_keys(table([0, 1], numbers=())))) == 2


def test_images_are_read_piece_by_piece(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 1, 2, 2), dtype=np.uint8)
    whole = content_keys(images(pixels))
    monkeypatch.setattr("core.data.content.CHUNK_BYTES", 8)
    np.testing.assert_array_equal(content_keys(images(pixels)), whole)


# ------------------------------------------------------------------------------------------------------- group


def test_a_group_is_never_on_both_sides_and_classes_keep_their_shares():
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 60, 600)
    dataset = table(rng.integers(0, 2, 600), patient=[f"p{p}" for p in patient])
    parts = split.make(dataset, "group", "patient")
    assert same_side(parts, *(np.flatnonzero(patient == p) for p in range(60)))
    shares = np.array([counts(dataset, parts)[part] for part in split.PARTS]) / np.bincount(dataset.targets)
    np.testing.assert_allclose(shares, [[0.65] * 2, [0.15] * 2, [0.2] * 2], atol=0.03)


def test_a_missing_group_is_a_group_of_its_own():
    patient = [None] * 15 + [""] * 15
    dataset = table(TARGETS, patient=patient)
    parts = split.make(dataset, "group", "patient", val_fraction=0.1)
    assert counts(dataset, parts) == {"train": [7, 14], "val": [1, 2], "test": [2, 4]}


def test_twins_in_two_groups_join_them():
    patient = np.repeat(np.arange(10), 3)
    a = np.arange(30) * 1.0
    a[29] = a[0]  # so patients 0 and 9 are one
    for seed in range(5):
        parts = split.make(table(TARGETS, a=a, patient=patient), "group", "patient", seed=seed)
        assert same_side(parts, [0, 1, 2, 27, 28, 29])


def test_a_group_may_come_from_what_is_known_beside_the_samples():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 1, 2, 2), dtype=np.uint8)
    parts = split.make(images(pixels, about={"camera": list("aaaabbbbcccc")}), "group", "camera")
    assert same_side(parts, range(4), range(4, 8), range(8, 12))
    assert set(parts) == set(split.PARTS)


def test_fewer_groups_than_parts_are_refused():
    with pytest.raises(ValueError, match="Column patient has 2 separate groups; the split needs 3 or more"):
        split.make(table(TARGETS, patient=["x"] * 15 + ["y"] * 15), "group", "patient")


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r'people has no column "patient" to split by .* it has a, b'):
        split.make(table(TARGETS, b=TARGETS), "group", "patient")


# -------------------------------------------------------------------------------------------------------- time


def test_the_newest_are_the_test_part():
    when = pd.date_range("2024-01-01", periods=30).to_numpy()[::-1]
    parts = split.make(table(TARGETS, when=when), "time", "when", val_fraction=0.1, test_fraction=0.2)
    assert parts.tolist() == ["test"] * 6 + ["val"] * 3 + ["train"] * 21


def test_equal_times_are_not_parted_and_missing_ones_are_in_train():
    year = np.array([2001.0] * 12 + [2002] * 5 + [2003] * 8 + [np.nan] * 5)
    parts = split.make(table(TARGETS, year=year), "time", "year")
    assert parts.tolist() == ["train"] * 12 + ["val"] * 5 + ["test"] * 8 + ["train"] * 5


def test_two_times_make_three_parts_all_the_same():
    parts = split.make(table(TARGETS, year=np.array([2001.0] * 24 + [2002] * 6)), "time", "year", val_fraction=0.1)
    assert set(parts[24:]) == {"test"}
    assert [(parts[:24] == part).sum() for part in split.PARTS] == [21, 3, 0]


def test_one_time_is_refused():
    with pytest.raises(ValueError, match="Column year has fewer than 2 different times"):
        split.make(table(TARGETS, year=np.ones(30)), "time", "year")


def test_dates_written_as_text_are_dates():
    when = [f"2024-02-{day:02d}" for day in range(1, 25)] + [f"2023-11-{day:02d}" for day in range(1, 7)]
    parts = split.make(table(TARGETS, when=when), "time", "when", val_fraction=0.1)
    assert parts.tolist() == ["train"] * 15 + ["val"] * 3 + ["test"] * 6 + ["train"] * 6


def test_words_that_are_no_time_are_refused_with_an_example():
    with pytest.raises(ValueError, match='Column when has cells that are no date and no number, such as "soon"'):
        split.make(table(TARGETS, when=["2024-02-01"] * 29 + ["soon"]), "time", "when")


def test_an_older_twin_of_a_test_sample_is_out():
    a = np.arange(30) * 1.0
    a[3] = a[29]
    parts = split.make(table(TARGETS, a=a, year=np.arange(30)), "time", "year")
    assert (parts[3], parts[29]) == ("out", "test")


def test_new_samples_do_not_move_the_borders_of_time():
    dataset = table(TARGETS, year=np.append(np.arange(20) * 2.0, [1, 27, 33, 50, 51, 52, 53, 54, 55, 56]))
    before = split.make(grow(dataset, 20), "time", "year", val_fraction=0.2)  # val from 24, test from 32
    parts = split.make(dataset, "time", "year", val_fraction=0.2, kept=dict(zip(dataset.ids, before)))
    assert parts[20:].tolist() == ["train", "val"] + ["test"] * 8
    np.testing.assert_array_equal(parts[:20], before)


# ------------------------------------------------------------------------------------------ column and given


def test_a_column_says_the_part_in_words():
    word = ["Train"] * 10 + ["validation "] * 10 + ["TEST"] * 10
    parts = split.make(table(TARGETS, part=word), "column", "part")
    assert parts.tolist() == ["train"] * 10 + ["val"] * 10 + ["test"] * 10


def test_the_column_that_says_it_is_no_content():
    word = ["train"] * 10 + ["val"] * 10 + ["test"] * 10
    a = np.arange(30) * 1.0
    a[5] = a[25]
    parts = split.make(table(TARGETS, a=a, part=word, words=("part",)), "column", "part")
    assert (parts[5], parts[25]) == ("out", "test")


def test_unknown_words_are_named():
    with pytest.raises(ValueError, match='Column part has cells that name no part, "left", "right"; write train'):
        split.make(table(TARGETS, part=["left"] * 15 + ["right"] * 15), "column", "part")


def given(*parts):
    return {"part": np.repeat(["train", "val", "test", ""], parts)}


def test_parts_that_the_data_gives_are_taken():
    parts = split.make(table(TARGETS, given(20, 4, 6, 0)))
    assert parts.tolist() == ["train"] * 20 + ["val"] * 4 + ["test"] * 6


def test_a_training_twin_of_a_test_sample_is_out_and_so_is_one_of_a_validation_sample():
    a = np.arange(30) * 1.0
    a[0], a[1], a[20] = a[24], a[21], a[25]
    parts = split.make(table(TARGETS, given(20, 4, 6, 0), a=a))
    assert parts[[0, 1, 20]].tolist() == ["out", "out", "out"]
    assert parts[[24, 21, 25]].tolist() == ["test", "val", "test"]
    assert (parts == "out").sum() == 3


@pytest.mark.parametrize("about", [given(24, 0, 6, 0), {"part": [""] * 24 + ["test"] * 6}])
def test_validation_is_carved_from_train_where_only_test_is_given(about):
    dataset = table(TARGETS, about)
    parts = split.make(dataset, val_fraction=0.25)
    assert set(parts[24:]) == {"test"}
    assert counts(dataset, parts) == {"train": [8, 10], "val": [2, 4], "test": [0, 6]}


def test_test_is_carved_from_train_where_only_validation_is_given():
    dataset = table(TARGETS, given(20, 10, 0, 0))
    parts = split.make(dataset, test_fraction=0.2)
    assert counts(dataset, parts) == {"train": [8, 8], "val": [0, 10], "test": [2, 2]}


def test_parts_that_the_data_does_not_give_cannot_be_taken():
    with pytest.raises(ValueError, match="people does not say which samples are for training and test"):
        split.make(table(TARGETS), "given")


# ------------------------------------------------------------------------------------------------------- folds


@pytest.mark.parametrize(("how", "by"), [("auto", ""), ("group", "patient")])
def test_folds_are_disjoint_and_cover_all(how, by):
    dataset = table(TARGETS, patient=np.arange(30) // 2)
    tests = [split.make(dataset, how, by, folds=5, fold=fold) == "test" for fold in range(5)]
    assert (np.sum(tests, axis=0) == 1).all()
    assert [test.sum() for test in tests] == [6] * 5


def test_every_fold_has_the_shares_of_the_classes_and_validation_from_the_others():
    dataset = table(TARGETS)
    parts = split.make(dataset, folds=5, fold=3, val_fraction=0.25)
    assert counts(dataset, parts) == {"train": [6, 12], "val": [2, 4], "test": [2, 4]}


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (3, 3), (3, -1)])
def test_folds_that_are_not_there_are_refused(folds, fold):
    with pytest.raises(ValueError, match=f"Fold {fold} of {folds} was asked for"):
        split.make(table(TARGETS), folds=folds, fold=fold)


def test_folds_by_time_are_refused():
    with pytest.raises(ValueError, match='folds were asked for with the split "time"'):
        split.make(table(TARGETS), "time", "a", folds=3)


# -------------------------------------------------------------------------------------------------- what is kept


def test_old_samples_keep_their_part_and_new_ones_fill_up_the_shares():
    dataset = table([0, 1] * 100)
    before = split.make(grow(dataset, 100), seed=1)
    parts = split.make(dataset, seed=2, kept=dict(zip(dataset.ids, before)))
    np.testing.assert_array_equal(parts[:100], before)
    assert counts(dataset, parts) == {"train": [65, 65], "val": [15, 15], "test": [20, 20]}


def test_twins_of_a_kept_sample_follow_it():
    dataset = table([0, 1] * 50, a=np.arange(100) % 50 * 1.0)
    before = split.make(grow(dataset, 50))
    parts = split.make(dataset, seed=3, kept=dict(zip(dataset.ids, before)))
    np.testing.assert_array_equal(parts, np.tile(before, 2))


def test_new_rows_of_a_kept_group_follow_it():
    dataset = table([0, 1] * 50, patient=np.arange(100) % 25)
    before = split.make(grow(dataset, 50), "group", "patient")
    parts = split.make(dataset, "group", "patient", seed=3, kept=dict(zip(dataset.ids, before)))
    np.testing.assert_array_equal(parts, np.tile(before, 2))


def test_what_is_kept_goes_before_what_is_given():
    about = given(20, 4, 6, 0)
    parts = split.make(table(TARGETS, about), kept={"s0": "test", "s29": "train", "s28": "out"})
    assert parts[[0, 29, 28]].tolist() == ["test", "train", "out"]


def test_of_two_kept_twins_on_both_sides_the_training_one_is_out():
    dataset = table(TARGETS, a=np.append(np.arange(29), 0) * 1.0)
    parts = split.make(dataset, kept={"s0": "train", "s29": "test"})
    assert (parts[0], parts[29]) == ("out", "test")


def test_kept_parts_of_another_name_are_refused():
    with pytest.raises(ValueError, match='The parts that are kept have the word "exam"; known are train, val, test'):
        split.make(table(TARGETS), kept={"s3": "exam"})


# ---------------------------------------------------------------------------------------------------- the file


def test_sizes_are_samples_per_class_in_each_part():
    parts = np.array(["train", "train", "val", "test", "out"])
    assert split.sizes(parts, np.array([0, 1, 1, 0, 1]), 3) == {
        "train": [1, 1, 0],
        "val": [0, 1, 0],
        "test": [1, 0, 0],
        "out": [0, 1, 0],
    }


def test_parts_that_are_loaded_are_disjoint_and_complete(tmp_path):
    ids = np.array([f"s{i}" for i in range(30)])
    split.save(tmp_path / "split.parquet", ids, split.make(table(TARGETS)))
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


def test_a_sample_that_is_out_is_in_no_part_that_is_loaded(tmp_path):
    ids, parts = np.array(["a", "b", "c", "d"]), np.array(["train", "val", "test", "out"])
    split.save(tmp_path / "split.parquet", ids, parts)
    positions = split.load(tmp_path / "split.parquet", ids[:3])
    assert {part: where.tolist() for part, where in positions.items()} == {"train": [0], "val": [1], "test": [2]}


def test_a_sample_that_is_gone_is_named(tmp_path):
    split.save(tmp_path / "split.parquet", np.array(["a", "b", "c"]), np.array(["train", "val", "test"]))
    with pytest.raises(ValueError, match="Sample b of the run's split is no longer in the data set"):
        split.load(tmp_path / "split.parquet", np.array(["a", "c"]))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "split.parquet").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"The split in .*split\.parquet cannot be read"):
        split.load(tmp_path / "split.parquet", np.array(["a"]))
