"""Stratified bootstrap resamples as counts of samples, and metrics under them."""

from collections.abc import Iterable, Iterator

import numpy as np

from core.evaluation import metrics, ranking
from core.evaluation.intervals import RESAMPLES

BLOCK = 4_000_000  # counts that may be kept
CHUNK = 500_000  # counts that are drawn at once: they stay in the processor's cache
MEANS = ("log_loss", "brier", "ece")


def counts(y_true: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each sample is in each of `resamples` stratified bootstrap resamples, in blocks float64 (b, n).

    Each class keeps its size. The blocks depend on y_true, resamples and seed alone, so that two models can be compared
    under the same ones.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 6 and 8.
    """
    rng, n = np.random.default_rng(seed), len(y_true)
    places = [np.flatnonzero(y_true == j) for j in np.unique(y_true)]
    most = max(1, CHUNK // max(n, 1))
    for start in range(0, resamples, most):
        b = min(most, resamples - start)
        block = np.empty((b, n))
        for where in places:
            size = len(where)
            drawn = rng.integers(0, size, (b, size), dtype=np.int32)
            drawn = drawn + np.arange(0, b * size, size, dtype=np.int64)[:, None]
            block[:, where] = np.bincount(drawn.ravel(), minlength=b * size).reshape(b, size)
        yield block


def replicates(
    y_true: np.ndarray, y_prob: np.ndarray, names: list[str], blocks: Iterable[np.ndarray], linear_from: int = 50_000
) -> dict[str, np.ndarray]:
    """Metrics under resamples: name -> float (resamples,), NaN where not defined there.

    names : of metrics.METRICS;  blocks : arrays (b, n), as `counts` yields them
    linear_from : from so many samples times classes on, areas under curves are their value plus their slopes times the
        change of the counts. That takes a tenth of the time or less, and keeps their spread within 3%.
    """
    y_true, y_prob = metrics.checked(y_true, y_prob)
    under = [
        _counts_under(y_true, y_prob, [name for name in names if name in metrics.OF_COUNTS]),
        _means_under(y_true, y_prob, [name for name in names if name in MEANS or name in metrics.TOP]),
        _areas_under(y_true, y_prob, [name for name in names if name in ranking.AREAS], y_prob.size >= linear_from),
    ]
    parts = [{name: found for each in under for name, found in each(block).items()} for block in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _counts_under(y_true, y_prob, names):
    """A function of counts (b, n) to the metrics that follow from the confusion matrix."""
    if not names:
        return lambda _: {}
    n_classes = y_prob.shape[1]
    cells, which = np.unique(n_classes * y_true + y_prob.argmax(axis=1), return_inverse=True)
    true, called = np.divmod(cells, n_classes)
    right = np.where(true == called, true, n_classes)

    def under(block):
        table = _sums(block, which, len(cells))
        found = metrics.of_counts(*(_sums(table, labels, n_classes) for labels in (right, true, called)))
        return {name: found[name] for name in names}

    return under


def _means_under(y_true, y_prob, names):
    """A function of counts to means over samples: losses, shares of hits, and the calibration error."""
    which, gap = metrics.gaps(y_true, y_prob)
    columns = {}
    for name in names:
        if name not in metrics.TOP:
            columns[name] = gap if name == "ece" else metrics.losses(y_true, y_prob, name)
        elif y_prob.shape[1] > metrics.TOP[name]:
            columns[name] = metrics.hits(y_true, y_prob, metrics.TOP[name]).astype(float)
        else:
            columns[name] = np.full(len(y_true), np.nan)

    def under(block):
        n = block.sum(axis=1)
        found = {name: np.einsum("bi,i->b", block, each) / n for name, each in columns.items() if name != "ece"}
        if "ece" in columns:
            found["ece"] = np.abs(_sums(block * gap, which, metrics.N_BINS)).sum(axis=1) / n
        return found

    return under


def _sums(block: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """Sums of the columns of (b, m) by label 0 to n - 1, (b, n); further labels count for nothing."""
    return np.array([np.bincount(labels, row, n)[:n] for row in block])


def _areas_under(y_true, y_prob, names, linear):
    """A function of counts to areas under curves."""
    work = {}
    for name in names:
        area, slopes = ranking.AREAS[name]
        ranks = [ranking.rank_all(y_true, y_prob)] if name.endswith("micro") else metrics.rankings(y_true, y_prob)
        ranks = [each for each in ranks if area(each) is not None]
        if linear and ranks:
            slope = np.mean([slopes(each) for each in ranks], axis=0)
            work[name] = (np.mean([area(each) for each in ranks]), slope)
        else:
            work[name] = (area, ranks)

    def under(block):
        found = {}
        for name, (first, second) in work.items():
            if not len(second):
                found[name] = np.full(len(block), np.nan)
            elif isinstance(second, np.ndarray):
                found[name] = first + np.einsum("bi,i->b", block, second) - second.sum()
            else:
                found[name] = np.mean([first(each, block) for each in second], axis=0)
        return found

    return under
