"""What is in a sample, as a number: the same number for the same content."""

import numpy as np
import pandas as pd

from core import progress
from core.data.dataset import Dataset

CHUNK_BYTES = 32 * 1024 * 1024


def content_keys(dataset: Dataset) -> np.ndarray:
    """A number for the content of each sample, uint64 (n,): equal for equal images, or rows equal in all columns.

    What counts is what the model reads: no target, no column that is left out, and empty text is a missing value.
    Two different contents share a number with a chance of 1 in 2^64. Images are read piece by piece.
    """
    if dataset.kind == "image":
        n_bytes = max(1, dataset.pictures[:1].nbytes)
        step = max(1, CHUNK_BYTES // n_bytes)
        pieces = []
        for start in range(0, len(dataset), step):
            progress.report(start, len(dataset))
            pieces.append(_hash_images(np.ascontiguousarray(dataset.pictures[start : start + step])))
        return np.concatenate([np.empty(0, np.uint64), *pieces])
    if not dataset.columns:
        return np.arange(len(dataset), dtype=np.uint64)  # nothing is known of the rows, so none are the same
    plain = {str(j): _plain(dataset.frame[column.name], column.type) for j, column in enumerate(dataset.columns)}
    return pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()  # ty: ignore[not-callable]


def _hash_images(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    if flat.dtype.kind == "f":
        flat = flat + 0.0  # -0.0 is 0.0
    rows = flat.view(f"V{flat.shape[1] * flat.itemsize}").ravel().astype(object)  # bytes, one for each image
    return pd.util.hash_array(rows, categorize=False)  # ty: ignore[not-callable]


def _plain(values: pd.Series, kind: str) -> np.ndarray | pd.Series | pd.Categorical:
    """A column in which equal contents are equal values."""
    values = values.reset_index(drop=True)
    if kind == "number":
        numbers = values.to_numpy(np.float64, na_value=np.nan) + 0.0  # -0.0 is 0.0
        return np.where(np.isnan(numbers), np.nan, numbers)
    if kind == "date":
        return pd.to_datetime(values)
    codes, distinct = pd.factorize(values)
    words = np.array([str(value) for value in distinct] + [""], dtype=object)
    return pd.Categorical.from_codes(*_merge(codes, words))


def _merge(codes: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and the distinct words they stand for; code -1 is the last word."""
    place, distinct = pd.factorize(words)
    return place[codes], np.asarray(distinct)
