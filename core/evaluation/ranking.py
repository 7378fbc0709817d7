"""Areas under ROC and precision/recall curves from ranks, also under counts, and how each sample moves them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Ranking:
    """Positives and negatives in the order of their scores, highest first, as indices of samples.

    above, level : for each positive, how many negatives score higher, and how many higher or the same
    first, last : for each positive, the first and the last positive with its score
    """

    n: int
    positive: np.ndarray
    negative: np.ndarray
    above: np.ndarray
    level: np.ndarray
    first: np.ndarray
    last: np.ndarray


def rank(positive: np.ndarray, score: np.ndarray) -> Ranking:
    """The ranking of one binary problem: bool (n,), float (n,)."""
    return _rank(np.flatnonzero(positive), np.flatnonzero(~positive), score[positive], score[~positive], len(score))


def rank_all(y_true: np.ndarray, y_prob: np.ndarray) -> Ranking:
    """The ranking of all pairs of sample and class as one binary problem ("micro")."""
    n, n_classes = y_prob.shape
    own = y_true[:, None] == np.arange(n_classes)
    sample = np.broadcast_to(np.arange(n)[:, None], own.shape)
    return _rank(sample[own], sample[~own], y_prob[own], y_prob[~own], n)


def auroc(ranking: Ranking, counts: np.ndarray | None = None) -> np.ndarray | float | None:
    """Chance that a positive scores higher than a negative, a tie counting half; None without one of each.

    counts : float (b, n), how often each sample counts in each of b resamples; then the result is an array (b,)
    Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143:29.
    """
    m, n = len(ranking.positive), len(ranking.negative)
    if not m or not n:
        return None
    if counts is None:
        return float(1 - (ranking.above.sum() + ranking.level.sum()) / (2 * m * n))
    own = counts[:, ranking.positive]
    ahead = _running(counts[:, ranking.negative])
    lost = np.einsum("bi,bi->b", own, ahead[:, ranking.above] + ahead[:, ranking.level])
    return 1 - lost / (2 * own.sum(axis=1) * ahead[:, -1])


def average_precision(ranking: Ranking, counts: np.ndarray | None = None) -> np.ndarray | float | None:
    """Mean over the positives of the precision at their scores; None without a positive. `counts` as in `auroc`.

    Source: the sum over thresholds of (R_k - R_k-1) P_k, as in scikit-learn's average_precision_score.
    """
    if not len(ranking.positive):
        return None
    if counts is None:
        found = ranking.last + 1
        return float(np.mean(found / (found + ranking.level)))
    own = counts[:, ranking.positive]
    found = _running(own)[:, ranking.last + 1]
    called = found + _running(counts[:, ranking.negative])[:, ranking.level]
    return (own * found / np.where(called > 0, called, 1)).sum(axis=1) / own.sum(axis=1)


def auroc_slopes(ranking: Ranking) -> np.ndarray:
    """By how much the AUROC moves per unit of each sample's count, float (n,): DeLong's placements.

    Source: Sun and Xu 2014, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21:1389.
    """
    m, n = len(ranking.positive), len(ranking.negative)
    area: Any = auroc(ranking)
    own = 1 - (ranking.above + ranking.level) / (2 * n)
    below = np.bincount(ranking.above, minlength=n + 1) + np.bincount(ranking.level, minlength=n + 1)
    other = np.cumsum(below[:n]) / (2 * m)
    return _per_sample(ranking, (own - area) / m, (other - area) / n)


def partial_auroc_slopes(ranking: Ranking, most: float) -> np.ndarray:
    """As `auroc_slopes`, of the unscaled area over false alarms from 0 to `most`."""
    m, n = len(ranking.positive), len(ranking.negative)
    alarms = (ranking.above + ranking.level) / (2 * n)  # at the score of each positive
    own, inside = np.maximum(most - alarms, 0), alarms < most
    ends = np.r_[ranking.above[inside], ranking.level[inside]]
    ahead = np.cumsum(np.bincount(ends, minlength=n + 1)[::-1])[::-1][1:] / 2  # positives inside that score lower
    return _per_sample(ranking, (own - own.mean()) / m, (alarms[inside].sum() - ahead) / (m * n))


def average_precision_slopes(ranking: Ranking) -> np.ndarray:
    """By how much average precision moves per unit of each sample's count, float (n,): its derivative."""
    m, n = len(ranking.positive), len(ranking.negative)
    found, false = ranking.last + 1, ranking.level
    squared = (found + false).astype(float) ** 2
    gain = np.cumsum((false / squared)[::-1])[::-1][ranking.first]  # from the positives that score no higher
    own = found / (found + false) - average_precision(ranking) + gain
    loss = np.cumsum(np.bincount(false, weights=found / squared, minlength=n + 1)[::-1])[::-1]
    return _per_sample(ranking, own / m, -loss[1 : n + 1] / m)


MEASURES: dict[str, tuple[Callable[..., Any], Callable[[Ranking], np.ndarray]]] = {
    "auroc": (auroc, auroc_slopes),
    "average_precision": (average_precision, average_precision_slopes),
}
AREAS = {f"{name}_{mean}": both for name, both in MEASURES.items() for mean in ("macro", "micro")}


def _rank(positive, negative, own, other, n) -> Ranking:
    own, other = -own, -other
    down, order = np.argsort(own), np.argsort(other)
    own, other = own[down], other[order]
    return Ranking(
        n=n,
        positive=positive[down],
        negative=negative[order],
        above=np.searchsorted(other, own, "left"),
        level=np.searchsorted(other, own, "right"),
        first=np.searchsorted(own, own, "left"),
        last=np.searchsorted(own, own, "right") - 1,
    )


def _running(counts: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, ... columns: (b, n) -> (b, n + 1)."""
    sums = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums


def _per_sample(ranking: Ranking, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bincount(ranking.positive, own, ranking.n) + np.bincount(ranking.negative, other, ranking.n)
