"""How a text table is written."""

import pytest

from core.data.tables import dialect
from core.data.tables.dialect import Dialect, detect

ROWS = "name,age\nAda,36\nAlan,41\n"


def test_a_plain_csv_is_utf8_with_commas_quotes_points_and_a_header():
    assert detect(ROWS.encode()) == Dialect("utf-8", ",", '"', True, ".")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator):
    assert detect(ROWS.replace(",", separator).encode()).separator == separator


def test_commas_in_quoted_cells_do_not_hide_a_semicolon():
    head = b'name;place;age\n"Lovelace, Ada";"London, W";36\n"Turing, Alan";"London, E";41\n'
    assert detect(head).separator == ";"


def test_a_decimal_comma_goes_with_a_semicolon():
    found = detect(b"a;b;c\n1,5;2,25;x\n3,5;4,75;y\n")
    assert (found.separator, found.decimal) == (";", ",")


def test_two_columns_of_decimal_commas_without_a_header_are_two_columns():
    found = detect(b"1,5;2,25\n3,5;4,75\n")
    assert (found.separator, found.decimal, found.header) == (";", ",", False)


def test_a_thousands_comma_is_no_decimal_comma():
    assert detect(b"a;b\n1,234;x\n5,678;y\n").decimal == "."


def test_a_decimal_comma_is_not_looked_for_where_the_comma_separates():
    assert detect(b'a,b\n"1,5",x\n"2,5",y\n').decimal == "."


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (b"\xef\xbb\xbf" + ROWS.encode(), "utf-8-sig"),
        (ROWS.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + ROWS.encode("utf-16-be"), "utf-16"),
        ("name,town\nAda,Köln\nAlan,Łódź\n".encode(), "utf-8"),
        ("name,town\nAda,Köln\nAlan,5 €\n".encode("cp1252"), "cp1252"),
        (b"name,town\nAda,K\xf6ln\x81\n", "latin-1"),
    ],
    ids=["utf-8 with mark", "utf-16", "utf-16 big", "utf-8", "cp1252", "latin-1"],
)
def test_the_encoding_is_found(encoded, encoding):
    found = detect(encoded)
    assert found.encoding == encoding
    assert dialect.decode(encoded, found.encoding).startswith("name,")


def test_a_letter_cut_in_two_at_the_end_does_not_hide_utf8():
    assert detect("name,town\nAda,Kö".encode()[:-1]).encoding == "utf-8"


def test_cells_between_apostrophes_are_quoted():
    assert detect(b"'name','note'\n'Ada','a, b'\n'Alan','c, d'\n").quote == "'"


def test_an_apostrophe_in_a_word_is_no_quote():
    assert detect(b"name,age\nO'Neill,36\nD'Arcy,41\n").quote == '"'


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("x,y\n1,2\n3,4\n", True),
        ("1,2\n3,4\n", False),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", False),
        ("colour,answer\nred,yes\nblue,no\nred,no\n", True),
        ("red,yes\nblue,no\nred,no\n", False),
        (",x,y\n0,1,2\n1,3,4\n", True),
        ("x,x,y\n1,2,3\n4,5,6\n", True),
        ("0,1,2,3\n5.5,6,7,a\n8.5,9,1,b\n", True),
        ("country,2019,2020,2021\nA,5,6,8\nB,2,9,4\n", True),
        ("?,39,yes\n50,?,no\n38,40,yes\n", False),
        ("a,b,c\n", True),
        ("1,2,3\n", False),
    ],
)
def test_a_header_is_text_over_numbers_or_text_that_does_not_come_again(text, header):
    assert detect(text.encode()).header is header


def test_a_space_after_each_comma_is_taken_off():
    assert dialect.records('a, b\n1, "x, y"\n', ",", '"') == [["a", "b"], ["1", "x, y"]]


def test_what_is_given_is_taken_as_it_is():
    found = detect(ROWS.encode(), encoding="cp1252", separator=";", quote="none", header="no", decimal=",")
    assert found == Dialect("cp1252", ";", "", False, ",")


def test_a_tab_may_be_written_as_a_word():
    assert detect(b"a\tb\n1\t2\n", separator="tab").separator == "\t"


@pytest.mark.parametrize(
    ("head", "given", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", {}, "p.csv is not a text table: it holds binary data"),
        (bytes(range(1, 32)) * 10, {}, "it holds binary data"),
        (b"a,b\n\xff,1\n", {"encoding": "utf-8"}, "p.csv cannot be read as utf-8; choose another encoding"),
        (ROWS.encode(), {"encoding": "klingon"}, "There is no encoding 'klingon'"),
        (ROWS.encode(), {"encoding": "base64"}, "encoding"),
        (ROWS.encode(), {"separator": "ab"}, "The separator is 'ab'; it must be one sign"),
        (ROWS.encode(), {"separator": '"', "quote": '"'}, "must differ"),
        (ROWS.encode(), {"decimal": "x"}, "The decimal sign is 'x'"),
    ],
)
def test_what_cannot_be_is_one_sentence(head, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        detect(head, name="p.csv", **given)


def test_a_cell_without_end_does_not_stop_the_look_at_the_rows_before_it():
    text = "a,b\n1,2\n3,4\n" + '"' + "x" * 200_000
    assert dialect.records(text, ",", '"')[:3] == [["a", "b"], ["1", "2"], ["3", "4"]]
