"""What each column of a table is."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.data.tables.columns import convert, infer, neutral
from core.data.tables.target import gives_away, guess_target, is_measurement


def one(cells, name="x", **settings):
    """Report and values of a column of text."""
    reports, frame = convert(pa.table({name: pa.array(cells, pa.string())}), **settings)
    return reports[0], frame[name]


def many(n, make=str):
    return [make(i) for i in range(n)]


# ----------------------------------------------------------------------------------------------------- missing


def test_blank_and_the_usual_words_are_missing():
    report, values = one(["1", "", "  ", "NA", "n/a", "NaN", "NULL", "None", "?", "-", "2", None])
    assert (report.type, report.n_missing, report.n_bad) == ("number", 10, 0)
    assert values.dropna().tolist() == [1, 2]


def test_a_word_that_the_person_names_is_missing_too():
    assert one(["a", "Unknown", "b"], missing_words=("unknown",))[0].n_missing == 1
    assert one(["a", "Unknown", "b"])[0].n_missing == 0


# ----------------------------------------------------------------------------------------------------- numbers


def test_numbers_stored_as_text_are_numbers_and_bad_cells_are_counted():
    report, values = one([*many(39), "abc"])
    assert (report.type, report.n_bad, report.use) == ("number", 1, True)
    assert report.note == "1 cell is no number ('abc'); it counts as missing."
    assert np.isnan(values[39]) and values[38] == 38


def test_a_column_with_many_words_among_its_numbers_is_none_of_numbers():
    assert one(["1", "2", "a", "b", "1", "a"])[0].type == "category"


@pytest.mark.parametrize(
    ("cells", "decimal", "expected"),
    [
        (["1,234.5", "1,000,000", "7"], ".", [1234.5, 1e6, 7]),
        (["1.234,5", "1.000.000", "7"], ",", [1234.5, 1e6, 7]),
        (["1,5", "2,25", "-3"], ",", [1.5, 2.25, -3]),
        (["1,5", "2,25", "-3"], ".", [1.5, 2.25, -3]),
        (["$5", "$1,000.50", "-$3"], ".", [5, 1000.5, -3]),
        (["5 €", "7,5 €", "1"], ",", [5, 7.5, 1]),
        (["45%", "3.5 %", "100%"], ".", [45, 3.5, 100]),
        (["1e3", "-2.5E-1", "+.5"], ".", [1000, -0.25, 0.5]),
        (["1 234", "5 678", "9"], ".", [1234, 5678, 9]),
        (["\u22125", "\u22126", "7"], ".", [-5, -6, 7]),
    ],
)
def test_numbers_as_people_write_them(cells, decimal, expected):
    report, values = one(cells, decimal=decimal)
    assert (report.type, values.tolist()) == ("number", expected)


def test_per_cent_and_plain_numbers_are_not_mixed():
    report, values = one([*(f"{i}%" for i in range(1, 40)), "0.5"])
    assert report.n_bad == 1 and np.isnan(values[39])


def test_infinity_is_no_number():
    report, values = one([*many(39), "inf"])
    assert report.n_bad == 1 and np.isnan(values[39])


def test_zero_and_one_and_few_whole_numbers_stay_numbers():
    assert one(["0", "1", "1", "0"])[0].type == "number"
    assert one(["1", "2", "3"] * 50, name="Pclass")[0].type == "number"


def test_digits_of_one_length_with_zeros_in_front_are_codes():
    report, values = one(["01234", "90210", "00501"] * 3, name="zip")
    assert (report.type, report.categories) == ("category", ("00501", "01234", "90210"))
    assert values.tolist()[0] == "01234"


# ------------------------------------------------------------------------------------------------------- dates

JANUARY_3 = pd.Timestamp("2021-01-03")


@pytest.mark.parametrize(
    "cells",
    [
        ["2021-01-03", "2021-12-31"],
        ["2021/1/3", "2021/12/31"],
        ["03.01.2021", "31.12.2021"],
        ["1/3/2021", "12/31/2021"],
        ["3/1/21", "31/12/21"],
        ["3 Jan 2021", "31 December 2021"],
        ["Jan 3, 2021", "December 31st, 2021"],
        ["2021-01-03T00:00:00Z", "2021-12-31T01:00:00+01:00"],
        ["1/3/2021 12:00 AM", "12/31/2021 12:00 AM"],
    ],
)
def test_dates_in_their_usual_orders(cells):
    report, values = one(cells)
    assert (report.type, report.note) == ("date", "")
    assert values.tolist() == [JANUARY_3, pd.Timestamp("2021-12-31")]
    assert values.dtype == "datetime64[ns]"


def test_times_are_kept():
    assert one(["2021-01-03 14:05:06.5", "2021-01-04 00:00"])[1][0] == pd.Timestamp("2021-01-03 14:05:06.5")


def test_day_and_month_that_cannot_be_told_apart_are_said():
    report, values = one(["03.01.2021", "04.02.2021"])
    assert values[0] == JANUARY_3
    assert report.note == "Day and month may be the other way round; they were read as day, month."


def test_the_first_of_each_month_is_seen():
    report, values = one([f"{month}/1/2021" for month in range(1, 13)])
    assert values[2] == pd.Timestamp("2021-03-01") and "month, day" in report.note


def test_one_late_day_decides_for_the_whole_column():
    assert one([*["01/02/2021"] * 30, "25/02/2021"])[1][0] == pd.Timestamp("2021-02-01")


def test_a_day_that_is_not_in_the_calendar_is_a_bad_cell():
    report, values = one([*(f"2021-01-{day:02d}" for day in range(1, 31)), "2021-02-30"])
    assert (report.type, report.n_bad) == ("date", 1)
    assert values.isna().tolist() == [False] * 30 + [True]


def test_the_year_9999_is_a_bad_cell():
    assert one([*(f"2021-01-{day:02d}" for day in range(1, 31)), "9999-12-31"])[0].n_bad == 1


# ------------------------------------------------------------------------------ categories, text and what is left out


def test_categories_are_ordered_by_text():
    report, values = one(["b", "a", "", "b", "C"])
    assert (report.type, report.use, report.categories, report.n_missing) == ("category", True, ("C", "a", "b"), 1)
    assert list(values.cat.categories) == ["C", "a", "b"] and values.cat.codes.tolist() == [2, 1, -1, 2, 0]


def test_text_that_is_mostly_different_is_text_and_left_out():
    report, values = one([f"a story of {word}" for word in "abcdefghijklm"])
    assert (report.type, report.use) == ("text", False)
    assert report.reason == "It has 13 different texts in 13 rows; free text is not read."
    assert values[0] == "a story of a"


def test_more_than_a_thousand_categories_are_text():
    cells = [f"w{'x' * (i % 3)} {i}" for i in range(1001)] * 3
    assert one(cells)[0].reason == "It has 1,001 different texts; a category has at most 1,000."


def test_a_person_may_make_a_category_of_it_and_its_most_frequent_values_are_known():
    cells = [f"w{i}" for i in range(1001)] * 3 + ["w0"]
    report, values = one(cells, overrides={"x": "category"})
    assert (report.type, report.use, len(report.categories)) == ("category", True, 1000)
    assert "w0" in report.categories and "1,000 most frequent" in report.note and len(values.cat.categories) == 1001


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("PassengerId", many(30, lambda i: str(i + 1))),
        ("customerID", [f"{i:04d}-ABCDE" for i in range(30)]),
        ("user_id", many(30, lambda i: str(i * i + 7))),
        ("", many(30)),
        ("line", many(30)),
        ("userid", many(30, lambda i: str(i * i + 7))),
        ("code", [f"QX{i * 37}" for i in range(30)]),
        ("patient_id", [*many(28), "3", "4", *many(20, lambda i: str(i + 40))]),
    ],
)
def test_an_identifier_is_found_and_left_out(name, cells):
    report, values = one(cells, name=name)
    assert (report.type, report.use) == ("identifier", False)
    assert "as an identifier has" in report.reason
    assert values.tolist() == cells


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("weight", many(30, lambda i: str(i * i * 13 + 7000))),
        ("id_score", many(30, lambda i: f"{i}.5")),
        ("amount paid", many(30, lambda i: str(i * i + 7))),
        ("year", many(30, lambda i: str(i + 1950))),
        ("lap", ["1", "2", "3", "4"]),
    ],
)
def test_a_measurement_is_no_identifier(name, cells):
    assert one(cells, name=name)[0].type == "number"


def test_a_code_that_often_comes_again_is_a_category():
    assert one(["17", "4", "99"] * 20, name="store_id")[0].type == "category"


def test_a_second_file_may_count_its_rows_anew():
    cells = many(30) + many(30)
    assert one(cells, name="line", n_first=30)[0].type == "identifier"
    assert one(cells, name="line")[0].type == "number"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["a", "a ", "a"], "Every row has the same value, 'a'."),
        (["7", "7"], "Every row has the same value, '7'."),
        (["", "?", "NA"], "It has no value in any row."),
    ],
)
def test_a_constant_is_left_out(cells, reason):
    report, _ = one(cells)
    assert (report.type, report.use, report.reason) == ("constant", False, reason)


def test_one_value_and_missing_cells_are_no_constant():
    assert one(["a", "", "a"])[0].type == "category"


# -------------------------------------------------------------------------------------------------- what a person says


def test_a_person_may_say_what_a_column_is():
    cells = ["1", "2", "3", "x"]
    assert one(cells, overrides={"x": "number"})[0].n_bad == 1
    assert one(cells, overrides={"x": "category"})[0].categories == ("1", "2", "3", "x")
    assert one(["20.1.2021", "x"], overrides={"x": "date"})[1].notna().tolist() == [True, False]
    report, _ = one(["1", "2", "1"], overrides={"x": "identifier"})
    assert (report.type, report.use, report.reason) == ("identifier", False, "You said that its type is identifier.")


def test_a_person_may_leave_a_column_out_or_use_it_all_the_same():
    report, _ = one(["1", "2", "1"], overrides={"x": "leave out"})
    assert (report.type, report.use, report.reason) == ("number", False, "You left it out.")
    report, values = one(many(30), name="id", overrides={"id": "use"})
    assert (report.type, report.use, values[29]) == ("number", True, 29)
    assert one([f"a story of {i} {'x' * i}" for i in range(30)], overrides={"x": "use"})[0].type == "category"


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [("number", "x is said to be a number, but none of its cells is one"), ("colour", "x is said to be 'colour'")],
)
def test_what_a_column_cannot_be_is_one_sentence(wish, sentence):
    with pytest.raises(ValueError, match=sentence):
        one(["a", "b"], overrides={"x": wish})


# ----------------------------------------------------------------------------------------------------- typed columns


def test_columns_that_have_a_type_keep_it():
    table = pa.table(
        {
            "whole": pa.array([1, None, 3], pa.int64()),
            "flag": pa.array([True, False, None]),
            "day": pa.array([datetime.date(2021, 1, 3), None, datetime.date(9999, 1, 1)]),
            "moment": pa.array([pd.Timestamp(f"2021-01-0{day} 01:00", tz="Europe/Berlin") for day in (3, 4, 5)]),
            "word": pa.array(["a", "b", "a"]).dictionary_encode(),
            "share": pa.array([0.5, float("nan"), float("inf")]),
        }
    )
    reports, frame = convert(table)
    types = {report.name: report.type for report in reports}
    assert list(types.values()) == ["number", "number", "date", "date", "category", "number"]
    assert frame["whole"].dtype == "float64" and frame["flag"].tolist()[:2] == [1, 0]
    assert frame["day"].tolist()[0] == JANUARY_3 and frame["day"].isna().tolist() == [False, True, True]
    assert frame["moment"][0] == JANUARY_3
    assert {report.name: report.n_missing for report in reports}["share"] == 2


def test_a_data_frame_is_read_as_well():
    reports = infer(pd.DataFrame({"a": ["1", "2", "2"], "b": ["x", "y", None]}))
    assert [report.type for report in reports] == ["number", "category"]


# ---------------------------------------------------------------------------------------- what gives the target away

Y = np.random.default_rng(0).integers(0, 2, 400)


@pytest.mark.parametrize(
    "values",
    [
        Y.astype(float),
        np.where(Y == 1, "yes", "no"),
        pd.Categorical(np.where(Y == 1, "yes", "no")),
        Y + np.linspace(0, 0.9, 400),
        np.where(Y == 1, np.nan, np.linspace(0, 1, 400)),
        pd.Series(np.datetime64("2020-01-01") + (Y * 1000 + np.arange(400)).astype("m8[D]")),
        pd.Series(np.where(Y == 1, "x", None)),
    ],
    ids=["copy", "words", "categories", "two ranges", "missing", "dates", "only if known"],
)
def test_a_column_that_gives_the_target_away_scores_one(values):
    assert gives_away(values, Y) == 1


def test_noise_scores_nothing_and_neither_do_twins():
    noise = np.random.default_rng(1).random(400)
    assert gives_away(noise, Y) < 0.2
    assert gives_away(np.repeat(noise[:200], 2), np.repeat(Y[:200], 2)) < 0.2


def test_a_value_of_each_rows_own_tells_nothing_of_other_rows():
    assert gives_away([f"code {i}" for i in range(400)], Y) == 0


def test_a_rare_class_is_not_given_away_by_being_rare():
    rare = (np.arange(400) < 2).astype(int)
    assert gives_away(np.zeros(400), rare) == 0


def test_of_few_rows_nothing_is_said():
    assert gives_away(Y[:40].astype(float), Y[:40]) == 0


def test_a_share_of_the_mistakes_is_the_score():
    y = np.array([0] * 50 + [1] * 50)
    values = np.array(["a"] * 45 + ["b"] * 55)  # 5 of class 0 under b: 5 mistakes instead of 50
    assert gives_away(values, y) == pytest.approx(0.9)


def test_a_column_that_gives_the_target_away_is_left_out_with_the_figure():
    table = pa.table({"answer": np.where(Y == 1, "ja", "nein"), "noise": np.random.default_rng(1).random(400)})
    answer, noise = infer(table, Y)
    assert not answer.use and answer.type == "category" and noise.use
    assert answer.reason.startswith("It gives the target away: alone it avoids 100.0% of the mistakes")
    assert infer(table, Y, {"answer": "use"})[0].use


def test_a_large_column_is_judged_by_a_part_of_its_rows():
    y = np.arange(50_000) % 2
    assert gives_away(y.astype(float), y) == 1


# ---------------------------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("table", "target"),
    [
        ({"Survived": ["0", "1", "0"], "sex": ["m", "f", "m"]}, "Survived"),
        ({"species": ["a", "b", "a"], "x": ["1", "2", "3"]}, "species"),
        ({"a": ["u", "v"] * 20, "b": ["u", "v"] * 20, "c": many(40)}, "b"),
        ({"class": [f"{i}.5" for i in range(40)], "b": ["u", "v"] * 20, "c": many(40)}, "b"),
        ({"a": many(40), "c": many(40)}, "c"),
    ],
)
def test_the_likeliest_target_has_a_usual_name_or_is_the_last_column_of_few_values(table, target):
    assert guess_target(pa.table(table)) == target
    assert guess_target(pd.DataFrame(table)) == target


def test_a_measurement_is_no_target():
    assert is_measurement(np.arange(30) + 0.5)
    assert is_measurement(np.arange(200))
    assert not is_measurement(np.repeat(np.arange(10), 5))
    assert not is_measurement(np.repeat([0.5, 1.0], 30))


# -------------------------------------------------------------------------------------------------------------- export


def test_formulas_are_made_neutral_and_numbers_stay():
    frame = pd.DataFrame(
        {
            "=a": ["=1+1", "@cmd", "-3", "+x", "\tx", "-1,5"],
            "n": [-1.0, 2, 3, 4, 5, np.nan],
            "c": pd.Categorical(["=x", "y", "=x", None, "y", "y"]),
        }
    )
    result = neutral(frame)
    assert result.columns.tolist() == ["'=a", "n", "c"]
    assert result["'=a"].tolist() == ["'=1+1", "'@cmd", "-3", "'+x", "'\tx", "-1,5"]
    assert result["n"].tolist()[:5] == [-1, 2, 3, 4, 5]
    assert result["c"].tolist()[:3] == ["'=x", "y", "'=x"] and pd.isna(result["c"][3])
    assert frame["=a"][0] == "=1+1"
