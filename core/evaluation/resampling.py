"""How a metric of several predictors varies together over test samples: a paired bootstrap, stratified by class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation import bootstrap, metrics

RESAMPLES = 2000
MEANS = ("accuracy", "log_loss", "brier", *metrics.TOP)  # metrics that are a mean over samples


@dataclass(frozen=True)
class Together:
    """A metric of several predictors in the same resamples; of a mean over samples, its terms."""

    rows: np.ndarray  # float (n_predictors, n_resamples), or (n_predictors, n) for a mean
    targets: np.ndarray | None = None  # int (n,), for a mean

    def variance(self, weights: Sequence[float] | np.ndarray) -> float:
        """Variance over samples of the sum of the predictors' metrics with these weights (n_predictors,).

        Of a mean over samples it is known what infinitely many resamples would give, so none are drawn.
        """
        mixed = np.asarray(weights, float) @ self.rows
        if self.targets is None:
            mixed = mixed[np.isfinite(mixed)]
            return float(mixed.var(ddof=1)) if len(mixed) > 1 else 0.0
        sizes = np.maximum(np.bincount(self.targets), 1)
        within = mixed - (np.bincount(self.targets, mixed) / sizes)[self.targets]
        return float((within**2).sum()) / len(self.targets) ** 2


def resample(metric: str, targets: np.ndarray, predictors: list[np.ndarray]) -> Together:
    """The metric of each predictor, probabilities float (n, n_classes), in the same resamples.

    Each class keeps its size. Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 5 to 8.
    """
    if metric in MEANS:
        return Together(np.array([_terms(metric, targets, y_prob) for y_prob in predictors], float), targets)
    if metric in metrics.OF_COUNTS:
        return Together(_of_counts(metric, targets, np.stack([y_prob.argmax(axis=1) for y_prob in predictors], axis=1)))
    few = len(targets) * RESAMPLES <= bootstrap.BLOCK  # else they are drawn anew for each, to save memory
    kept = list(bootstrap.counts(targets, RESAMPLES)) if few else None
    rows = [
        bootstrap.replicates(targets, y_prob, [metric], kept or bootstrap.counts(targets, RESAMPLES))[metric]
        for y_prob in predictors
    ]
    return Together(np.array(rows))


def _terms(metric: str, targets: np.ndarray, y_prob: np.ndarray) -> np.ndarray:
    if metric == "accuracy":
        return y_prob.argmax(axis=1) == targets
    if metric in metrics.TOP:
        return metrics.hits(targets, y_prob, metrics.TOP[metric])
    return metrics.losses(targets, y_prob, metric)


def _of_counts(metric: str, targets: np.ndarray, said: np.ndarray, seed: int = 0) -> np.ndarray:
    """A metric that follows from counts, of each predictor in each resample, float (n_predictors, RESAMPLES).

    said : int (n, n_predictors). Samples of a class of which all predictors say the same are drawn as one cell of a
    multinomial, so that the time depends on the number of cells and not of samples.
    """
    rng = np.random.default_rng(seed)
    n_predictors, n_classes = said.shape[1], int(max(said.max(), targets.max())) + 1
    hit, called = np.zeros((2, n_predictors, RESAMPLES, n_classes))
    for j in np.unique(targets):
        cells, sizes = np.unique(said[targets == j], axis=0, return_counts=True)  # (n_cells, n_predictors)
        drawn = rng.multinomial(sizes.sum(), sizes / sizes.sum(), RESAMPLES).astype(float)  # (RESAMPLES, n_cells)
        for k in range(n_predictors):
            called[k] += drawn @ (cells[:, k, None] == np.arange(n_classes))
            hit[k, :, j] = drawn[:, cells[:, k] == j].sum(axis=1)
    support = np.bincount(targets, minlength=n_classes)
    return np.array([metrics.of_counts(hit[k], support, called[k])[metric] for k in range(n_predictors)])
