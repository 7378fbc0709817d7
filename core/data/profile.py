"""What a data set looks like before training, as plain numbers: distributions by class, sizes, correlations, means."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core import progress
from core.data import split
from core.data.dataset import Dataset

MOST_CLASSES = 50  # that are told apart; the rest are counted together
N_BINS = 30
N_VALUES = 20  # most frequent values of a column, and most frequent sizes of images
MOST_CORRELATED = 30  # columns
CORRELATION_ROWS = 20_000
QUANTILES = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)
LONGEST_CELL = 80  # characters
CHUNK_BYTES = 32 * 1024 * 1024


def of_table(dataset: Dataset, parts: np.ndarray) -> dict:
    """Distribution of every column by class, and correlations, ready for JSON.

    {"n": rows, "classes": [name, ...], "sizes": as `split.sizes`, "columns": [column, ...], "correlation": {"columns":
    [name, ...], "matrix": [[r, ...], ...]}}. All counts by class are [[n, ...] for each of "classes"]; where there are
    more than 50 classes, the last is "all others". A column is {"name", "type", "used": whether the model reads it,
    "reason": why not, "missing": share of rows, "distinct": values}, and
    of a number or date "edges" (n_bins + 1) and "counts" between the 1% and 99% quantile, "below" and "above" (rows
    outside), and "quantiles" {"0.5": median, ...}; of a date all but the counts are ISO dates;
    of all else "values": the most frequent 20, "counts" of each value, and "rest" [n, ...], rows with another value.
    """
    classes, y = _classes(dataset)
    columns = []
    for column in (*dataset.columns, *dataset.left_out):
        values = dataset.frame[column.name].reset_index(drop=True)
        head: dict = {"name": column.name, "type": column.type, "used": column in dataset.columns}
        head |= {"reason": getattr(column, "reason", ""), "missing": float(values.isna().mean())}
        columns.append(head | _distribution(values, y, len(classes)))
    return {
        "n": len(dataset),
        "classes": classes,
        "sizes": split.sizes(parts, dataset.targets, len(dataset.classes)),
        "columns": columns,
        "correlation": _correlation(dataset),
    }


def of_images(dataset: Dataset, parts: np.ndarray) -> dict:
    """Sizes, shapes and brightness of the images by class, ready for JSON.

    {"n": images, "classes": [name, ...], "sizes": as `split.sizes`, "most_frequent": [[width, height, n], ...],
    "n_shapes": different widths and heights, "width", "height" (pixels), "aspect" (width / height) and "brightness"
    (mean level, 0 black to 1 white): {"edges", "counts" by class}}. Sizes are those of the original images where known.
    """
    classes, y = _classes(dataset)
    height, width = _original_sizes(dataset)
    pairs = pd.Series(1, index=pd.MultiIndex.from_arrays([width, height])).groupby(level=[0, 1]).sum()
    frequent = pairs.sort_values(ascending=False, kind="stable").head(N_VALUES)
    low, high = _levels(dataset)
    brightness = np.concatenate([x.mean(axis=(1, 2, 3), dtype=np.float64) for _, x in _pieces(dataset.pictures)])
    return {
        "n": len(dataset),
        "classes": classes,
        "sizes": split.sizes(parts, dataset.targets, len(dataset.classes)),
        "most_frequent": [[int(w), int(h), int(n)] for (w, h), n in frequent.items()],
        "n_shapes": len(pairs),
        "width": _histogram(width, y, len(classes)),
        "height": _histogram(height, y, len(classes)),
        "aspect": _histogram(width / height, y, len(classes)),
        "brightness": _histogram((brightness - low) / (high - low), y, len(classes), (0.0, 1.0)),
    }


def mean_images(dataset: Dataset) -> np.ndarray:
    """Mean image of each class, uint8 (n_classes, c, h, w), of the first 50 classes at most; black without samples."""
    n_classes = min(len(dataset.classes), MOST_CLASSES)
    shape = dataset.pictures.shape[1:]
    sums = np.zeros((n_classes, math.prod(shape)))
    for start, x in _pieces(dataset.pictures):
        members = dataset.targets[start : start + len(x)] == np.arange(n_classes)[:, None]
        sums += members.astype(np.float32) @ x.reshape(len(x), -1).astype(np.float32)
    counts = np.bincount(dataset.targets, minlength=n_classes)[:n_classes, None]
    low, high = _levels(dataset)
    means = (sums / np.maximum(counts, 1) - low) / (high - low) * (counts > 0)
    return np.rint(np.clip(means, 0, 1) * 255).astype(np.uint8).reshape(n_classes, *shape)


# ---------------------------------------------------------------------------------------------------- columns


def _classes(dataset: Dataset) -> tuple[list[str], np.ndarray]:
    """Names of the classes that are told apart, and the place of each sample's class among them."""
    if len(dataset.classes) <= MOST_CLASSES:
        return list(dataset.classes), dataset.targets
    return [*dataset.classes[:MOST_CLASSES], "all others"], np.minimum(dataset.targets, MOST_CLASSES)


def _distribution(values: pd.Series, y: np.ndarray, n_classes: int) -> dict:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _numbers(values.to_numpy(np.float64, na_value=np.nan), y, n_classes)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _dates(values, y, n_classes)
    codes, distinct = pd.factorize(values)
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(distinct)), kind="stable")[:N_VALUES]
    place = np.full(len(distinct) + 1, len(order))  # the rest; and at the end, where -1 points, missing
    place[order] = np.arange(len(order))
    known = codes >= 0
    counts = _table(place[codes[known]], y[known], len(order) + 1, n_classes)
    return {
        "distinct": len(distinct),
        "values": [str(distinct[code])[:LONGEST_CELL] for code in order],
        "counts": counts[:, :-1].tolist(),
        "rest": counts[:, -1].tolist(),
    }


def _numbers(x: np.ndarray, y: np.ndarray, n_classes: int) -> dict:
    known = np.isfinite(x)
    x, y = x[known], y[known]
    found = {"distinct": len(pd.unique(x))}
    if len(x) == 0:
        return found | {"quantiles": {}, "edges": [], "counts": [[] for _ in range(n_classes)], "below": 0, "above": 0}
    quantiles = dict(zip(map(str, QUANTILES), np.quantile(x, QUANTILES).tolist()))
    low = float(np.quantile(x, 0.01, method="lower"))  # values that occur, so that a small table is seen whole
    high = float(np.quantile(x, 0.99, method="higher"))
    inside = (x >= low) & (x <= high)
    histogram = _histogram(x[inside], y[inside], n_classes, (low, high))
    return found | histogram | {"quantiles": quantiles, "below": int((x < low).sum()), "above": int((x > high).sum())}


def _dates(values: pd.Series, y: np.ndarray, n_classes: int) -> dict:
    times = pd.to_datetime(values, utc=True).astype("datetime64[s, UTC]")
    known = times.notna().to_numpy()
    seconds = np.full(len(values), np.nan)
    seconds[known] = times[known].astype(np.int64)
    found = _numbers(seconds, y, n_classes)
    found["edges"] = [_iso(edge) for edge in found["edges"]]
    found["quantiles"] = {name: _iso(value) for name, value in found["quantiles"].items()}
    return found


def _iso(seconds: float) -> str:
    return pd.Timestamp(round(seconds), unit="s").isoformat()


def _histogram(x: np.ndarray, y: np.ndarray, n_classes: int, span: tuple[float, float] | None = None) -> dict:
    """{"edges": float [n_bins + 1], "counts": [[n, ...] by class]}; whole numbers over a short span get a bin each."""
    low, high = (float(x.min()), float(x.max())) if span is None else span
    n_bins = N_BINS
    if span != (0.0, 1.0) and high - low < N_BINS and (x == np.floor(x)).all():
        low, high = math.floor(low) - 0.5, math.ceil(high) + 0.5
        n_bins = round(high - low)
    elif low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, n_bins + 1)
    where = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, n_bins - 1)
    return {"edges": edges.tolist(), "counts": _table(where, y, n_bins, n_classes).tolist()}


def _table(where: np.ndarray, y: np.ndarray, n_bins: int, n_classes: int) -> np.ndarray:
    """Samples by class and bin, int (n_classes, n_bins)."""
    return np.bincount(y * n_bins + where, minlength=n_classes * n_bins).reshape(n_classes, n_bins)


def _correlation(dataset: Dataset) -> dict:
    """Pearson's r of the numbers that the model reads, None where it is not defined; on evenly chosen rows."""
    names = [column.name for column in dataset.columns if column.type == "number"][:MOST_CORRELATED]
    step = max(1, math.ceil(len(dataset) / CORRELATION_ROWS))
    rows = dataset.frame[names].iloc[::step].astype(np.float64)
    matrix = rows.corr().to_numpy() if names else np.empty((0, 0))
    return {"columns": names, "matrix": [[None if math.isnan(r) else float(r) for r in row] for row in matrix]}


# ----------------------------------------------------------------------------------------------------- images


def _pieces(images: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Start and images of one piece after the other, so that a memory-mapped set is never in memory as a whole."""
    step = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    for start in range(0, len(images), step):
        progress.report(start, len(images))
        yield start, np.asarray(images[start : start + step])


def _levels(dataset: Dataset) -> tuple[float, float]:
    """The levels that are black and white: 0 and 255, or the extremes of images that somebody made as float."""
    if dataset.pictures.dtype == np.uint8:
        return 0.0, 255.0
    extremes = [(x.min(), x.max()) for _, x in _pieces(dataset.pictures)]
    low, high = float(min(e[0] for e in extremes)), float(max(e[1] for e in extremes))
    return low, high if high > low else low + 1


def _original_sizes(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Height and width of each image, in pixels."""
    if {"height", "width"} <= set(dataset.about):
        return dataset.about["height"].to_numpy(np.float64), dataset.about["width"].to_numpy(np.float64)
    height, width = dataset.pictures.shape[2:]
    return np.full(len(dataset), float(height)), np.full(len(dataset), float(width))
