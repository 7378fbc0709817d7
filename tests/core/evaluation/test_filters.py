"""A person's own slice, as a text."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation import filters

TABLE = pd.DataFrame(
    {
        "age": [20.0, 31.0, 45.0, np.nan],
        "sex": ["male", "female", "male", None],
        "home town": ["Rome", "New York", "Oslo", ""],
        "since": pd.to_datetime(["2020-01-01", "2021-06-01", None, "2022-01-01"]),
        "paid": [True, False, True, True],
        "not": ["a", 'b"c', "d\\e", "and"],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3]),
        ("age > 30", [1, 2]),
        ("age >= 31 and age<=31", [1]),
        ("age=45", [2]),
        ("age != 45", [0, 1]),
        ("age == 2e1", [0]),
        ("sex = male", [0, 2]),
        ("sex != male", [1]),
        ("not (sex = male)", [1, 3]),
        ("sex is male", [0, 2]),
        ("sex is not male", [1]),
        ("sex is missing or age is missing", [3]),
        ("`home town` is not missing", [0, 1, 2]),
        ("\"home town\" in (Rome, 'New York')", [0, 1]),
        ("`home town` not in (Rome)", [1, 2]),
        ("age in (20, 45)", [0, 2]),
        ("age not in (20, 45)", [1]),
        ('age > 30 and sex = male and not (`home town` in (Rome, "New York"))', [2]),
        ("age = 20 or age = 31 and sex = male", [0]),
        ("(age = 20 or age = 31) and sex = female", [1]),
        ("NOT age > 30 AND NOT age IS MISSING", [0]),
        ("since >= 2021-06-01", [1, 3]),
        ("paid = true and age < 40", [0]),
        ('`not` = "b\\"c"', [1]),
        ('`not` = "d\\\\e"', [2]),
        ('`not` = "and"', [3]),
        ("sex = nobody", []),
    ],
)
def test_a_filter_fits_the_rows_it_says(text, rows):
    assert np.flatnonzero(filters.mask(TABLE, text)).tolist() == rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("agee > 3", r'There is no column "agee"; there are age, sex, home town, since, paid, not. Did you mean age\?'),
        ("age >", "The filter ends too early; it needs a value there"),
        ("and", 'not understood at "and" .character 1.; it needs the name of a column there'),
        ("age > 3 sex = male", 'not understood at "sex" .character 9.; it needs "and" or "or" there'),
        ("sex = New York", 'not understood at "York" .character 11.; .* quotes, as in "New York"'),
        ("(age > 3", r'ends too early; it needs "\)" there'),
        ("age > 3)", r'not understood at "\)"'),
        ("age in 3", r'it needs "\(" there'),
        ('sex = "male', 'from character 7 on, "male; a quote that opens must close'),
        ("age ! 3", "comparisons are =, !=, <, <=, > and >="),
        ("age > abc", 'age is a column of numbers; "abc" is none'),
        ("age > nan", 'age is a column of numbers; "nan" is none'),
        ("since > abc", 'since is a column of dates, such as 2020-01-31; "abc" is none'),
        ("sex < male", "sex is a column of text, which < cannot compare; use =, != or in"),
        ("(" * 5000 + "age > 3", "more than 50 brackets"),
        ("not " * 2000 + "age > 3", "more than 50 brackets"),
        ("age > 3 and " * 5000, "The filter has 60,000 characters; use 10,000 or fewer"),
        ("__import__('os').system('true')", 'There is no column "__import__"'),
    ],
)
def test_what_is_not_understood_is_said_in_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        filters.mask(TABLE, text)


def test_a_name_with_a_backtick_is_written_with_two():
    table = pd.DataFrame({"a`b": [1, 2]})
    assert filters.mask(table, "`a``b` > 1").tolist() == [False, True]
