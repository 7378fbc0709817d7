"""Tables as text, plain or compressed: cells as Arrow strings, exactly as they stand, and the rows that do not fit."""

import codecs
import contextlib
import csv
import dataclasses
import gzip
import io
import pathlib
import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.csv

from core.data.dataset import Note
from core.data.reading import Progress
from core.data.tables import dialect as dialects
from core.data.tables.dialect import Dialect
from core.words import count, size

BLOCK_BYTES = 8 << 20  # no row may be longer
HEAD_BLOCK_BYTES = 1 << 20
MOST_BYTES = 16 << 30  # of a table, unpacked
# A table of one value shrinks to a thousandth, as a bomb does; so a small one may unpack as it likes, a large one not.
MOST_RATIO = 100  # unpacked to packed
FREE_BYTES = 64 << 20  # that may be unpacked whatever the ratio
MOST_COLUMNS = 10_000
MOST_RAGGED = 0.2  # share of rows with another number of cells than most
LINES_NAMED = 5


def read(
    path: pathlib.Path, choices: dict, progress: Progress, n_rows: int | None
) -> tuple[pa.Table, Dialect, tuple, int]:
    """The cells of a text table (a header line is its first row), its dialect, notes, and how many rows there are.

    choices : what a person says of the dialect, see `dialect.detect`
    n_rows : stop after about so many rows; then how many there are is an estimate
    """
    with open(path, "rb") as packed, gzip.open(packed) if _is_gzip(path) else packed as file:
        head = file.read(dialects.HEAD_BYTES)
        share = packed.tell() / path.stat().st_size  # of the file, which `head` is
    if not head.strip():
        raise ValueError(f"{path.name} is empty; it needs a header line and rows of data.")
    dialect = dialects.detect(head, name=path.name, **choices)
    tries = [dialect.encoding]
    if not choices.get("encoding") and dialect.encoding in ("utf-8", "cp1252"):
        tries = dict.fromkeys((dialect.encoding, "cp1252", "latin-1"))
    for encoding in tries:  # a letter far below may show that the beginning was misread
        tried = dataclasses.replace(dialect, encoding=encoding)
        try:
            table, notes, whole = _rows(path, head, tried, progress, n_rows)
            n_lines = round(head.count(b"\n") / share)
            return table, tried, notes, len(table) if whole else max(len(table), n_lines)
        except UnicodeError:
            continue
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error):
                continue
            raise ValueError(
                f"{path.name} has a row that does not end within {BLOCK_BYTES >> 20} MB, most likely because a quote "
                "is opened and never closed; correct it, or choose no quote."
            ) from error
    raise ValueError(f"{path.name} cannot be read as {dialect.encoding}; choose another encoding.")


def most_bytes(path: pathlib.Path) -> int:
    """How many bytes a compressed file may unpack to."""
    return min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * path.stat().st_size))


def too_large(name: str, most: int) -> ValueError:
    """What is said of a table that unpacks to more than `most` bytes."""
    return ValueError(
        f"{name} is larger than {size(most)} unpacked, as a bomb is; unpack it, or take a part of its rows."
    )


def check_width(n_columns: int, name: str) -> None:
    """Raise ValueError if a table has more columns than can be read."""
    if n_columns > MOST_COLUMNS:
        raise ValueError(f"{name} has {n_columns:,} columns; at most {MOST_COLUMNS:,} can be read, so leave some out.")


class Stream(io.RawIOBase):
    """The bytes of a text table as UTF-8, unpacked, with no space between a separator and a quote."""

    def __init__(self, path: pathlib.Path, dialect: Dialect, fix_spaces: bool = False):
        self.name, self.n_bytes = path.name, path.stat().st_size
        self.packed = open(path, "rb")
        self.source = gzip.open(self.packed) if _is_gzip(path) else self.packed
        self.most = MOST_BYTES if self.source is self.packed else most_bytes(path)
        is_utf8 = dialect.encoding in ("utf-8", "utf-8-sig")
        self.decoder = None if is_utf8 else codecs.getincrementaldecoder(dialect.encoding)()
        sign, quote = (re.escape(text.encode()) for text in (dialect.separator, dialect.quote))
        self.spaces = re.compile(b"(" + sign + b") +(" + quote + b")") if fix_spaces else None
        self.line, self.ready, self.n_given, self.last = b"", b"", 0, b""

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer`; returns how many bytes it got, 0 at the end. ValueError if the whole is too large."""
        ended = False
        while not self.ready and not ended:
            chunk = self.source.read(len(buffer))
            ended = not chunk
            self.ready = self._made(chunk, ended)
        n = min(len(self.ready), len(buffer))
        buffer[:n], self.ready = self.ready[:n], self.ready[n:]
        self.n_given += n
        if self.n_given > self.most:
            raise too_large(self.name, self.most)
        if written := bytes(buffer[:n]).rstrip():
            self.last = written[-1:]
        return n

    def _made(self, chunk: bytes, ended: bool) -> bytes:
        if self.decoder:
            chunk = self.decoder.decode(chunk, ended).encode()
        if self.spaces:  # a line at a time, so that no separator stands apart from its quote
            chunk = self.line + chunk
            cut = len(chunk) if ended else chunk.rfind(b"\n") + 1
            chunk, self.line = self.spaces.sub(rb"\1\2", chunk[:cut]), chunk[cut:]
        return chunk

    @property
    def n_read(self) -> int:
        """Bytes of the file as it lies on the disk that were read."""
        return self.packed.tell() if not self.closed else self.n_bytes

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self.source.close()
            self.packed.close()
        super().close()


# ---------------------------------------------------------------------------------------------------------- helpers


def _rows(path: pathlib.Path, head: bytes, dialect: Dialect, progress, n_rows: int | None):
    """The cells, notes, and whether this is the whole file."""
    width = _width(head, dialect, path.name)
    names = [str(j) for j in range(width)]
    mark, sign = dialect.quote.encode(), dialect.separator.encode()
    fix_spaces = bool(mark) and bool(re.search(re.escape(sign) + b" +" + mark, head.replace(b"\0", b"")))
    ragged = Counter()

    def leave_out(row) -> str:
        if dialect.quote and "\n" in row.text and row.text.count(dialect.quote) % 2:
            ragged["unclosed"] += 1
        ragged[row.actual_columns] += 1
        return "skip"

    batches, n_good, whole = [], 0, False
    with Stream(path, dialect, fix_spaces) as stream:
        reader = pa.csv.open_csv(
            stream,
            pa.csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES if n_rows is None else HEAD_BLOCK_BYTES),
            pa.csv.ParseOptions(
                delimiter=dialect.separator,
                quote_char=dialect.quote or False,
                newlines_in_values=bool(dialect.quote),
                invalid_row_handler=leave_out,
            ),
            pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
        with reader:
            for batch in reader:
                batches.append(batch)
                n_good += batch.num_rows
                progress("Reading the table", stream.n_read, stream.n_bytes)
                if n_rows is not None and n_good >= n_rows:
                    break
            else:
                whole = True
    table = pa.Table.from_batches(batches, pa.schema([(name, pa.string()) for name in names]))
    if dialect.quote:
        last = table.column(width - 1).slice(max(0, len(table) - 1)).to_pylist() if whole else []
        swallowed = bool(last) and "\n" in last[0] and stream.last != mark
        if ragged.pop("unclosed", 0) or swallowed:
            raise ValueError(
                f"{path.name} has a cell in which a quote ({dialect.quote}) is opened and never closed, so that it "
                "runs over the rows after it; correct it, or choose no quote."
            )
    return table, _ragged(path, dialect, fix_spaces, ragged, width, n_good), whole


def _width(head: bytes, dialect: Dialect, name: str) -> int:
    """The number of cells of most rows; ValueError if it is no table's, or not that of the header."""
    rows = dialects.records(dialects.decode(head, dialect.encoding, name), dialect.separator, dialect.quote)
    width = len(dialects.rows_of(rows)[0]) if rows else 1
    check_width(width, name)
    if width == 1:
        raise ValueError(
            f"{name} has one column where cells are separated by {dialect.separator!r}; it needs a target and at "
            "least one column beside it, or another separator."
        )
    first = rows[0]
    if 1 < len(first) != width and not any(map(dialects.NUMBER.fullmatch, first)):
        raise ValueError(f"{name} has {len(first)} names in its header but {width} cells in its rows; make them equal.")
    return width


def _ragged(path: pathlib.Path, dialect: Dialect, fix_spaces: bool, ragged: Counter, width: int, n_good: int):
    """A note on the rows with another number of cells; ValueError if there are many."""
    n = sum(ragged.values())
    if not n:
        return ()
    lines = _lines(path, dialect, fix_spaces, width, min(n, LINES_NAMED))
    at = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}{' and more' if n > len(lines) else ''}"
    if n > MOST_RAGGED * (n + n_good):
        raise ValueError(
            f"In {path.name}, {n:,} of {n + n_good:,} rows do not have {width} cells as the others do ({at}); "
            "correct them, or choose another separator or quote."
        )
    counts = " or ".join(map(str, sorted(ragged)[:4]))
    return (Note("rows", path.name, f"{count(n, 'row')} with {counts} instead of {width} cells left out ({at})."),)


def _lines(path: pathlib.Path, dialect: Dialect, fix_spaces: bool, width: int, n: int) -> list[int]:
    """Line numbers (from 1) of the first `n` rows that do not have `width` cells."""
    quoting: dict[str, Any] = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    lines, end = [], 0
    binary = io.BufferedReader(Stream(path, dialect, fix_spaces), 1 << 20)
    with io.TextIOWrapper(binary, "utf-8", errors="replace", newline="") as text, contextlib.suppress(csv.Error):
        reader = csv.reader(text, delimiter=dialect.separator, **quoting)
        while len(lines) < n and (row := next(reader, None)) is not None:
            if row and len(row) != width:
                lines.append(end + 1)
            end = reader.line_num
    return lines


def _is_gzip(path: pathlib.Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"
