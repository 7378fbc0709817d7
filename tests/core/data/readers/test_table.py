"""A table in a file, and everything that may be wrong with one."""

import gzip
import importlib.util
import pathlib
import re

import numpy as np
import pandas as pd
import pytest

from core import options as settings
from core.data.dataset import Column
from core.data.readers import table
from core.data.readers.table import Options, load, look

TABLES = pathlib.Path(__file__).parents[5] / "shared" / "data" / "tables"
real = pytest.mark.skipif(not TABLES.is_dir(), reason="the public tables are not in ../shared/data/tables")

PEOPLE = "name,age,town,answer\nAda,36,Rome,yes\nAlan,41,Bonn,no\nEmmy,53,Rome,yes\nKurt,?,Bonn,no\n"


@pytest.fixture
def put(tmp_path):
    """put("a.csv", text or bytes) writes a file and returns its path as text."""

    def put(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return put


def rows(n=10, text="{i}.5,{c}\n", head="x,answer\n"):
    return head + "".join(text.format(i=i, c="no" if i % 2 else "yes") for i in range(n))


def notes(dataset):
    return [note.text for note in dataset.notes]


# ---------------------------------------------------------------------------------------------------------- a good one


def test_a_csv_becomes_a_data_set(put):
    dataset = load(put("people.csv", PEOPLE))
    assert (dataset.name, dataset.kind, dataset.classes) == ("people", "table", ("no", "yes"))
    assert dataset.targets.tolist() == [1, 0, 1, 0] and dataset.targets.dtype == np.int64
    assert dataset.ids.tolist() == ["000001", "000002", "000003", "000004"]
    assert dataset.table.columns.tolist() == ["name", "age", "town"]
    assert dataset.columns[1] == Column("age", "number", missing=True)
    assert dataset.columns[2] == Column("town", "category", ("Bonn", "Rome"))
    assert dataset.x[:, 1:].tolist()[0] == [36, 1]
    assert dataset.about.empty and dataset.notes == ()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".data"])
def test_the_content_decides_and_not_the_suffix(put, suffix):
    assert load(put("people" + suffix, PEOPLE.replace(",", "\t"))).classes == ("no", "yes")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_gives_the_same_text(put, encoding):
    dataset = load(put("a.csv", PEOPLE.replace("Rome", "Köln").encode(encoding)))
    assert dataset.columns[2].categories == ("Bonn", "Köln") and dataset.table.columns[0] == "name"


def test_a_letter_that_shows_the_encoding_far_below_is_seen(put):
    text = rows(120_000, "{i}.5,{c}, a town\n", "x,answer,town\n") + "1,no,Köln\n" * 9
    assert len(text) > 1 << 20
    dataset = load(put("a.csv", text.encode("cp1252")), Options(target="answer"))
    assert dataset.columns[1].categories == ("Köln", "a town")


def test_a_gz_is_unpacked(put):
    assert load(put("people.csv.gz", gzip.compress(PEOPLE.encode()))).name == "people"


def test_cells_may_hold_separators_line_ends_and_quotes(put):
    text = 'note,x,answer\n"a, b",1,yes\n"c\nd",2,no\n"e ""f""",3,no\n'
    dataset = load(put("a.csv", text), Options(target="answer"))
    assert dataset.table["note"].tolist() == ["a, b", "c\nd", 'e "f"']


def test_a_space_after_each_comma_is_taken_off_before_quotes_too(put):
    dataset = load(put("a.csv", 'x, note, answer\n1, "a, b", yes\n2, ?, no\n'))
    assert dataset.table["note"].tolist()[0] == "a, b" and dataset.table["note"].isna().tolist() == [False, True]
    assert dataset.classes == ("no", "yes")


def test_a_german_spreadsheet_is_read(put):
    dataset = load(put("a.csv", "größe;preis;klasse\n1,5;1.234,50;a\n2,5;99,90;b\n".encode("cp1252")))
    assert dataset.table["preis"].tolist() == [1234.5, 99.9] and dataset.table.columns[0] == "größe"


def test_a_table_without_a_header_gets_names(put):
    dataset = load(put("iris.csv", "5.1,3.5,a\n4.9,3.0,b\n6.1,2.0,a\n"))
    assert [column.name for column in dataset.columns] == ["column 1", "column 2"] and len(dataset) == 3


def test_a_title_above_the_header_is_left_out_and_said(put):
    dataset = load(put("a.csv", "A table of people\n" + PEOPLE))
    assert notes(dataset) == ["1 row with 1 instead of 4 cells left out (line 1)."] and len(dataset) == 4


def test_a_parquet_file_keeps_its_types(tmp_path):
    frame = pd.DataFrame(
        {"n": [1, 2, 3], "flag": [True, False, True], "day": pd.to_datetime(["2021-01-03", None, "2021-01-05"])}
    ).assign(word=["a", "b", "a"], lists=[[1], [2], [3]], y=[1.0, 0.0, 1.0])
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = load(str(tmp_path / "a.parquet"))
    assert [column.type for column in dataset.columns] == ["number", "number", "date", "category"]
    assert dataset.classes == ("0", "1") and dataset.targets.tolist() == [1, 0, 1]
    assert notes(dataset)[0] == "It holds lists, records or bytes rather than single values, and is left out."


def test_the_progress_is_told_and_may_stop_the_reading(put):
    seen = []
    load(put("people.csv", PEOPLE), progress=lambda *step: seen.append(step))
    assert seen[0][0] == "Reading the table" and seen[-1] == ("Finding the types", 3, 3)

    def stop(phase, *_):
        if phase == stop.at:
            raise InterruptedError

    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_parquet(pathlib.Path(put("b.parquet", "")))
    for stop.at, name in (
        ("Reading the table", "people.csv"),
        ("Finding the types", "people.csv"),
        ("Reading the table", "b.parquet"),
    ):
        with pytest.raises(InterruptedError):
            load(str(pathlib.Path(put("c", "")).parent / name), progress=stop)


# ---------------------------------------------------------------------------------------------------------- the target


def test_numbers_as_classes_are_in_the_order_of_numbers(put):
    dataset = load(put("a.csv", "x,y\n1.5,10\n2.5,9\n3.5,10\n"))
    assert dataset.classes == ("9", "10") and dataset.targets.tolist() == [1, 0, 1]


def test_rows_without_a_target_are_left_out_and_counted(put):
    dataset = load(put("a.csv", "x,y\n1.5,a\n2.5,\n3.5,b\n4.5,?\n"))
    assert dataset.ids.tolist() == ["000001", "000003"]
    assert notes(dataset)[0] == "2 rows without a target left out."


UNITS = "weight,height,place,y\nkg,cm,town,\n1.5,10,here,a\n2.5,20,there,b\n3.5,11,here,a\n4.5,21,there,b\n"


def test_a_row_of_units_without_a_target_is_said_to_be_one(put):
    dataset = load(put("a.csv", UNITS))
    assert notes(dataset)[0] == "1 row without a target left out; the first seems to hold units (kg, cm)."
    assert [column.type for column in dataset.columns[:2]] == ["number", "number"]
    more = load(put("b.csv", UNITS.replace("2.5,20,there,b", "2.5,20,there,")))
    assert notes(more)[0] == "2 rows without a target left out; the first seems to hold units (kg, cm)."


@pytest.mark.parametrize("first", ["0.5,cm,town,", "?,,town,", "kg,cm,town,a"])
def test_a_first_row_with_numbers_with_nothing_or_with_a_target_holds_no_units(put, first):
    dataset = load(put("a.csv", UNITS.replace("kg,cm,town,", first) + "5.5,,here,\n"))
    assert re.fullmatch(r"[12] rows? without a target left out\.", notes(dataset)[0])


def test_a_class_of_one_row_is_kept_and_said(put):
    dataset = load(put("a.csv", "x,y\n1.5,a\n2.5,a\n3.5,b\n"))
    assert dataset.classes == ("a", "b")
    assert notes(dataset) == ["b has one row, which can be in one part of the split only."]


def test_class_names_may_be_anything(put):
    names = ['<b onload="x">', "a/b/../c", "=1+1", "naïve 🎈", "שלום"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    dataset = load(put("a.csv", "x,y\n" + "".join(f"{i}.5,{quoted[i % 5]}\n" for i in range(10))))
    assert dataset.classes == tuple(sorted(names))


def test_formulas_stay_text(put):
    dataset = load(put("a.csv", "x,note,y\n1,=1+1,a\n2,@cmd,b\n3,=1+1,a\n"))
    assert dataset.columns[1].categories == ("=1+1", "@cmd")


# ------------------------------------------------------------------------------------------------------- what is named


def test_what_the_person_says_of_columns_holds(put):
    path = put("people.csv", PEOPLE)
    dataset = load(path, Options(types={"age": "category", "town": "leave out"}, missing_words="rome"))
    assert dataset.columns[1] == Column("age", "category", ("36", "41", "53"), True)
    assert dataset.left_out[0].reason == "You left it out." and dataset.table["town"].isna().sum() == 2


def test_settings_come_from_plain_values():
    assert settings.from_dict(Options, {"target": "y", "types": {"a": "date"}}).types == {"a": "date"}


def test_an_identifier_gives_the_ids(put):
    text = "customerID,x,y\n" + "".join(f"C-{i:03d},{i}.5,{'ab'[i % 2]}\n" for i in range(20))
    dataset = load(put("a.csv", text))
    assert dataset.ids[0] == "C-000" and dataset.left_out[0].type == "identifier"


@pytest.mark.parametrize("bad", ["", "C-001", "x" * 101, '"a\u0007b"'])
def test_an_identifier_that_is_no_good_for_ids_is_not_taken(put, bad):
    text = "id,x,y\n" + "".join(f"{bad if i == 5 else f'C-{i:03d}'},{i}.5,{'ab'[i % 2]}\n" for i in range(30))
    assert load(put("a.csv", text)).ids[5] == "000006"


def test_a_column_that_gives_the_target_away_is_left_out(put):
    text = "".join(f"{i * 7 % 100}.5,{'ja' if i % 2 else 'nein'},{'yes' if i % 2 else 'no'}\n" for i in range(100))
    dataset = load(put("a.csv", "x,german,answer\n" + text))
    assert [(column.name, column.type) for column in dataset.left_out] == [("german", "category")]
    assert "gives the target away" in dataset.left_out[0].reason


def test_duplicate_and_missing_names_are_made_unique(put):
    dataset = load(put("a.csv", "x,x,,x (2),y\n1,2,3,4,a\n5,6,8,8,b\n"), Options(target="y"))
    assert dataset.table.columns.tolist() == ["x", "x (3)", "column 3", "x (2)"]
    assert notes(dataset)[0] == "x is the name of several columns; this one is now x (3)."


# ----------------------------------------------------------------------------------------------- parts, a second table


def test_a_column_of_parts_is_recognised_left_out_and_kept(put):
    text = "x,split,y\n1.5,Train,a\n2.5,validation,b\n3.5,test,a\n4.5,,b\n5.5,train,b\n"
    dataset = load(put("a.csv", text))
    assert dataset.given_parts.tolist() == ["train", "val", "test", "", "train"]
    assert dataset.left_out[0].reason == "It says which part each row belongs to."
    assert dataset.table.columns.tolist() == ["x", "split"]


def test_a_person_may_say_that_a_column_named_split_is_no_column_of_parts(put):
    path = put("a.csv", "x,split,y\n1.5,train,a\n2.5,test,b\n3.5,train,b\n")
    assert not look(path).reports[1].use and look(path).reports[1].reason == table.SAYS_PART
    dataset = load(path, Options(types={"split": "use"}))
    assert dataset.given_parts is None and dataset.columns[1].name == "split"


def test_a_column_named_split_with_other_words_is_a_column(put):
    dataset = load(put("a.csv", "x,split,y\n1.5,left,a\n2.5,right,b\n3.5,left,b\n"))
    assert dataset.given_parts is None and [column.name for column in dataset.columns] == ["x", "split"]


def test_a_column_of_parts_may_be_named(put):
    path = put("a.csv", "x,use for,y\n1.5,train,a\n2.5,test,b\n3.5,train,b\n")
    assert load(path, Options(split_column="use for")).given_parts.tolist() == ["train", "test", "train"]
    with pytest.raises(ValueError, match=r"x holds '1.5'; a column to split by holds train, val and test only"):
        load(path, Options(split_column="x"))
    with pytest.raises(ValueError, match='no column "used" to split by; near names are use for'):
        load(path, Options(split_column="used"))


def test_a_second_table_is_the_test_part(put):
    second = put("b.csv", "town,age,name,answer\nBern,60,Max,no.\nRome,61,Lise,yes.\n")
    dataset = load(put("people.csv", PEOPLE), Options(test=second))
    assert dataset.given_parts.tolist() == ["", "", "", "", "test", "test"]
    assert dataset.ids.tolist()[3:] == ["000004", "test-000001", "test-000002"]
    assert dataset.classes == ("no", "yes") and dataset.targets.tolist()[4:] == [0, 1]
    assert dataset.table["town"].tolist()[4:] == ["Bern", "Rome"]


def test_a_second_table_may_lack_a_header_where_it_is_as_wide(put):
    dataset = load(put("people.csv", PEOPLE), Options(test=put("b.csv", "Max,60,Bern,no\nLise,61,Rome,yes\n")))
    assert len(dataset) == 6 and dataset.table["name"][4] == "Max"


def test_a_class_of_the_second_table_only_is_said(put):
    dataset = load(put("people.csv", PEOPLE), Options(test=put("b.csv", "name,age,town,answer\nMax,60,Bern,maybe\n")))
    assert notes(dataset) == ["maybe is in the test table only, so it cannot be learnt."]


def test_identifiers_of_two_tables_may_be_the_same(put):
    text = "id,x,y\n" + "".join(f"{i},{i}.5,{'ab'[i % 2]}\n" for i in range(30))
    dataset = load(put("a.csv", text), Options(test=put("b.csv", text)))
    assert dataset.ids[[0, 30]].tolist() == ["0", "test-0"]


def test_a_second_table_with_other_columns_is_one_sentence(put):
    second = put("b.csv", "name,age,city,answer\nMax,60,Bern,no\n")
    with pytest.raises(ValueError, match=r"b.csv lacks town and has city beside; .* same columns as people.csv"):
        load(put("people.csv", PEOPLE), Options(test=second))


# -------------------------------------------------------------------------------------------------------------- ragged


def test_ragged_rows_are_left_out_and_their_lines_are_named(put):
    lines = rows(40).splitlines()
    lines[5] += ",more"
    lines[9] = "only"
    lines.insert(3, "")
    dataset = load(put("a.csv", "\n".join(lines)))
    assert len(dataset) == 38
    assert notes(dataset)[0] == "2 rows with 1 or 3 instead of 2 cells left out (lines 7, 11)."


def test_many_ragged_rows_are_refused(put):
    with pytest.raises(
        ValueError, match=r"In a.csv, 10 of 31 rows do not have 2 cells .*lines 22, 23, 24, 25, 26 and more"
    ):
        load(put("a.csv", rows(20) + "1,2,3\n" * 10))


def test_a_header_of_another_length_is_refused(put):
    with pytest.raises(ValueError, match=r"a.csv has 2 names in its header but 3 cells in its rows"):
        load(put("a.csv", rows(20, "r,{i}.5,{c}\n")))


@pytest.mark.parametrize("broken", ['"1.5,yes\n', '1.5,"yes\n'])
def test_a_quote_that_is_never_closed_is_refused_and_may_be_read_without(put, broken):
    path = put("a.csv", rows(30) + broken + rows(30, head=""))
    with pytest.raises(ValueError, match=r"a quote .* is opened and never closed"):
        load(path, Options(target="answer"))
    assert len(load(path, Options(target="answer", quote="none"))) == 61


def test_a_look_at_a_part_takes_a_cell_of_two_lines_for_no_open_quote(put):
    path = put("a.csv", "x,note,y\n" + '1.5,a,"yes\nno"\n' * 30_000 + "2,b,no\n" * 200_000)
    assert look(path, Options(target="y")).problem == ""


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("", {}, "a.csv is empty; it needs a header line and rows of data."),
        (" \n\n", {}, "a.csv is empty; it needs a header line and rows of data."),
        ("a,b,c\n", {}, "a.csv has only a header line; it needs rows of data under it."),
        ("a\n1\n2\n", {}, "a.csv has one column"),
        ("x,y\n1.5,a\n2.5,a\n", {"target": "y"}, "y of a.csv has only one class, 'a'; it needs at least two"),
        ("x,y\n1.5,\n2.5,?\n", {"target": "y"}, "y of a.csv is missing in every row; choose another target."),
        (PEOPLE, {"target": "anwser"}, 'a.csv has no column "anwser"; near names are answer.'),
        (PEOPLE, {"target": "Q"}, 'a.csv has no column "Q"; there are name, age, town, answer.'),
        (PEOPLE, {"types": {"answer": "date"}}, "answer is the target, so it can have no type of its own"),
        (PEOPLE, {"types": {"twon": "date"}}, 'There is no column "twon" to have a type; near names are town'),
        (PEOPLE, {"types": {"town": "number"}}, "town is said to be a number, but none of its cells is one"),
        (rows(40), {"target": "x"}, "x of a.csv has 40 different numbers, as a measurement has"),
        (rows(1001, "{c},w{i}\n"), {"target": "answer"}, "answer of a.csv has 1,001 different values; at most 1,000"),
        (
            rows(20, "7,{c}\n"),
            {},
            "a.csv has no column to learn from (x: Every row has the same value, '7'); say \"use\"",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00", {}, "a.csv is not a text table: it holds binary data"),
        (",".join(f"c{i}" for i in range(10_001)) + "\n", {}, "a.csv has 10,001 columns; at most 10,000 can be read"),
        (PEOPLE, {"encoding": "utf-16"}, "a.csv cannot be read as utf-16; choose another encoding."),
    ],
)
def test_bad_input_gets_one_sentence(put, content, options, sentence):
    with pytest.raises(ValueError) as error:
        load(put("a.csv", content), Options(**options))
    assert sentence in str(error.value) and str(error.value).endswith(".") and "\n" not in str(error.value)


def test_a_gz_that_is_cut_off_gets_one_sentence(put):
    packed = gzip.compress(np.random.default_rng(0).bytes(1000).hex().encode() + rows(5000).encode())
    with pytest.raises(ValueError, match=r"a.csv.gz is damaged or cut off"):
        load(put("a.csv.gz", packed[: len(packed) // 2]))
    with pytest.raises(ValueError, match=r"damaged|binary"):
        load(put("b.csv.gz", packed[:4]))


def test_a_gz_that_unpacks_to_too_much_is_stopped(put, monkeypatch):
    monkeypatch.setattr("core.data.tables.text_files.MOST_BYTES", 1 << 21)
    with pytest.raises(ValueError, match=r"is larger than"):
        load(put("a.csv.gz", gzip.compress(rows(400_000).encode())))


def test_a_folder_and_a_file_that_is_not_there_get_one_sentence(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=r"photos is a folder; choose one table file in it"):
        load(str(tmp_path / "photos"))
    with pytest.raises(ValueError, match=r"x.csv is not there; check the path"):
        load(str(tmp_path / "x.csv"))


def test_a_file_that_is_no_parquet_gets_one_sentence(put):
    with pytest.raises(ValueError, match=r"a.parquet is no Parquet file that can be read"):
        load(put("a.parquet", PEOPLE))


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is not None, reason="openpyxl is installed")
def test_a_workbook_says_what_to_do(put):
    with pytest.raises(ValueError, match=r"a.xlsx is a spreadsheet.*save it as CSV, or install openpyxl"):
        load(put("a.xlsx", b"PK\x03\x04"))


def test_a_look_says_that_no_column_is_left_to_learn_from(put):
    assert "has no column to learn from" in look(put("a.csv", rows(20, "7,{c}\n"))).problem


@pytest.mark.slow
def test_ten_thousand_columns_are_read(put):
    cells = np.random.default_rng(0).normal(size=(50, 9999)).round(3).astype(str)
    text = ",".join(["target", *(f"gene {i}" for i in range(9999))]) + "\n"
    text += "".join(f"{'ab'[i % 2]},{','.join(row)}\n" for i, row in enumerate(cells))
    assert len(load(put("a.csv", text)).columns) == 9999


# ---------------------------------------------------------------------------------------------------------------- look


def test_a_look_shows_the_dialect_the_first_rows_the_columns_and_the_target(put):
    found = look(put("people.csv", PEOPLE))
    assert (found.dialect.separator, found.target, found.classes) == (",", "answer", {"no": 2, "yes": 2})
    assert found.names == ("name", "age", "town", "answer") and found.rows[0] == ("Ada", "36", "Rome", "yes")
    assert [report.name for report in found.reports] == ["name", "age", "town"] and found.reports[1].n_missing == 1
    assert (found.n_rows, found.problem) == (4, "")


def test_a_look_says_what_is_wrong_with_the_choice_and_still_shows_the_table(put):
    path = put("people.csv", PEOPLE)
    found = look(path, Options(target="age", types={"age": "number"}))
    assert "age is the target" in found.problem and len(found.reports) == 3
    found = look(path, Options(target="nothing"))
    assert 'no column "nothing"' in found.problem and len(found.reports) == 4 and len(found.rows) == 4


def test_a_look_at_a_long_table_estimates_its_rows(put):
    found = look(put("a.csv", rows(300_000)), Options(target="answer"))
    assert abs(found.n_rows - 300_000) < 30_000 and sum(found.classes.values()) == table.LOOK_ROWS


def test_a_look_at_a_table_ordered_by_class_is_not_afraid_of_one_class(put):
    found = look(put("a.csv", "x,y\n" + "1.5,a\n" * 200_000 + "2.5,b\n" * 200_000), Options(target="y"))
    assert found.problem == "" and found.classes == {"a": 20_000}


# ----------------------------------------------------------------------------------------------------------- real data


def types(dataset):
    return {column.name: column.type for column in (*dataset.columns, *dataset.left_out)}


@real
def test_titanic():
    dataset = load(str(TABLES / "titanic.csv"))
    assert (dataset.classes, len(dataset), dataset.ids[0]) == (("0", "1"), 891, "1")
    assert {c.name for c in dataset.left_out} == {"PassengerId", "Name", "Ticket", "Cabin"}
    assert types(dataset)["PassengerId"] == "identifier" and types(dataset)["Pclass"] == "number"


@real
def test_telco_churn():
    dataset = load(str(TABLES / "telco-churn.csv"))
    assert [c.name for c in dataset.left_out] == ["customerID"] and dataset.classes == ("No", "Yes")
    assert types(dataset)["TotalCharges"] == "number" and dataset.table["TotalCharges"].isna().sum() == 11


@real
def test_penguins():
    dataset = load(str(TABLES / "penguins.csv"))
    assert dataset.classes == ("Adelie", "Chinstrap", "Gentoo") and dataset.left_out == ()


@real
def test_adult_with_its_own_test_file():
    dataset = load(str(TABLES / "adult.data"), Options(test=str(TABLES / "adult.test")))
    assert (dataset.classes, len(dataset), dataset.left_out) == (("<=50K", ">50K"), 48842, ())
    assert (dataset.given_parts == "test").sum() == 16281
    assert types(dataset)["fnlwgt"] == "number"
    assert dataset.table["occupation"].isna().sum() == 1843 + 966
