"""The Dataset value and its store."""

import dataclasses
import os
import threading

import numpy as np
import pandas as pd
import pytest

from core.data import dataset
from core.data.dataset import Column, Schema
from tests.core import toys

MAKERS = [toys.table, toys.images]


# ---------------------------------------------------------------------------------------------------- the value


def test_unequal_numbers_of_samples_targets_and_ids_are_refused():
    with pytest.raises(ValueError, match="iris has 20 samples, 19 targets and 20 ids; it needs as many of each"):
        dataclasses.replace(toys.table(), targets=np.zeros(19, np.int64))


def test_the_schema_of_pictures_is_one_picture():
    assert toys.images().schema == Schema("image", (1, 2, 3), ("dark", "light"))


def test_the_schema_of_a_table_is_its_columns():
    assert toys.table().schema == Schema("table", (3,), ("no", "yes"), toys.MIXED)


@pytest.mark.parametrize("make", MAKERS)
def test_a_schema_survives_its_dictionary(make):
    assert Schema.from_dict(make().schema.to_dict()) == make().schema


def test_a_missing_category_is_minus_one_and_others_are_their_place():
    assert toys.table(n=5).x[:, 1].tolist() == [-1, 0, 1, 2, 0]


def test_an_unseen_category_is_minus_one():
    table = pd.DataFrame({"colour": ["mauve", "red", ""]})
    assert dataset.encode(table, (toys.CATEGORIES[0],)).tolist() == [[-1], [2], [-1]]


@pytest.mark.parametrize(
    "values",
    [
        [1.5, np.nan, -2],
        pd.array([1.5, None, -2], dtype="Float64"),
        np.array([1.5, None, -2], dtype=object),
    ],
    ids=["float", "Float64", "object"],
)
def test_a_missing_number_is_nan(values):
    x = dataset.encode(pd.DataFrame({"a": values}), (Column("a", "number"),))
    np.testing.assert_array_equal(x, np.array([[1.5], [np.nan], [-2]], np.float32))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "Int64", "float32"])
def test_whole_numbers_and_truth_values_are_numbers(dtype):
    x = dataset.encode(pd.DataFrame({"a": [0, 1]}).astype(dtype), (Column("a", "number"),))
    assert (x.dtype, x.tolist()) == (np.float32, [[0], [1]])


def test_columns_are_encoded_in_the_order_of_the_schema():
    table = pd.DataFrame({"b": [2.0], "spare": ["x"], "a": [1.0]})
    assert dataset.encode(table, toys.NUMBERS).tolist() == [[1, 2]]


# ---------------------------------------------------------------------------------------------------- fingerprint


def changed_pixel(d):
    images = d.images.copy()
    images[0, 0, 0, 0] += 1
    return {"images": images}


CHANGES = [
    (toys.images, "a pixel", changed_pixel),
    (toys.images, "the shape", lambda d: {"images": d.images.reshape(6, 1, 3, 2)}),
    (toys.table, "a number", lambda d: {"table": d.table.assign(b=d.table.b + (d.table.index == 3))}),
    (toys.table, "a missing number", lambda d: {"table": d.table.assign(b=d.table.b.mask(d.table.index == 3))}),
    (toys.table, "a category", lambda d: {"table": d.table.assign(colour=d.table.colour.replace("red", "blue"))}),
    (toys.table, "a column name", lambda d: {"columns": (*d.columns[:2], Column("a", "number"))}),
]
for _make in MAKERS:
    CHANGES += [
        (_make, "a target", lambda d: {"targets": np.r_[1 - d.targets[0], d.targets[1:]]}),
        (_make, "an id", lambda d: {"ids": np.r_[["other"], d.ids[1:]]}),
        (_make, "a class name", lambda d: {"classes": ("other", d.classes[1])}),
        (_make, "the order", lambda d: {"ids": d.ids[::-1]}),
    ]


@pytest.mark.parametrize(("make", "what", "change"), CHANGES, ids=[f"{m.__name__}, {what}" for m, what, _ in CHANGES])
def test_a_change_of_content_changes_the_fingerprint(make, what, change):  # noqa: ARG001 (what is for the name)
    before = make()
    assert dataclasses.replace(before, **change(before)).fingerprint != before.fingerprint


@pytest.mark.parametrize("make", MAKERS)
def test_origin_and_licence_are_not_content(make):
    assert dataclasses.replace(make(), origin="elsewhere", licence="other").fingerprint == make().fingerprint


def test_the_fingerprint_does_not_depend_on_how_numbers_are_held():
    given = toys.table()
    held = dataclasses.replace(given, table=given.table.astype({"b": np.int32}), targets=given.targets.astype(np.int8))
    assert held.fingerprint == given.fingerprint


# ---------------------------------------------------------------------------------------------------- the store


@pytest.mark.parametrize("make", MAKERS)
def test_a_stored_data_set_comes_back_as_it_was(tmp_path, make):
    given = make()
    dataset.save(given, tmp_path / "x")
    back = dataset.load(tmp_path / "x")
    facts = ("name", "kind", "classes", "origin", "licence", "columns", "schema", "fingerprint")
    assert [getattr(back, fact) for fact in facts] == [getattr(given, fact) for fact in facts]
    np.testing.assert_array_equal(back.x, given.x)
    np.testing.assert_array_equal(back.targets, given.targets)
    np.testing.assert_array_equal(back.ids, given.ids)


def test_stored_pictures_are_mapped_and_not_read(tmp_path):
    dataset.save(toys.images(), tmp_path / "x")
    assert isinstance(dataset.load(tmp_path / "x").images, np.memmap)


def test_a_data_set_that_is_there_already_is_kept(tmp_path):
    dataset.save(toys.images(n=6), tmp_path / "x")
    dataset.save(toys.images(n=4), tmp_path / "x")
    assert (len(dataset.load(tmp_path / "x")), os.listdir(tmp_path)) == (6, ["x"])


def test_many_writers_at_once_leave_one_whole_data_set(tmp_path):
    faults = []

    def write():
        try:
            dataset.save(toys.table(), tmp_path / "x")
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, os.listdir(tmp_path)) == ([], ["x"])
    assert dataset.load(tmp_path / "x").fingerprint == toys.table().fingerprint


def test_a_data_set_that_cannot_be_stored_leaves_nothing_behind(tmp_path):
    bad = dataclasses.replace(toys.table(n=2), table=pd.DataFrame({"a": [1.0, "one"], "colour": None, "b": 0.0}))
    with pytest.raises(Exception, match="a"):
        dataset.save(bad, tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        dataset.save(toys.table(), tmp_path / "file" / "x")


@pytest.mark.parametrize("content", [None, b"", b"half", "cut"], ids=["missing", "empty", "nonsense", "cut short"])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (toys.images, "dataset.json"),
        (toys.images, "samples.parquet"),
        (toys.images, "images.npy"),
        (toys.table, "table.parquet"),
    ],
)
def test_a_damaged_data_set_is_refused_with_the_folder_to_delete(tmp_path, make, name, content):
    dataset.save(make(), tmp_path / "x")
    file = tmp_path / "x" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-4] if content == "cut" else content)
    with pytest.raises(ValueError) as error:
        dataset.load(tmp_path / "x")
    assert str(error.value).startswith("The stored data set x cannot be read")
    assert str(error.value).endswith(f"delete the folder {tmp_path / 'x'} to make it anew.")


def test_a_row_too_few_in_one_file_is_refused(tmp_path):
    dataset.save(toys.table(), tmp_path / "x")
    toys.table(n=19).table.to_parquet(tmp_path / "x" / "table.parquet")
    with pytest.raises(ValueError, match="19 samples, 20 targets and 20 ids"):
        dataset.load(tmp_path / "x")
