"""Raw values of a column as figures show them: places on an axis, names of categories, dates."""

import numpy as np

from core import words
from core.data.dataset import EPOCH, Column
from exports.charts import labels


def title(column: Column) -> str:
    """The column's name for an axis: Plotly would read tags in it."""
    return words.cut(column.name, 40).replace("&", "&amp;").replace("<", "&lt;")


def shown_values(column: Column, values: np.ndarray) -> list[str]:
    """Raw values of a column, float (n,), as a person reads them, as plain text for a figure."""
    if column.type == "category":
        named = [*labels(list(column.categories), 24), "missing"]
        return [named[int(code)] for code in np.nan_to_num(values, nan=-1)]
    if column.type == "date":
        return ["missing" if np.isnan(value) else str(axis(column, np.array([value]))[0])[:10] for value in values]
    return ["missing" if np.isnan(value) else f"{value:.6g}" for value in values]


def category(column: Column, code: int) -> str:
    """The category that a code stands for, "missing" below 0."""
    return "missing" if code < 0 else column.categories[code]


def axis(column: Column, values: np.ndarray) -> np.ndarray:
    """Numbers as they are, days since 1970 as dates."""
    if column.type != "date":
        return np.asarray(values, float)
    seconds = np.round(np.asarray(values, float) * 86400)
    return np.datetime64(EPOCH.to_datetime64(), "s") + seconds.astype("timedelta64[s]")  # ty: ignore[no-matching-overload]


def places(column: Column, values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Where raw values lie on an axis, and its ticks for a category: the most frequent first."""
    if column.type != "category":
        return axis(column, values), []
    codes = np.nan_to_num(values, nan=-1).astype(int)
    order = [code for code in np.argsort(-np.bincount(codes + 1), kind="stable") - 1 if (codes == code).any()]
    spot = {code: i for i, code in enumerate(order)}
    return np.array([float(spot[code]) for code in codes]), labels([category(column, code) for code in order], 16)
