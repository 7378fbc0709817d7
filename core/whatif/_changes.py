"""The changes of a row in plain values, as a person writes them and JSON holds them."""

from typing import Any

import numpy as np
import pandas as pd

from core.data.dataset import EPOCH, Column, Schema


def described(schema: Schema, x: np.ndarray, row: np.ndarray) -> list[tuple]:
    """The changes from x to row, both float32 (n_columns,): (column, from, to) as plain values."""
    return [
        (column.name, plain(column, old), plain(column, new))
        for column, old, new in zip(schema.columns, x, row)
        if old != new and not (np.isnan(old) and np.isnan(new))
    ]


def plain(column: Column, value: float | np.floating) -> str | float | int | None:
    """A value as a person writes it: a number, a category's text, 2024-05-31 for a date; None if missing."""
    if np.isnan(value) or (column.type == "category" and value < 0):
        return None
    if column.type == "category":
        return column.categories[int(value)]
    if column.type == "date":
        date = (EPOCH + pd.Timedelta(days=round(float(value) * 1440) / 1440)).isoformat(sep=" ", timespec="minutes")
        return date.removesuffix(" 00:00")
    value = float(np.format_float_positional(np.float32(value), unique=True))  # as short as tells it from others
    return int(value) if abs(value) < 1e15 and value == int(value) else value


def shown(value: Any) -> str:
    """A plain value in a sentence."""
    if value is None:
        return "missing"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
