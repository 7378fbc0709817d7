"""What each column of a table is: its type, its missing and bad cells, and whether a model should read it."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.data.dataset import COLUMN_TYPES
from core.data.tables import cells
from core.data.tables.target import gives_away
from core.words import cut

LEFT_OUT_TYPES = ("text", "identifier", "constant")
WISHES = (*COLUMN_TYPES, *LEFT_OUT_TYPES, "leave out", "use")  # what a person may say of a column
MOST_CATEGORIES = 1000
GIVES_AWAY = 0.995  # of the mistakes of the best guess without the column
FORMULA_SIGNS = tuple("=+-@\t\r")
SIGNED_NUMBER = re.compile(r"[+-]\d*[.,]?\d+([eE][+-]?\d+)?")
ID_WORDS = {"id", "ids", "uid", "uuid", "guid"}
GLUED_ID = re.compile(  # customerid, but not paid, grid or acid
    r".*(account|case|client|customer|device|employee|invoice|item|loan|member|object|order|passenger|patient|person"
    r"|product|record|row|sample|session|store|student|subject|transaction|user)id"
)
ID_NAMES = {"index", "idx", "key", "row", "rowid", "rownames", "row number", "no", "nr", "number", "serial"}


@dataclass(frozen=True)
class Report:
    """What was found of a column.

    type : one of COLUMN_TYPES or LEFT_OUT_TYPES
    n_missing : blank cells, NA, and so on;  n_bad : cells that are no number in a column of numbers (or no date in one
        of dates); they count as missing from then on
    distinct : different known values;  use : whether the model reads it;  reason : why not, one sentence, or ""
    examples : up to three cells as given;  note : one sentence on what had to be decided, or ""
    categories : the known values of a category, ordered as text
    """

    name: str
    type: str
    n_missing: int
    n_bad: int
    distinct: int
    use: bool
    reason: str = ""
    examples: tuple[str, ...] = ()
    note: str = ""
    categories: tuple[str, ...] = ()


def infer(
    table: pa.Table | pd.DataFrame,
    targets: np.ndarray | None = None,
    overrides: dict[str, str] | None = None,
    **settings: Any,
) -> tuple:
    """A Report per column; see `convert`."""
    return convert(table, targets, overrides, **settings)[0]


def convert(
    table: pa.Table | pd.DataFrame,
    targets: np.ndarray | None = None,
    overrides: dict[str, str] | None = None,
    missing_words: tuple[str, ...] = (),
    decimal: str = ".",
    n_first: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[tuple[Report, ...], pd.DataFrame]:
    """A Report per column, and the table with each column in its type, as a Dataset holds it.

    table : without the target; text is read, columns that have a type already keep it
    targets : int (n,); where given, a column that gives them away is found
    overrides : column name -> one of WISHES, what a person says of it
    n_first : identifiers are looked for among so many first rows (the others may count anew), default all
    Raises ValueError if a column cannot be what a person says it is.
    """
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    overrides = overrides or {}
    for name, wish in overrides.items():
        if wish not in WISHES:
            raise ValueError(
                f"{cut(name, 60)} is said to be {cut(str(wish), 40)!r}; a column may be one of {', '.join(WISHES)}."
            )
    reports, columns = [], {}
    for j, name in enumerate(table.column_names):
        progress(j, table.num_columns)
        wish = overrides.get(name, "")
        report, values = _column(name, table.column(j), wish, missing_words, decimal, n_first or len(table))
        if targets is not None and report.use and not wish:
            score = gives_away(values, targets)
            if score >= GIVES_AWAY:
                reason = (
                    f"It gives the target away: alone it avoids {score:.1%} of the mistakes of the best guess without "
                    "it, on rows it has not seen."
                )
                report = dataclasses.replace(report, use=False, reason=reason)
        reports.append(report)
        columns[name] = values
    progress(table.num_columns, table.num_columns)
    return tuple(reports), pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def neutral(frame: pd.DataFrame) -> pd.DataFrame:
    """The table so that no spreadsheet runs its cells: text that begins a formula gets an apostrophe in front."""
    columns = []
    for j in range(frame.shape[1]):
        values = frame.iloc[:, j]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        if not (pd.api.types.is_numeric_dtype(values.dtype) or values.dtype.kind in "mM"):
            values = values.map(_neutral, na_action="ignore")
        columns.append(values)
    result = pd.concat(columns, axis=1) if columns else frame.copy()
    result.columns = [_neutral(name) for name in frame.columns]
    return result


# ---------------------------------------------------------------------------------------------------------- helpers


def _column(name, column, wish, missing_words, decimal, n_first) -> tuple[Report, pd.Series]:
    """Report and values of one column; what its values give away is not looked at."""
    as_text, numbers, dates, n_bad, note = _read(column, wish, missing_words, decimal)
    n_missing = as_text.null_count
    examples = tuple(pc.unique(as_text.slice(0, 1000).drop_null()).slice(0, 3).to_pylist())
    parts = None
    if numbers is not None:
        n_distinct = len(np.unique(numbers[~np.isnan(numbers)]))
    elif dates is not None:
        n_distinct = len(np.unique(dates[~np.isnat(dates)]))
    else:
        parts = cells.distinct(as_text)
        n_distinct = len(parts.values)
    if (wish == "number" and numbers is None) or (wish == "date" and dates is None):
        raise ValueError(f"{cut(name, 60)} is said to be a {wish}, but none of its cells is one; choose another type.")

    found, reason = _found(name, as_text, numbers, dates, n_distinct, n_missing + n_bad, n_first)
    kind = found
    if wish in COLUMN_TYPES:
        kind, reason = wish, ""
    elif wish in LEFT_OUT_TYPES:
        kind, reason = wish, f"You said that its type is {wish}."
    elif wish == "leave out":
        reason = "You left it out."
    elif wish == "use":
        reason = ""
        if found in LEFT_OUT_TYPES:
            kind = "number" if numbers is not None else "date" if dates is not None else "category"

    categories = ()
    if kind == "number":
        values = pd.Series(numbers)
    elif kind == "date":
        values = pd.Series(dates)
    elif kind == "category":
        parts = parts or cells.distinct(as_text)
        values, categories = _categories(parts)
        n_distinct = len(parts.values)
        if len(categories) < n_distinct:
            note = f"Of its {n_distinct:,} values the {len(categories):,} most frequent are known, the others are not."
    else:
        values = pd.Series(as_text.to_pandas())
    if kind not in ("number", "date"):
        n_bad = 0
    if n_bad:
        note = f"{_bad_cells(as_text, values, kind, n_bad)} {note}".strip()
    use = kind in COLUMN_TYPES and not reason
    return Report(name, kind, n_missing, n_bad, n_distinct, use, reason, examples, note, categories), values


def _bad_cells(as_text, values, kind, n_bad) -> str:
    bad = pc.unique(as_text.filter(pa.array(values.isna().to_numpy())).drop_null())
    shown = ", ".join(repr(cell[:40]) for cell in bad.slice(0, 3).to_pylist()) + (", ..." if len(bad) > 3 else "")
    if n_bad == 1:
        return f"1 cell is no {kind} ({shown}); it counts as missing."
    return f"{n_bad:,} cells are no {kind} ({shown}); they count as missing."


def _read(column, wish, missing_words, decimal):
    """The column as text (null where missing), as numbers or None, as dates or None, bad cells, and a note."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind) or (pa.types.is_primitive(kind) and not pa.types.is_temporal(kind)):
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        as_text = pc.if_else(pa.array(np.isnan(numbers)), None, column.cast(pa.string()))
        return as_text, numbers, None, 0, ""
    if pa.types.is_temporal(kind) and not (pa.types.is_time(kind) or pa.types.is_duration(kind)):
        as_text, dates = _moments(column)
        return as_text, None, dates, int(np.isnat(dates).sum()) - as_text.null_count, ""
    as_text = cells.known(column.cast(pa.string()), missing_words)
    n_known = len(as_text) - as_text.null_count
    if not n_known or wish in (*LEFT_OUT_TYPES, "category"):
        return as_text, None, None, 0, ""
    numbers = cells.plain_numbers(as_text, decimal) if wish != "date" else None
    if numbers is not None:
        return as_text, numbers, None, 0, ""
    parts = cells.distinct(as_text)
    if wish not in ("number", "date") and not _has_digits(parts.values):
        return as_text, None, None, 0, ""
    if wish != "date":
        for sign in (decimal, "," if decimal == "." else "."):
            numbers, n_bad = cells.numbers(parts, sign)
            if cells.is_mostly(n_bad, n_known) or (wish == "number" and n_bad < n_known):
                other = "" if sign == decimal else f"It was read with a decimal {'comma' if sign == ',' else 'point'}."
                return as_text, numbers, None, n_bad, other
    if wish != "number":
        dates, n_bad, note = cells.dates(parts)
        if cells.is_mostly(n_bad, n_known) or (wish == "date" and n_bad < n_known):
            return as_text, None, dates, n_bad, note
    return as_text, None, None, 0, ""


def _moments(column) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Dates or times, in UTC, as text and as datetime64[ns]; one that does not fit there is NaT."""
    micro = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
    years = [np.datetime64(f"{year}-01-01", "us") for year in (cells.YEARS[0], cells.YEARS[1] + 1)]
    moments = pc.fill_null(micro, 0).to_numpy().astype("M8[us]")
    good = micro.is_valid().to_numpy() & (moments >= years[0]) & (moments < years[1])
    dates = np.where(good, np.where(good, moments, years[0]).astype("M8[ns]"), np.datetime64("NaT"))
    return micro.cast(pa.timestamp("us")).cast(pa.string()), dates


def _found(name, as_text, numbers, dates, n_distinct, n_unknown, n_first) -> tuple[str, str]:
    """The type of a column, and why a model should not read it, or ""."""
    n_known = len(as_text) - as_text.null_count
    if n_distinct == 0:
        return "constant", "It has no value in any row."
    if n_distinct == 1 and not n_unknown:
        return "constant", f"Every row has the same value, {as_text[0].as_py()[:40]!r}."
    if dates is not None:
        return "date", ""
    first = as_text.slice(0, n_first).drop_null()
    n_own = pc.count_distinct(first).as_py()
    own = f"It has {n_own:,} different values in {len(first):,} rows, as an identifier has; new rows will have others."
    if numbers is not None and not _is_padded(as_text, numbers):
        whole = numbers[~np.isnan(numbers)]
        if (whole != np.floor(whole)).any():
            return "number", ""
        if (_is_id(name) and n_own >= 0.95 * len(first)) or _counts_rows(numbers[:n_first]):
            return "identifier", own
        if not _words(name) & ID_WORDS or n_distinct == 2:
            return "number", ""
        if n_distinct <= MOST_CATEGORIES and n_known >= 2 * n_distinct:
            return "category", ""
        return "identifier", own
    if n_own >= 0.95 * len(first) and (_is_id(name) or (len(first) >= 10 and _is_code(first))):
        return "identifier", own
    if n_distinct > 10 and n_distinct > 0.5 * n_known:
        return "text", f"It has {n_distinct:,} different texts in {n_known:,} rows; free text is not read."
    if n_distinct > MOST_CATEGORIES:
        return "text", f"It has {n_distinct:,} different texts; a category has at most {MOST_CATEGORIES:,}."
    return "category", ""


def _categories(parts: cells.Cells) -> tuple[pd.Series, tuple[str, ...]]:
    """The column as a Categorical of all its values as text, and those of them that a model shall know."""
    values = np.array(parts.values.to_pylist(), dtype=object)
    order = np.argsort(values, kind="stable")
    place = np.empty(len(order) + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(len(order)), -1
    frequent = np.sort(np.argsort(-parts.counts[order], kind="stable")[:MOST_CATEGORIES])
    text = pd.Index(values[order], dtype=object)
    return pd.Series(pd.Categorical.from_codes(place[parts.codes], text)), tuple(text[frequent])


def _words(name: str) -> set[str]:
    """ "customerID" and "customer_id" -> {"customer", "id"}."""
    return set(re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").lower().replace("-", " ").split())


def _is_id(name: str) -> bool:
    plain = name.strip().lower().replace("_", " ")
    return (
        bool(_words(name) & ID_WORDS)
        or plain in ID_NAMES
        or plain.startswith("unnamed")
        or bool(GLUED_ID.fullmatch(plain))
    )


def _counts_rows(numbers: np.ndarray) -> bool:
    """Whether whole numbers rise from row to row as a running number does, from near 0, with few left out."""
    n = len(numbers)
    return n >= 20 and bool((np.diff(numbers) > 0).all()) and 0 <= numbers[0] <= n and numbers[-1] - numbers[0] < 2 * n


def _is_padded(as_text: pa.ChunkedArray, numbers: np.ndarray) -> bool:
    """Whether these are codes such as 00123: digits of one length, some of which begin with 0."""
    known = numbers[~np.isnan(numbers)]
    if (known != np.floor(known)).any() or not pc.any(pc.match_substring_regex(as_text, r"^0\d")).as_py():
        return False
    lengths = pc.min_max(pc.utf8_length(as_text)).as_py()
    return lengths["min"] == lengths["max"] and bool(pc.all(pc.utf8_is_decimal(as_text)).as_py())


def _is_code(column: pa.ChunkedArray) -> bool:
    """Whether nine of ten cells are one short word with a digit."""
    codes = pc.and_(pc.match_substring_regex(column, r"^\S{1,64}$"), pc.match_substring_regex(column, r"\d"))
    return pc.mean(codes.cast(pa.float64())).as_py() >= 0.9


def _has_digits(values: pa.Array) -> bool:
    """Whether half of up to 1,000 of the values, from all over the column, have a digit."""
    few = values.take(pa.array(np.linspace(0, len(values) - 1, min(len(values), 1000)).astype(np.int64)))
    return pc.mean(pc.match_substring_regex(few, r"\d").cast(pa.float64())).as_py() >= 0.5


def _neutral(cell):
    """A cell that a spreadsheet would run gets an apostrophe in front; a number stays."""
    if isinstance(cell, str) and cell[:1] in FORMULA_SIGNS and not SIGNED_NUMBER.fullmatch(cell):
        return "'" + cell
    return cell
