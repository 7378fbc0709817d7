"""What the methods for whole columns share: finding a column, the values it is set to, and predictions with it set."""

import numpy as np

from core.data.dataset import Column, Schema

MOST_CODES = 60  # categories that are shown, the most frequent ones


def index_of(schema: Schema, name: str) -> int:
    """The index of a column; LookupError names those there are."""
    names = [column.name for column in schema.columns]
    if name not in names:
        raise LookupError(f"There is no column {name!r} that the model reads; there are {', '.join(names)}.")
    return names.index(name)


def grid(x: np.ndarray, column: Column, points: int, evenly: bool = False) -> np.ndarray:
    """Values (g,) that a column is set to: quantiles of a number or date, the codes of a category; missing left out.

    evenly : half of a number's values are spread evenly over its range instead, so that no stretch of it is empty
    Raises ValueError if the column has fewer than two values.
    """
    values = x[~np.isnan(x)]
    if column.type == "category":
        codes, counts = np.unique(values[values >= 0], return_counts=True)
        found = np.sort(codes[np.argsort(-counts, kind="stable")][:MOST_CODES])
    else:
        distinct = np.unique(values)
        found = distinct
        if len(distinct) > points:
            shares = np.linspace(0, 1, points - points // 2 if evenly else points)
            found = np.unique(np.quantile(values, shares, method="nearest"))
            if evenly:
                spread = np.linspace(distinct[0], distinct[-1], points // 2 + 2)[1:-1]
                whole = (distinct == distinct.round()).all()
                found = np.union1d(found, spread.round() if whole else spread)
    if len(found) < 2:
        raise ValueError(
            f"{column.name} has {'a single value' if len(found) else 'no value'} in these rows, and two are needed; "
            "choose another column."
        )
    return found.astype(np.float32)


def with_column(x: np.ndarray, j: int, values: np.ndarray) -> np.ndarray:
    """Rows (g * n, n_columns): all rows x (n, n_columns) once for each of the values (g,) that column j is set to."""
    rows = np.tile(x, (len(values), 1))
    rows[:, j] = np.repeat(values, len(x))
    return rows
