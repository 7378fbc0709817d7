"""How a text table is written: its encoding, separator, quote, header and decimal sign, found from its first bytes."""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from core.data.tables.cells import MISSING
from core.words import cut

HEAD_BYTES = 1 << 20  # how much of a file is looked at
SAMPLE_ROWS = 200
SEPARATORS = (",", ";", "\t", "|")
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?")
BOMS = (  # of UTF-32 first, as its mark begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "none": "", "pipe": "|"}


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    quote : the sign around a cell that holds a separator; "" if there is none
    header : whether the first line holds the names of the columns
    decimal : "." or ","
    """

    encoding: str
    separator: str
    quote: str
    header: bool
    decimal: str


def detect(
    head: bytes,
    encoding: str = "",
    separator: str = "",
    quote: str = "",
    header: str = "auto",
    decimal: str = "",
    name: str = "The file",
) -> Dialect:
    """The dialect of a table from its first bytes; what is given (not "" and not "auto") is taken as it is.

    head : up to HEAD_BYTES from the start of the file
    header : "auto", "yes" or "no"
    Raises ValueError if `head` is not text or a given value cannot be used.
    """
    encoding = encoding or _encoding(head, name)
    text = decode(head, encoding, name)
    separator, quote = SPOKEN.get(separator, separator), SPOKEN.get(quote, quote) if quote else _quote(text)
    for what, sign in (("separator", separator), ("quote", quote)):
        if len(sign) > 1 or not sign.isascii() or sign in ("\n", "\r", "\0"):
            such = "a comma" if what == "separator" else "a double quote"
            raise ValueError(f"The {what} is {cut(sign, 40)!r}; it must be one sign, such as {such}.")
    if separator and separator == quote:
        raise ValueError(f"The separator and the quote are both {quote!r}; they must differ.")
    separator = separator or _separator(text, quote)
    rows = rows_of(records(text, separator, quote))
    if decimal not in ("", ".", ","):
        raise ValueError(f"The decimal sign is {decimal!r}; it must be a point or a comma.")
    decimal = decimal or ("." if separator == "," else _decimal(rows))
    return Dialect(encoding, separator, quote, _header(rows) if header == "auto" else header == "yes", decimal)


def decode(head: bytes, encoding: str, name: str = "The file") -> str:
    """`head` as text without its byte order mark; a character cut off at the end is dropped."""
    shown = repr(cut(encoding, 40))
    try:
        "".encode(encoding)  # rot13 and zip are known, too, but are none of text
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except (LookupError, ValueError) as error:
        if not isinstance(error, LookupError):
            raise ValueError(f"{name} cannot be read as {shown[1:-1]}; choose another encoding.") from error
        raise ValueError(f"There is no encoding {shown} of text; utf-8, utf-16 and cp1252 are usual ones.") from error
    if len(head) >= HEAD_BYTES:  # the last line may be cut off
        text = text[: text.rfind("\n") + 1] or text
    return text.lstrip("\ufeff")


def records(text: str, separator: str, quote: str, limit: int = SAMPLE_ROWS) -> list[list[str]]:
    """The first `limit` rows of a text table that are not blank, with the spaces around each cell taken off."""
    quoting: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, **quoting)
    rows = []
    try:
        for row in reader:
            if any(row):
                rows.append([cell.strip() for cell in row])
            if len(rows) == limit:
                break
    except csv.Error:  # a cell without end; what came before it is enough
        pass
    return rows


def rows_of(rows: list[list[str]]) -> list[list[str]]:
    """Those of `rows` that have the most frequent number of cells (of equally frequent ones, the larger)."""
    widths = Counter(map(len, rows))
    width = max(widths, key=lambda n: (widths[n], n), default=0)
    return [row for row in rows if len(row) == width]


# ---------------------------------------------------------------------------------------------------------- helpers


def _encoding(head: bytes, name: str) -> str:
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    controls = sum(head.count(code) for code in range(32) if code not in b"\t\n\r\f\x1a")
    if 0 in head or controls > 0.01 * len(head):
        raise ValueError(f"{name} is not a text table: it holds binary data; save it as CSV or Parquet.")
    for encoding in ("utf-8", "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
            return encoding
        except UnicodeDecodeError:
            pass
    return "latin-1"


def _quote(text: str) -> str:
    """An apostrophe if cells stand between apostrophes and none between double quotes."""
    beginning = text[:100_000]

    def n_quoted(sign: str) -> int:
        return len(re.findall(rf"(?m)(?:^|[,;\t|]) *{sign}[^{sign}\n]*{sign} *(?=[,;\t|\r]|$)", beginning))

    return "'" if n_quoted("'") and not n_quoted('"') else '"'


def _separator(text: str, quote: str) -> str:
    """The separator that gives most rows the same number of cells, without other separators left in the cells."""

    def score(separator: str) -> tuple[float, int]:
        rows = records(text, separator, quote)
        same = rows_of(rows)
        if not same or len(same[0]) == 1:
            return 0.0, 0
        others = [other for other in SEPARATORS if other != separator]
        cells = [cell for row in same for cell in row]
        clean = sum(bool(NUMBER.fullmatch(cell)) or not any(o in cell for o in others) for cell in cells)
        return round(len(same) / len(rows) * clean / len(cells), 3), len(same[0])

    return max(SEPARATORS, key=score)


def _decimal(rows: list[list[str]]) -> str:
    """A comma if more cells have a decimal comma than a decimal point; 1,234 may be either and says nothing."""
    cells = [cell for row in rows for cell in row]
    comma = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+,\d+|0?,\d+|\d+,(\d{1,2}|\d{4,}))")
    point = re.compile(r"[+-]?(\d{1,3}(,\d{3})+\.\d+|0?\.\d+|\d+\.(\d{1,2}|\d{4,}))")
    n_commas, n_points = (sum(bool(sign.fullmatch(cell)) for cell in cells) for sign in (comma, point))
    return "," if n_commas > n_points else "."


def _header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names: text over numbers, or text that does not come again below it.

    A first row with a number over numbers is data. A first row alone holds names if none of them is a number.
    """
    if not rows:
        return True
    first, below = rows[0], rows[1:]
    if below and _count_up(first) and not _count_up(below[0]):
        return True
    names, values = 0, 0
    for name, cells in zip(first, zip(*below) if below else [()] * len(first)):
        known = [cell for cell in cells if cell.lower() not in MISSING]
        n_numbers = sum(bool(NUMBER.fullmatch(cell)) for cell in known)
        if NUMBER.fullmatch(name):
            values += 1
        elif name.lower() not in MISSING and known and n_numbers >= 0.8 * len(known):
            names += 1
    if values or names:
        return names > values
    distinct = {name for name in first if name}
    again = any(name and name in cells for name, cells in zip(first, zip(*below)))
    return len(distinct) >= len(first) - 1 and not again


def _count_up(cells: list[str]) -> bool:
    """Whether the numbers among the cells are names such as 0, 1, 2 or 2019, 2020, 2021."""
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell)]
    whole = [int(cell) for cell in numbers if cell.isdecimal() and len(cell) < 10]
    return len(whole) == len(numbers) > 2 and all(b - a == 1 for a, b in itertools.pairwise(whole))
