"""The Dataset value and the schema."""

import dataclasses

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


# ---------------------------------------------------------------------------------------------------- the schema


def test_a_date_is_days_since_1970_and_a_missing_one_is_nan():
    table = pd.DataFrame({"when": [pd.Timestamp("1970-01-02"), pd.NaT, pd.Timestamp("1971-01-01 12:00")]})
    x = dataset.encode(table, (Column("when", "date"),))
    np.testing.assert_array_equal(x, np.array([[1], [np.nan], [365.5]], np.float32))


def test_categories_held_as_codes_are_encoded_as_text_is():
    held = pd.DataFrame({"colour": pd.Categorical(["red", None, "blue"], categories=["red", "blue"])})
    assert dataset.encode(held, (toys.CATEGORIES[0],)).tolist() == [[2], [-1], [0]]


def test_a_net_takes_a_value_a_flag_where_some_are_missing_seven_parts_of_a_date_and_a_code():
    columns = (Column("a", "number", missing=True), Column("when", "date"), toys.CATEGORIES[0], Column("b", "number"))
    inputs = toys.table_schema(columns).inputs
    assert [value.kind for value in inputs] == ["value", "flag", *["part"] * 7, "code", "value"]
    assert [value.column for value in inputs] == [0, 0, *[1] * 7, 2, 3]
    assert inputs[9].size == 4  # three colours and the unknown


def test_the_part_that_the_data_gives_is_content():
    given = toys.images()
    parts = [dataclasses.replace(given, about=pd.DataFrame({"part": [part] * 6})) for part in ("train", "test")]
    assert len({given.fingerprint, *(data.fingerprint for data in parts)}) == 3


def test_text_is_the_same_content_whether_held_as_codes_or_not():
    given = toys.table()
    held = dataclasses.replace(given, table=given.table.astype({"colour": "category"}))
    assert held.fingerprint == given.fingerprint
