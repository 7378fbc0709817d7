"""What goes into the exported file: the names of its inputs, and samples as it takes them, there and back."""

import numpy as np
import pandas as pd

from core.data.dataset import Dataset, Schema, encode

TYPES = {"number": "float32", "category": "string", "date": "string"}  # of a column's input
OUTPUTS = (
    "logits",
    "probabilities",
    "decision",
    "label",
    "abstain",
    "set",
    "outlier",
    "explanation",
    "embedding",
)


def input_names(schema: Schema) -> list[str]:
    """Names of the file's inputs: "image", or the columns' own, but for one that is named as an output."""
    if schema.kind == "image":
        return ["image"]
    return [f"{column.name} (column)" if column.name in OUTPUTS else column.name for column in schema.columns]


def inputs(dataset: Dataset, where: np.ndarray) -> dict[str, np.ndarray]:
    """The samples at `where` as the file takes them: straight from the data, nothing computed."""
    if dataset.kind == "image":
        return {"image": np.ascontiguousarray(dataset.pictures[where])}
    rows = dataset.frame.iloc[where]
    return {
        name: column_input(rows[column.name], column.type)
        for name, column in zip(input_names(dataset.schema), dataset.columns)
    }


def column_input(values: pd.Series, column_type: str) -> np.ndarray:
    """A column as the file takes it: float32 (n,), NaN if missing; or text (n,), "" if missing; dates in ISO 8601."""
    if column_type == "number":
        return values.to_numpy(np.float32, na_value=np.nan)
    if column_type == "date":
        return _iso(values.to_numpy("datetime64[ns]"))
    return values.astype("string").fillna("").to_numpy(object)


def feeds(schema: Schema, x: np.ndarray) -> dict[str, np.ndarray]:
    """Raw samples, as the model takes them, as the file does: codes of categories as their text, days as dates."""
    if schema.kind == "image":
        return {"image": np.ascontiguousarray(x, schema.dtype)}
    found = {}
    for j, (name, column) in enumerate(zip(input_names(schema), schema.columns)):
        values = np.ascontiguousarray(x[:, j], np.float32)
        if column.type == "category":
            texts = np.array([*column.categories, ""], object)  # -1, a missing one, is the last
            values = texts[np.clip(values, -1, len(column.categories) - 1).astype(int)]
        elif column.type == "date":
            values = _iso(_dates(values))
        found[name] = values
    return found


def x_of(schema: Schema, given: dict[str, np.ndarray]) -> np.ndarray:
    """The other way round: what the file takes as the model takes it, images (n, c, h, w) or float32 (n, n_columns).

    A date that cannot be read is a missing one, as it is in the file.
    """
    if schema.kind == "image":
        return given["image"]
    table = {}
    for name, column in zip(input_names(schema), schema.columns):
        values = pd.Series(given[name])
        table[column.name] = values if column.type != "date" else pd.to_datetime(values, errors="coerce", format=_ISO)
    return encode(pd.DataFrame(table), schema.columns)


_ISO = "ISO8601"


def _iso(values: np.ndarray) -> np.ndarray:
    """Dates, datetime64, as text to the second, without the time where all are at midnight; "" for NaT."""
    whole = values.astype("datetime64[s]")
    days = whole.astype("datetime64[D]")
    text = np.datetime_as_string(days if (days == whole)[~np.isnat(whole)].all() else whole).astype(object)
    text[np.isnat(values)] = ""
    return text


def _dates(days: np.ndarray) -> np.ndarray:
    """Days since 1970 as datetime64[s]; NaT for NaN."""
    seconds = np.where(np.isfinite(days), days, 0).astype(np.float64) * 86400
    found = np.round(seconds).astype("datetime64[s]")
    found[~np.isfinite(days)] = np.datetime64("NaT")
    return found
