"""The cells of a column of text, read all at once as numbers or as dates. Arrow strings in, NumPy arrays out."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")  # in lower case
MOST_BAD = 0.05  # of the known cells of a column of numbers or dates, at most this share may be none
YEARS = (1678, 2261)  # what datetime64[ns] holds
MONTHS = pa.array("jan feb mar apr may jun jul aug sep oct nov dec".split())

SIGN = r"^(?P<sign>[+\-\x{2212}]?)\s?(?P<before>[$€£¥]?)\s?"
GROUPS = {".": r"[,'\x{a0}\x{202f} ]", ",": r"[.'\x{a0}\x{202f} ]"}  # between thousands, by decimal sign
END = r"(?P<power>[eE][+-]?\d+)?\s?(?P<after>[$€£¥%]?)$"
TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?(?:\s?(?P<half>[AaPp])[Mm])?)?"
    r"\s?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
DATES = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?" + TIME,
    r"^(?P<one>\d{1,2})[-/.](?P<two>\d{1,2})[-/.](?P<year>\d{4})" + TIME,
    r"^(?P<one>\d{1,2})[-/](?P<two>\d{1,2})[-/](?P<year>\d{2})" + TIME,
    r"^(?P<day>\d{1,2})(?:st|nd|rd|th)?[-/. ]+(?P<name>[A-Za-z]{3,9})[-/., ]+(?P<year>\d{4}|\d{2})" + TIME,
    r"^(?P<name>[A-Za-z]{3,9})[-/. ]+(?P<day>\d{1,2})(?:st|nd|rd|th)?[-/., ]+(?P<year>\d{4})" + TIME,
)


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of text by its distinct values.

    codes : int64 (n,), index into `values`, -1 where missing
    values : Arrow string array;  counts : int64, how often each comes
    """

    codes: np.ndarray
    values: pa.Array
    counts: np.ndarray

    @property
    def n_known(self) -> int:
        """How many cells are known."""
        return int(self.counts.sum())


def known(column: pa.ChunkedArray, missing_words: tuple[str, ...] = ()) -> pa.ChunkedArray:
    """The cells without the spaces around them; a blank one, NA, ?, and so on, or one of `missing_words` is null."""
    column = pc.utf8_trim_whitespace(column)
    words = pa.array([*MISSING, *(word.strip().lower() for word in missing_words)], column.type)
    return pc.if_else(pc.is_in(pc.utf8_lower(column), value_set=words), pa.scalar(None, column.type), column)


def distinct(column: pa.ChunkedArray) -> Cells:
    """The column by its distinct values, in order of appearance."""
    coded = column.dictionary_encode().combine_chunks()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Cells(codes, coded.dictionary, np.bincount(codes[codes >= 0], minlength=len(coded.dictionary)))


def plain_numbers(column: pa.ChunkedArray, decimal: str = ".") -> np.ndarray | None:
    """The cells as float64 (n,), NaN where null, or None if one of them is not a plain number such as -1.5e3."""
    if decimal == ",":
        if pc.any(pc.match_substring(column, ".")).as_py():
            return None  # of thousands, perhaps
        column = pc.replace_substring(column, ",", ".")
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return None
    values = values.to_numpy()
    return values if np.isfinite(values).sum() == len(column) - column.null_count else None


def numbers(cells: Cells, decimal: str = ".") -> tuple[np.ndarray, int]:
    """The cells as float64 (n,), NaN if missing or bad, and how many are bad, that is, no number.

    1,234.5 and $5 and 45% are numbers; of several currencies, or per cent and none, only the most frequent are.
    decimal : "." or ","
    """
    pattern = rf"(?P<whole>\d{{1,3}}(?:{GROUPS[decimal]}\d{{3}})+|\d*)(?:\{decimal}(?P<part>\d*))?"
    parts = given_parts(cells.values, SIGN + pattern + END)
    digits = pc.replace_substring_regex(parts["whole"], r"\D", "")
    good = pc.fill_null(pc.greater(pc.binary_length(pc.binary_join_element_wise(digits, parts["part"], "")), 0), False)
    good = good.to_numpy(zero_copy_only=False)
    unit = pc.fill_null(pc.binary_join_element_wise(parts["before"], parts["after"], ""), "").to_numpy(False)
    weights = {u: cells.counts[good & (unit == u)].sum() for u in np.unique(unit[good].astype(str))}
    first = max(weights, key=weights.__getitem__, default="")
    currencies = {u: weight for u, weight in weights.items() if u not in ("", "%")}
    currency = max(currencies, key=currencies.__getitem__, default="")
    good &= (unit == "%") if first == "%" else (unit == "") | (unit == currency)
    sign = pc.replace_substring(parts["sign"], "\u2212", "-")
    text = pc.binary_join_element_wise(sign, digits, ".", parts["part"], parts["power"], "")
    values = pc.cast(pc.if_else(pa.array(good), text, None), pa.float64()).to_numpy(zero_copy_only=False)
    return _spread(np.where(np.isfinite(values), values, np.nan), cells, np.nan)


def dates(cells: Cells) -> tuple[np.ndarray, int, str]:
    """The cells as datetime64[ns] (n,), NaT if missing or bad; how many are bad; a note, one sentence or "".

    Times with a zone become UTC. Day and month are told apart by the whole column; the note says if they cannot be.
    """
    n_best, parts = -1, {}
    for pattern in DATES:
        tried = given_parts(cells.values, pattern)
        n_so = int(cells.counts[tried["year"].is_valid().to_numpy(zero_copy_only=False)].sum())
        if n_so > n_best:
            n_best, parts = n_so, tried
        if n_best > 0.5 * cells.n_known:
            break
    year = _numbers(parts["year"])
    year = np.where(year < 69, year + 2000, np.where(year < 100, year + 1900, year))  # as POSIX reads two digits
    note = ""
    if "one" in parts:
        day, month, note = _day_and_month(_numbers(parts["one"]), _numbers(parts["two"]))
    else:
        day = np.nan_to_num(_numbers(parts["day"]), nan=1)
        if "name" in parts:
            short = pc.utf8_slice_codeunits(pc.utf8_lower(parts["name"]), 0, 3)
            month = pc.index_in(short, value_set=MONTHS).to_numpy(zero_copy_only=False).astype(float) + 1
        else:
            month = _numbers(parts["month"])
    return (*_spread(_moments(year, month, day, parts), cells, np.datetime64("NaT")), note)


def is_mostly(n_bad: int, n_known: int) -> bool:
    """Whether so few cells are bad that the column is one of numbers (or dates): 5%, or 1 of at least 10."""
    return n_bad < n_known and (n_bad <= MOST_BAD * n_known or (n_bad == 1 and n_known >= 10))


# ---------------------------------------------------------------------------------------------------------- helpers


def given_parts(values: pa.Array, pattern: str) -> dict[str, pa.Array]:
    """The named groups of the pattern, strings: null where it does not match, "" where the group is absent."""
    found = pc.extract_regex(values, pattern)
    return {field.name: part for field, part in zip(found.type, found.flatten())}


def _numbers(part: pa.Array) -> np.ndarray:
    """Digits as float64; NaN where there are none."""
    return pc.cast(pc.if_else(pc.equal(part, ""), None, part), pa.float64()).to_numpy(zero_copy_only=False)


def _spread(values: np.ndarray, cells: Cells, missing) -> tuple[np.ndarray, int]:
    """Distinct values to all cells, and how many known cells have none."""
    bad = np.isnan(values) if values.dtype.kind == "f" else np.isnat(values)
    return np.append(values, missing)[cells.codes], int(cells.counts[bad].sum())


def _day_and_month(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Day, month and a note, from the two small numbers of the dates of a column."""
    late_one, late_two = int((one > 12).sum()), int((two > 12).sum())
    if late_one != late_two:
        return (one, two, "") if late_one > late_two else (two, one, "")
    still = [len(np.unique(part[~np.isnan(part)])) == 1 for part in (one, two)]
    if still == [False, True]:  # 01/01, 02/01, 03/01: the first of each month
        return two, one, "Day and month may be the other way round; they were read as month, day."
    return one, two, "Day and month may be the other way round; they were read as day, month."


def _moments(year: np.ndarray, month: np.ndarray, day: np.ndarray, parts: dict[str, pa.Array]) -> np.ndarray:
    """datetime64[ns], NaT where there is no such date or time."""
    clock = {name: np.nan_to_num(_numbers(parts[name])) for name in ("hour", "minute", "second")}
    half = pc.fill_null(pc.utf8_lower(parts["half"]), "").to_numpy(zero_copy_only=False)
    hour = np.where(half == "", clock["hour"], clock["hour"] % 12 + 12 * (half == "p"))
    good = (year >= YEARS[0]) & (year <= YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (hour < 24) & (clock["minute"] < 60) & (clock["second"] < 61)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype(np.int64).astype("M8[M]")
    moments = months.astype("M8[D]") + np.where(good, day - 1, 0).astype(np.int64)
    good &= moments.astype("M8[M]") == months  # no 31 April
    seconds = hour * 3600 + clock["minute"] * 60 - _zone(parts["zone"])
    moments = moments.astype("M8[ns]") + (seconds.astype(np.int64) * 10**9 + (clock["second"] * 1e9).astype(np.int64))
    return np.where(good, moments, np.datetime64("NaT"))


def _zone(part: pa.Array) -> np.ndarray:
    """Seconds that a zone such as +02:00 is ahead of UTC."""
    zone = given_parts(pc.fill_null(part, ""), r"^(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})$")
    ahead = np.nan_to_num(_numbers(zone["hours"])) * 3600 + np.nan_to_num(_numbers(zone["minutes"])) * 60
    return np.where(pc.fill_null(zone["sign"], "").to_numpy(zero_copy_only=False) == "-", -ahead, ahead)
