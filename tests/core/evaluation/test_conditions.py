"""Conditions on the columns of a table."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation import conditions, filters

TABLE = pd.DataFrame(
    {
        "age": [20.0, 31.5, 45.0, np.nan, np.inf, 60.0],
        "town": pd.Series(["Rome", "", None, "Oslo", "Rome", 'a"b'], dtype=object),
        "kind": pd.Categorical(["a", "b", None, "a", "b", "a"]),
        "paid": [True, False, True, True, False, False],
        "rooms": pd.array([1, 2, None, 2, 1, 3], dtype="Int64"),
        "since": pd.to_datetime([f"{year}-01-01 12:00" if year != 2022 else None for year in range(2020, 2026)]),
    }
)


@pytest.mark.parametrize("dates", ["datetime64[s]", "datetime64[ns]", "datetime64[ns, UTC]"])
def test_every_condition_fits_the_rows_it_was_made_for_in_values_and_in_words(dates):
    table = TABLE.astype({"since": dates} if "UTC" not in dates else {})
    if "UTC" in dates:
        table["since"] = table["since"].dt.tz_localize("UTC")
    atoms = conditions.of_table(table, 1, 1.0)
    assert {(atom.where["column"], atom.where["kind"]) for atom in atoms} == {
        ("age", "missing"),
        ("age", "is"),
        ("town", "missing"),
        ("town", "is"),
        ("kind", "missing"),
        ("kind", "is"),
        ("paid", "is"),
        ("rooms", "missing"),
        ("rooms", "is"),
        ("since", "missing"),
        ("since", "is"),
    }
    for atom in atoms:
        np.testing.assert_array_equal(conditions.mask(table, [atom.where]), atom.member)
        np.testing.assert_array_equal(filters.mask(table, conditions.filter_text([atom.where])), atom.member)


def test_many_values_become_ranges_that_fit_the_same_rows_in_values_and_in_words():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "small": rng.normal(size=500) / 1e6,
            "skewed": np.where(rng.random(500) < 0.6, 0, rng.lognormal(size=500)),
            "whole": rng.integers(-50, 50, 500),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, 500), "s"),
        }
    )
    atoms = conditions.of_table(table, 1, 1.0)
    assert {atom.where["kind"] for atom in atoms} == {"between"}
    for atom in atoms:
        np.testing.assert_array_equal(conditions.mask(table, [atom.where]), atom.member)
        np.testing.assert_array_equal(filters.mask(table, conditions.filter_text([atom.where])), atom.member)


def test_conditions_that_fit_too_few_or_too_many_are_not_made():
    table = pd.DataFrame({"town": ["Rome"] * 90 + ["Oslo"] * 9 + ["Lima"]})
    made = conditions.of_table(table, 2, 0.75)
    assert [atom.where["value"] for atom in made] == ["Oslo"]


def test_bounds_have_the_fewest_digits_that_part_the_same():
    values = pd.Series([0.123456, 0.2])
    assert conditions._plain(0.123456, values, below=0.2) == 0.13
    assert conditions._plain(0.123456, values, above=0.1) == 0.12
    assert conditions._plain(0.123456, values, above=0.1234) == 0.12345
    assert conditions._plain(5.0, values, above=4.0) == 5
    assert conditions._plain(1234.0, values, above=1233.0) == 1234


def test_conditions_are_said_in_words():
    where = [
        {"column": "contract", "kind": "is", "value": "Month-to-month"},
        {"column": "tenure", "kind": "between", "low": 1, "high": 5},
        {"column": "since", "kind": "between", "low": "2020-01-01T00:00:00", "high": None},
        {"column": "until", "kind": "between", "low": None, "high": "2020-02-01T12:00:00"},
    ]
    said = "contract is Month-to-month and tenure from 1 to 5 and since from 2020-01-01 on and until up to "
    said += "2020-02-01T12:00:00"
    assert conditions.describe(where) == said


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"column": "home", "kind": "missing"}, 'no column "home" in the data; there are age, town, kind'),
        ({"column": "age", "kind": "like"}, 'of the kind "like"; it must be is, between or missing'),
        ({"column": "town", "kind": "between", "low": 1, "high": 2}, "town is a column of text, which has no range"),
        ({"column": "age", "kind": "is", "value": "old"}, 'age is a column of numbers; "old" is none'),
        ({"column": "since", "kind": "is", "value": "old"}, 'since is a column of dates; "old" is none'),
    ],
)
def test_a_condition_that_cannot_be_is_refused(condition, sentence):
    with pytest.raises(ValueError, match=sentence):
        conditions.mask(TABLE, [condition])
