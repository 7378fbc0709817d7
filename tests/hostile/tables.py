"""Hostile tables: text, compressed, Parquet and Excel."""

import gzip
import io
import pathlib
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from core.data.readers import table
from tests.hostile.judging import READ, Case

ROWS = "".join(f"{i * 5 % 17},{i * 7 % 13},{'yes' if i % 2 else 'no'}\n" for i in range(40))
PLAIN = f"a,b,y\n{ROWS}"
SEVENS = pa.array([i * 5 % 7 for i in range(40)])


def _read(path, **options):
    options.setdefault("target", "y")
    first = table.Options(**options)
    table.look(str(path), first)
    return table.load(str(path), first)


def _case(name, content, right=READ, check=lambda _: True, suffix=".csv", **options) -> Case:
    def make(folder: pathlib.Path):
        path = folder / f"table{suffix}"
        path.write_bytes(content() if callable(content) else content.encode() if isinstance(content, str) else content)
        return path

    return Case(name, make, lambda path: _read(path, **options), right, check)


def _n(rows, columns=None):
    """A reading with so many rows and, if given, these columns."""
    return lambda found: len(found) == rows and (columns is None or [c.name for c in found.columns] == columns)


def _gz(content: bytes) -> bytes:
    return gzip.compress(content)


def _parquet(frame_or_table) -> bytes:
    made = frame_or_table if isinstance(frame_or_table, pa.Table) else pa.Table.from_pandas(frame_or_table)
    sink = io.BytesIO()
    pa.parquet.write_table(made, sink)
    return sink.getvalue()


def _good_frame(n=40) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(n) * 5 % 17, "b": np.arange(n) * 7 % 13, "y": ["no", "yes"] * (n // 2)})


def _zip(members: dict, method=zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return sink.getvalue()


def _lying_parquet() -> bytes:
    """A footer that says it is 2 GB long."""
    content = _parquet(_good_frame())
    return content[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1"


def _column(values) -> str:
    """A table whose first column is text."""
    return "a,b,y\n" + "".join(f"{value},{i % 7},{'yes' if i % 2 else 'no'}\n" for i, value in enumerate(values))


def _identifiers() -> str:
    return f"{'a' * 9999},{'b' * 9999},y\n" + "".join(f"x{i},z{i},{'yes' if i % 2 else 'no'}\n" for i in range(60))


TEXT = [
    _case("empty", b"", "is empty"),
    _case("blank lines only", "\n \n\n\t\n", "."),
    _case("one NUL", b"\0", "binary"),
    _case("NULs among cells", PLAIN.replace("3,", "\0,").encode(), "binary"),
    _case("header alone", "a,b,y\n", "only a header"),
    _case("header without newline", "a,b,y", "only a header"),
    _case("one column", "y\nyes\nno\n", "one column"),
    _case("target not there", PLAIN, "no column", target="Y?"),
    _case("target of HTML", PLAIN, "no column", target="<script>alert(1)</script>"),
    _case("target not there among long names", PLAIN.replace("a,b", f"{'a' * 9999},{'b' * 9999}"), "no", target="Y?"),
    _case("one class of 10,000 letters", PLAIN.replace("no", "x" * 10_000).replace("yes", "x" * 10_000), "one class"),
    _case("nothing to learn from, long names", _identifiers(), "no column to learn from"),
    _case("one class", PLAIN.replace("no", "yes"), "one class|only one|two"),
    _case("numbers as target", _column(range(40)).replace("yes", "0.5").replace("no", "1.5"), READ, _n(40)),
    _case("quote never closed", 'a,b,y\n"1,2,yes\n' + ROWS, "quote"),
    _case("quote in quotes", 'a,b,y\n"1""2",3,yes\n' + ROWS, READ, _n(41)),
    _case("newline in quotes", 'a,b,y\n"1\n2",3,yes\n' + ROWS, READ, _n(41)),
    _case("carriage returns only", PLAIN.replace("\n", "\r"), READ, _n(40)),
    _case("mixed line ends", PLAIN.replace("no\n", "no\r\n"), READ, _n(40)),
    _case("UTF-16", PLAIN.encode("utf-16"), READ, _n(40)),
    _case("UTF-16 cut in a letter", PLAIN.encode("utf-16")[:-1], "cannot be read as utf-16"),
    _case("UTF-32", PLAIN.encode("utf-32"), READ, _n(40, ["a", "b"])),
    _case("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN.encode(), READ, _n(40)),
    _case("bytes that are no UTF-8", PLAIN.replace("3", "\xe9").encode("latin-1"), READ, _n(40)),
    _case("half a surrogate", b"a,b,y\n" + b"\xed\xa0\x80,1,yes\n" * 3 + ROWS.encode(), READ, _n(43)),
    _case("a million commas", "," * 1_000_000, "columns|longer|cells"),
    _case("20,000 columns", ",".join(f"c{i}" for i in range(20_000)) + "\n" + ",".join("1" * 20_000) + "\n", "columns"),
    _case("a line of 20 MB", lambda: b"a,b,y\n" + b"x" * (20 << 20) + b",1,yes\n" + ROWS.encode(), "does not end|row"),
    _case("a name of 100,000 letters", PLAIN.replace("a,b", "a" * 100_000 + ",b"), READ, _n(40)),
    _case("no names", PLAIN.replace("a,b,y", ",,y"), "no column"),
    _case("twins of names", PLAIN.replace("a,b,y", "a,a,y"), READ, _n(40, ["a", "a (2)"])),
    _case("names that are numbered", PLAIN.replace("a,b,y", "a (2),a (2),y"), READ, _n(40)),
    _case("names of spaces", PLAIN.replace("a,b,y", " ,  ,y"), "no column"),
    _case("names of right-to-left marks", PLAIN.replace("a,b,y", "\u202ea,\u2066b,y"), READ, _n(40)),
    _case("names of formulas", PLAIN.replace("a,b,y", "=1+1,@b,y"), READ, _n(40, ["=1+1", "@b"])),
    _case("a name like ours", PLAIN.replace("a,b,y", "id,part,y"), READ, _n(40)),
    _case("names with NBSP", PLAIN.replace("a,b,y", "\xa0,\u2003,y"), "no column"),
    _case("most rows ragged", "a,b,y\n" + "1,2\n3\n4,5,6,7\n" * 20, "."),
    _case("a few rows ragged", PLAIN + "1\n1,2,3,4,5\n", READ, _n(40)),
    _case("cells of 1e999", _column(["1e999", "-1e999", "1"] * 20), READ, _n(60)),
    _case("cells of nan and inf", _column(["nan", "inf", "-inf", "1"] * 20), READ, _n(80)),
    _case("numbers of 400 digits", _column(["9" * 400, "1", "2"] * 20), READ, _n(60)),
    _case("numbers of 5,000 digits", _column(["9" * 5000, "1", "2"] * 20), READ, _n(60)),
    _case("Arabic digits", _column(["\u0661\u0662", "\u0663", "\u0664"] * 20), READ, _n(60)),
    _case("superscript digits", _column(["\u00b2", "\u00b9", "2"] * 20), READ, _n(60)),
    _case("underscored digits", _column(["1_000", "2_000", "3"] * 20), READ, _n(60)),
    _case("hexadecimal", _column(["0x1f", "0b11", "3"] * 20), READ, _n(60)),
    _case("dates out of range", _column(["9999-99-99", "0000-00-00", "2020-02-30"] * 20), READ, _n(60)),
    _case("dates of the year 1", _column([f"0001-01-{d:02d}" for d in range(1, 31)] * 2), READ, _n(60)),
    _case("dates of the year 99999", _column([f"99999-01-{d:02d}" for d in range(1, 31)] * 2), READ, _n(60)),
    _case("emoji and joiners", _column(["\U0001f468\u200d\U0001f469", "e\u0301", "\xe9"] * 20), READ, _n(60)),
    _case("booleans of all kinds", _column(["TRUE", "False", "yes", "0"] * 20), READ, _n(80)),
    _case("formulas", _column(["=cmd|'/C calc'!A0", "@SUM(1)", "+1", "-1"] * 20), READ, _n(80)),
    _case("scripts", _column(["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"] * 20), READ, _n(40)),
    _case("class of HTML", PLAIN.replace("yes", "<b>yes</b>"), READ, lambda d: "<b>yes</b>" in d.classes),
    _case("class of 10,000 letters", PLAIN.replace("yes", "y" * 10_000), READ, _n(40)),
    _case("class of spaces", PLAIN.replace("yes", "   "), "."),
    _case("300 classes", "a,b,y\n" + "".join(f"{i},{i},c{i % 300}\n" for i in range(900)), "."),
    _case("separator given as two", PLAIN, "must be one sign", separator="ab"),
    _case("separator given as newline", PLAIN, "must be one sign", separator="\n"),
    _case("separator given as quote", PLAIN, "must differ", separator='"'),
    _case("separator given as a letter", PLAIN, ".", separator="z"),
    _case("encoding unknown", PLAIN, "no encoding", encoding="utf-99"),
    _case("encoding of no text", PLAIN, "no encoding", encoding="rot13"),
    _case("encoding of zip", PLAIN, "no encoding", encoding="zip"),
    _case("encoding idna", PLAIN, ".", encoding="idna"),
    _case("encoding undefined", PLAIN, "cannot be read", encoding="undefined"),
    _case("encoding with NUL", PLAIN, ".", encoding="utf\0-8"),
    _case("encoding of a path", PLAIN, "no encoding", encoding="../../etc/passwd"),
    _case("type unknown", PLAIN, ".", types={"a": "complex"}),
    _case("type of no column", PLAIN, "no column", types={"../x": "number"}),
    _case("type of the target", PLAIN, "target", types={"y": "number"}),
    _case("split column not there", PLAIN, ".", split_column="zz"),
    _case("split column the target", PLAIN, ".", split_column="y"),
    _case("second table not there", PLAIN, "not there", test="/nowhere/at/all.csv"),
    _case("second table a device", PLAIN, ".", test="/dev/zero"),
    _case("tabs", PLAIN.replace(",", "\t"), READ, _n(40, ["a", "b"]), suffix=".tsv"),
    _case("pipes", PLAIN.replace(",", "|"), READ, _n(40, ["a", "b"]), suffix=".data"),
    _case("PNG called CSV", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "binary|text"),
    _case("HTML called CSV", "<html>\n<body>\n<p>a,b</p>\n</body>\n</html>\n", "."),
    _case("JSON called CSV", '{"a": [1, 2], "y": ["no", "yes"]}\n' * 30, "."),
]
PACKED = [
    _case("gzip cut short", lambda: _gz(PLAIN.encode() * 50)[:-20], "damaged|cut", suffix=".csv.gz"),
    _case("gzip with a wrong sum", lambda: _gz(PLAIN.encode())[:-8] + bytes(8), "damaged", suffix=".csv.gz"),
    _case("gzip of nothing", lambda: _gz(b""), "empty", suffix=".csv.gz"),
    _case("gzip head alone", b"\x1f\x8b", "damaged", suffix=".csv.gz"),
    _case("gzip with a long name", lambda: _named_gz(), READ, _n(40), suffix=".csv.gz"),
    _case("gzip in gzip", lambda: _gz(_gz(PLAIN.encode())), ".", suffix=".csv.gz"),
    _case("gzip bomb of one line", lambda: _gz(bytes(64 << 20).replace(b"\0", b"1")), ".", suffix=".csv.gz"),
    _case("gzip bomb of newlines", lambda: _gz(b"\n" * (64 << 20)), ".", suffix=".csv.gz"),
    _case("gzip bomb of rows", lambda: _gz(b"a,y\n" + b"1,no\n2,yes\n" * (7 << 20)), "bomb", suffix=".csv.gz"),
    _case("gzip called CSV", lambda: _gz(PLAIN.encode()), READ, _n(40)),
    _case("CSV called gzip", PLAIN, READ, _n(40), suffix=".csv.gz"),
    _case("zip called CSV", lambda: _zip({"a.csv": PLAIN}), "."),
]
PARQUET = [
    _case("Parquet", lambda: _parquet(_good_frame()), READ, _n(40), suffix=".parquet"),
    _case("Parquet cut short", lambda: _parquet(_good_frame())[:-30], "no Parquet", suffix=".parquet"),
    _case("Parquet without its middle", lambda: _holed(), "no Parquet", suffix=".parquet"),
    _case("Parquet with a lying footer", _lying_parquet, "no Parquet", suffix=".parquet"),
    _case("CSV called Parquet", PLAIN, "no Parquet", suffix=".parquet"),
    _case("Parquet called CSV", lambda: _parquet(_good_frame()), "binary|text", suffix=".csv"),
    _case("Parquet of no rows", lambda: _parquet(_good_frame(0)), "rows", suffix=".parquet"),
    _case("Parquet of no columns", lambda: _parquet(pd.DataFrame(index=range(5))), ".", suffix=".parquet"),
    _case("Parquet of lists", lambda: _parquet(_good_frame().assign(c=[[1, 2]] * 40)), READ, _n(40), suffix=".parquet"),
    _case("Parquet of bytes", lambda: _parquet(_good_frame().assign(y=[b"a", b"b"] * 20)), ".", suffix=".parquet"),
    _case("Parquet with NULs", lambda: _parquet(_good_frame().assign(a=["x\0", "y"] * 20)), READ, suffix=".parquet"),
    _case("Parquet of NaN", lambda: _parquet(_good_frame().assign(a=np.nan)), READ, _n(40), suffix=".parquet"),
    _case("Parquet of infinity", lambda: _parquet(_good_frame().assign(a=np.inf)), READ, _n(40), suffix=".parquet"),
    _case("Parquet with twins of names", lambda: _twins(), READ, _n(40), suffix=".parquet"),
    _case("Parquet of dates far away", lambda: _far_dates(), READ, _n(40), suffix=".parquet"),
    _case("Parquet of decimals", lambda: _decimals(), READ, _n(40), suffix=".parquet"),
    _case("Parquet of times and spans", lambda: _spans(), READ, _n(40), suffix=".parquet"),
    _case("Parquet of codes", lambda: _codes(), READ, _n(40), suffix=".parquet"),
    _case("Parquet of nothing at all", lambda: _parquet(_good_frame().assign(a=None)), READ, _n(40), suffix=".parquet"),
    _case("Parquet that packs a bomb", lambda: _parquet_bomb(), "as a bomb is", suffix=".parquet"),
]
EXCEL = [
    _case(f"{what} called {suffix}", content, "spreadsheet|workbook|large|CSV", suffix=suffix)
    for suffix in (".xlsx", ".xls", ".ods")
    for what, content in (
        ("CSV", PLAIN),
        ("zip of nothing", lambda: _zip({})),
        ("zip bomb", lambda: _zip({"xl/workbook.xml": bytes(32 << 20)})),
        ("XML bomb", lambda: _zip({"xl/workbook.xml": _laughs(), "[Content_Types].xml": _laughs()})),
    )
]
CASES = [*TEXT, *PACKED, *PARQUET, *EXCEL]


def _named_gz() -> bytes:
    sink = io.BytesIO()
    with gzip.GzipFile("../" * 300 + "x", "wb", fileobj=sink) as file:
        file.write(PLAIN.encode())
    return sink.getvalue()


def _holed() -> bytes:
    """A file with sums of its pages, of which one byte is another one."""
    sink = io.BytesIO()
    made = pa.Table.from_pandas(_good_frame()).replace_schema_metadata(None)
    pa.parquet.write_table(made, sink, write_page_checksum=True, use_dictionary=False, compression="none")
    content = bytearray(sink.getvalue())
    content[200] ^= 0xFF
    return bytes(content)


def _twins() -> bytes:
    columns = [SEVENS, SEVENS, pa.array(["no", "yes"] * 20)]
    return _parquet(pa.Table.from_arrays(columns, names=["a", "a", "y"]))


def _far_dates() -> bytes:
    far = pa.array([2**62 // 1000] * 40, pa.timestamp("ms"))
    return _parquet(pa.table({"a": far, "b": SEVENS, "y": ["no", "yes"] * 20}))


def _decimals() -> bytes:
    import decimal

    values = pa.array([decimal.Decimal("9" * 30 + ".5")] * 40)
    return _parquet(pa.table({"a": values, "b": SEVENS, "y": ["no", "yes"] * 20}))


def _spans() -> bytes:
    spans, times = SEVENS.cast(pa.duration("s")), SEVENS.cast(pa.int32()).cast(pa.time32("s"))
    return _parquet(pa.table({"a": spans, "t": times, "b": SEVENS, "y": ["no", "yes"] * 20}))


def _codes() -> bytes:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, None] * 20, pa.int8()), pa.array(["x", "y"]))
    return _parquet(pa.table({"a": codes, "b": SEVENS, "y": codes.fill_null("z").cast(pa.string())}))


def _parquet_bomb() -> bytes:
    """A few kB that unpack to 400 MB of one value."""
    n = 3_000_000
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array(["x" * 10_000]))
    return _parquet(pa.table({"a": values, "y": values}))


def _laughs() -> str:
    lines = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><x>&l9;</x>'
