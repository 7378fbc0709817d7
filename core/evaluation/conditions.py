"""Conditions on one column of a table, as plain values: those worth trying, whom they fit, and how to say them.

A condition is {"column", "kind": "is", "value"}, {"column", "kind": "between", "low", "high"}, both included and None
where there is no bound, or {"column", "kind": "missing"}. Dates are ISO texts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core import words

CATEGORIES = 20  # values of a column that are tried, at most, the most frequent ones
FEW_VALUES = 8  # of a column of numbers, up to which each is tried as it is
BINS = 8  # of a column of numbers, with as many samples in each as equal values allow
LONGEST = 60  # characters of a value or a name in words


@dataclass(frozen=True, eq=False)
class Atom:
    """One condition, the number of its column, and whom it fits, bool (n,)."""

    column: int
    where: dict
    member: np.ndarray


def of_table(table: pd.DataFrame, smallest: int, largest: float) -> list[Atom]:
    """All conditions worth trying that fit `smallest` samples or more, and at most the share `largest` of all."""
    found = []
    for j, name in enumerate(table.columns):
        values = table[name]
        absent = missing(values)
        made = [({"kind": "missing"}, absent)] if absent.any() else []
        make = _ranges if is_ordered(values) else _categories
        made += make(values, absent)
        for where, member in made:
            if smallest <= member.sum() <= largest * len(table):
                found.append(Atom(j, {"column": str(name), **where}, member))
    return found


def mask(table: pd.DataFrame, where: list[dict]) -> np.ndarray:
    """Which rows fit all conditions, bool (n,); ValueError if a column is not there, or a condition is none."""
    inside = np.ones(len(table), bool)
    names = {str(name): name for name in table.columns}
    for condition in where:
        if condition.get("column") not in names:
            known = ", ".join(names) or "none"
            raise ValueError(f'There is no column "{condition.get("column")}" in the data; there are {known}.')
        inside &= _fits(table[names[condition["column"]]], condition)
    return inside


def describe(where: list[dict]) -> str:
    """Conditions in words: "contract is Month-to-month and tenure from 1 to 5"."""
    return " and ".join(map(_in_words, where))


def filter_text(where: list[dict]) -> str:
    """Conditions as a filter of `filters.mask`: '`contract` = "Month-to-month" and `tenure` >= 1 and `tenure` <= 5'."""
    parts = []
    for condition in where:
        name = "`" + condition["column"].replace("`", "``") + "`"
        if condition["kind"] == "missing":
            parts.append(f"{name} is missing")
        elif condition["kind"] == "is":
            parts.append(f"{name} = {_quoted(condition['value'])}")
        else:
            bounds = ((">=", condition["low"]), ("<=", condition["high"]))
            parts += [f"{name} {sign} {_quoted(bound)}" for sign, bound in bounds if bound is not None]
    return " and ".join(parts)


def is_ordered(values: pd.Series) -> bool:
    """Whether a column holds numbers or dates."""
    return is_date(values) or (pd.api.types.is_numeric_dtype(values.dtype) and not is_truth(values))


def is_date(values: pd.Series) -> bool:
    """Whether these are dates."""
    return pd.api.types.is_datetime64_any_dtype(values.dtype)


def is_truth(values: pd.Series) -> bool:
    """Whether these are true or false."""
    return pd.api.types.is_bool_dtype(values.dtype)


def missing(values: pd.Series) -> np.ndarray:
    """Which cells hold nothing, bool (n,); empty text is nothing."""
    absent = values.isna().to_numpy()
    return absent if is_ordered(values) else absent | (values == "").fillna(False).to_numpy(bool)


def texts(values: pd.Series) -> pd.Categorical:
    """A column as text, a missing cell without a value."""
    codes, distinct = pd.factorize(values)
    place, names = pd.factorize(np.array([str(value) for value in distinct], object))
    return pd.Categorical.from_codes(np.append(place, -1)[codes], [str(name) for name in names])


def numbers(values: pd.Series) -> np.ndarray:
    """A column of numbers or dates as float64 (n,), a date in seconds since 1970; missing is NaN."""
    if is_date(values):
        return seconds(values)
    return values.to_numpy(np.float64, na_value=np.nan)


def seconds(values: Any) -> np.ndarray:
    """Dates as seconds since 1970, float64; a time zone is left out. ValueError if one is no date."""
    dates = pd.DatetimeIndex(pd.to_datetime(values))
    dates = dates.tz_localize(None) if dates.tz is not None else dates
    return ((dates - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).to_numpy(np.float64)


# ---------------------------------------------------------------------------------------------------- to try


def _categories(values: pd.Series, absent: np.ndarray) -> list[tuple[dict, np.ndarray]]:
    """The most frequent values of a column of text."""
    text = texts(values)
    codes = np.where(absent, -1, text.codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(text.categories))
    common = np.argsort(-counts, kind="stable")[:CATEGORIES]
    return [({"kind": "is", "value": text.categories[code]}, codes == code) for code in common]


def _ranges(values: pd.Series, absent: np.ndarray) -> list[tuple[dict, np.ndarray]]:
    """Ranges of a column of numbers: each bin, all up to a bin, all from a bin on. Few distinct values are bins."""
    x = numbers(values)
    x = np.where(np.isfinite(x), x, np.nan)
    known = np.sort(x[~absent & ~np.isnan(x)])
    if len(known) == 0 or known[0] == known[-1]:
        return []
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        return [({"kind": "is", "value": _plain(value, values)}, x == value) for value in distinct]
    starts = np.unique(known[np.arange(BINS) * len(known) // BINS])  # the first value of each bin
    bins = np.searchsorted(starts, x, side="right") - 1
    bins[np.isnan(x)] = -1
    ends = known[np.append(np.searchsorted(known, starts[1:]), len(known)) - 1]
    found = []
    last = len(starts) - 1
    for i in range(last + 1):
        for j in range(i, last + 1):
            if (i == j or i == 0 or j == last) and j - i < last:
                low = None if i == 0 else _plain(starts[i], values, above=ends[i - 1])
                high = None if j == last else _plain(ends[j], values, below=starts[j + 1])
                where = {"kind": "between", "low": low, "high": high}
                found.append((where, (bins >= i) & (bins <= j)))
    return found


def _plain(value: float, values: pd.Series, above: float = -np.inf, below: float = np.inf) -> float | int | str:
    """A number or date as JSON has it; a bound with the fewest digits that part it from its neighbour alike."""
    if is_date(values):
        return (pd.Timestamp(0) + pd.Timedelta(seconds=float(value))).isoformat()
    bounded = value and max(above, -below) > -np.inf
    for digits in range(1, 18) if bounded else ():
        step = 10.0 ** (np.floor(np.log10(abs(value))) + 1 - digits)
        short = np.floor(value / step) if below == np.inf else np.ceil(value / step)
        short = float(f"{short * step:.{digits}g}")
        if above < short <= value if below == np.inf else value <= short < below:
            value = short
            break
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


# ---------------------------------------------------------------------------------------------------- to say


def _fits(values: pd.Series, condition: dict) -> np.ndarray:
    kind = condition.get("kind")
    if kind == "missing":
        return missing(values)
    if kind not in ("is", "between"):
        raise ValueError(f'A condition is of the kind "{kind}"; it must be is, between or missing.')
    if not is_ordered(values):
        if kind == "between":
            raise ValueError(f'{condition["column"]} is a column of text, which has no range; use "is".')
        text = texts(values)
        return np.asarray(text == str(condition["value"])) & ~missing(values)
    x = numbers(values)
    inside = np.isfinite(x)
    for name, holds in (("value", np.equal),) if kind == "is" else (("low", np.greater_equal), ("high", np.less_equal)):
        bound = condition[name]
        try:
            if bound is not None:
                inside &= holds(x, seconds([bound])[0] if is_date(values) else float(bound))
        except ValueError as error:
            what = "dates" if is_date(values) else "numbers"
            raise ValueError(f'{condition["column"]} is a column of {what}; "{bound}" is none.') from error
    return inside


def _in_words(condition: dict) -> str:
    name = words.cut(condition["column"], LONGEST)
    if condition["kind"] == "missing":
        return f"{name} is missing"
    if condition["kind"] == "is":
        return f"{name} is {_shown(condition['value'])}"
    low, high = condition["low"], condition["high"]
    if low is None:
        return f"{name} up to {_shown(high)}"
    return f"{name} from {_shown(low)} on" if high is None else f"{name} from {_shown(low)} to {_shown(high)}"


def _shown(value) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return words.cut(str(value).removesuffix("T00:00:00"), LONGEST)


def _quoted(value) -> str:
    if isinstance(value, (int, float)):
        return repr(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
