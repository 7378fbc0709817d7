"""The target of a table: which column it most likely is, whether it is one of classes, and what gives it away."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.data.tables import cells

MOST_ROWS, FEWEST_ROWS = 20_000, 50  # on which gives_away is worked out
TARGET_NAMES = (
    "target label labels survived churn outcome species income diagnosis class y classes category response result "
    "default attrition exited fraud is_fraud isfraud deposit approved loan_status variety quality status type"
).split()


def guess_target(table: pa.Table | pd.DataFrame) -> str:
    """The name of the column that is most likely the target: one with a usual name, else the last with few values."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    by_name = {name.strip().lower(): name for name in reversed(table.column_names)}
    for usual in TARGET_NAMES:
        if usual in by_name and not _is_measurement(table.column(by_name[usual])):
            return by_name[usual]
    every = max(1, len(table) // 5000)
    few = table.take(pa.array(np.arange(0, len(table), every)))
    for name in reversed(table.column_names):
        column = cells.known(few.column(name).cast(pa.string()))
        n_distinct = pc.count_distinct(column).as_py()
        if 2 <= n_distinct <= min(50, max(2, len(few) // 5)) and not _is_measurement(column):
            return name
    return table.column_names[-1]


def is_measurement(numbers: np.ndarray) -> bool:
    """Whether a target of these numbers is measured rather than a class: many values, or broken ones."""
    n_distinct = len(np.unique(numbers))
    if (numbers != np.floor(numbers)).any():
        return n_distinct > 20
    return n_distinct > 100 or (n_distinct > 20 and len(numbers) < 20 * n_distinct)


def gives_away(values: pd.Series | np.ndarray, targets: np.ndarray) -> float:
    """How well a column alone tells the target on rows it has not seen, in [0, 1]: 0 is as the most frequent class.

    It is the share of the mistakes of guessing the most frequent class that is avoided. Each row is judged by the
    others: by those with the same value or, for numbers of many values, by those with the nearest other value (twins
    tell nothing). At most 20,000 rows are tried, drawn at random; under 50 rows nothing can be said, 0.
    """
    rows = slice(None)
    if len(values) > MOST_ROWS:
        rows = np.random.default_rng(0).choice(len(values), MOST_ROWS, replace=False)
    some, targets = pd.Series(values).array[rows], np.asarray(targets)[rows]
    classes, y = np.unique(targets, return_inverse=True)
    if len(y) < FEWEST_ROWS or len(classes) < 2:
        return 0.0
    is_number = some.dtype.kind in "iufM"
    if is_number:
        numbers = np.asarray(some).astype(float)
        numbers[pd.isna(some)] = np.nan
        levels, codes = np.unique(numbers, return_inverse=True)  # NaN comes last, once
    else:
        numbers = levels = np.empty(0)
        codes, _ = pd.factorize(some, use_na_sentinel=False)
    right = _told_by_others(codes, y, len(classes))
    if is_number and len(levels) * 20 > len(y):
        near = _told_by_nearest(levels, codes, y, len(classes))
        right = np.where(np.isnan(numbers), right, near)
    chance = np.bincount(y).max() / len(y)
    return max(0.0, float((right.mean() - chance) / (1 - chance)))


# ---------------------------------------------------------------------------------------------------------- helpers


def _told_by_others(codes: np.ndarray, y: np.ndarray, n_classes: int) -> np.ndarray:
    """Whether most other rows with the same value have the class of each row, bool (n,)."""
    pairs, place, counts = np.unique(codes * n_classes + y, return_inverse=True, return_counts=True)
    of = pairs // n_classes
    best, second = np.zeros(codes.max() + 1, np.int64), np.zeros(codes.max() + 1, np.int64)
    order = np.lexsort((counts, of))
    last = np.append(of[order][1:] != of[order][:-1], True)  # the most frequent pair of each value
    best_pair = order[last]
    best[of[best_pair]] = counts[best_pair]
    rest = np.delete(order, np.flatnonzero(last))
    np.maximum.at(second, of[rest], counts[rest])
    is_best = np.zeros(len(pairs), bool)
    is_best[best_pair] = True
    rival = np.where(is_best[place], second[codes], best[codes])
    return counts[place] - 1 > rival


def _told_by_nearest(levels: np.ndarray, codes: np.ndarray, y: np.ndarray, n_classes: int) -> np.ndarray:
    """Whether the most frequent class at the nearest other value is the class of each row, bool (n,)."""
    levels = levels[~np.isnan(levels)]
    if len(levels) < 2:
        return np.zeros(len(codes), bool)
    pairs, counts = np.unique(codes * n_classes + y, return_counts=True)
    order = np.argsort(counts, kind="stable")
    major = np.zeros(codes.max() + 1, np.int64)
    major[pairs[order] // n_classes] = pairs[order] % n_classes  # the last written, the most frequent, stays
    gaps = np.diff(levels)
    left, right = np.append(np.inf, gaps), np.append(gaps, np.inf)
    nearest = np.arange(len(levels)) + np.where(left <= right, -1, 1)
    return major[np.append(nearest, 0)[np.minimum(codes, len(levels))]] == y


def _is_measurement(column: pa.ChunkedArray) -> bool:
    numbers = cells.plain_numbers(cells.known(column.cast(pa.string())))
    return numbers is not None and is_measurement(numbers[~np.isnan(numbers)])
