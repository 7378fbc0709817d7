"""Conformal prediction sets: as many classes for each sample as it takes to hold the true one as often as promised."""

import numpy as np

from core.evaluation import intervals, metrics


def calibrate(y_prob: np.ndarray, y_true: np.ndarray, coverage: float, by_class: bool = False) -> np.ndarray:
    """The largest 1 - probability with which a class still belongs to a set, float (n_classes,), in [0, 1].

    y_prob : float (n, n_classes), of validation samples;  y_true : int (n,);  coverage : share promised, in (0, 1)
    by_class : promise it for the samples of each class, else for all together
    Too few samples to promise it (n + 1 < 1 / (1 - coverage)): 1, so that sets hold every class.
    Sources: Sadinle, Lei and Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels", JASA
    114:223, arXiv:1609.00451; by class: Vovk 2012, "Conditional validity of inductive conformal predictors",
    arXiv:1209.2673.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"The coverage is {coverage}; give a share between 0 and 1, such as 0.9.")
    if len(y_true) != len(y_prob):
        raise ValueError(f"y_true has {len(y_true)} rows but y_prob has {len(y_prob)}; give one row for each sample.")
    metrics.check_finite(y_prob)
    n_classes = y_prob.shape[1]
    score = 1 - y_prob[np.arange(len(y_true)), y_true]
    if not by_class:
        return np.full(n_classes, _quantile(score, coverage))
    return np.array([_quantile(score[y_true == j], coverage) for j in range(n_classes)])


def sets(y_prob: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Which classes belong to the set of each sample, bool (n, n_classes); a set may be empty."""
    return 1 - y_prob <= quantiles


def observed(members: np.ndarray, y_true: np.ndarray) -> dict:
    """What sets come to on test samples, as plain numbers; figures are {"value", "low", "high"}.

    {"n", "coverage": share of sets that hold the true class, "size": mean number of classes in a set,
     "sizes": number of sets of 0, 1, ... classes, "by_class": [{"n", "coverage"}]}
    Intervals: Wilson's; of the mean size the t-interval.
    """
    n_classes = members.shape[1]
    right, size = members[np.arange(len(y_true)), y_true], members.sum(axis=1)
    support = np.bincount(y_true, minlength=n_classes)
    held = np.bincount(y_true[right], minlength=n_classes)
    return {
        "n": len(y_true),
        "coverage": intervals.proportion(int(right.sum()), len(y_true)),
        "size": _mean(size, n_classes),
        "sizes": np.bincount(size, minlength=n_classes + 1).tolist(),
        "by_class": [{"n": int(n), "coverage": intervals.proportion(int(k), int(n))} for k, n in zip(held, support)],
    }


def expected(n_val: int, coverage: float, n_test: int) -> tuple[float, float]:
    """The 95% interval of the coverage on n_test samples that sets calibrated on n_val samples promise.

    It is exact where no two scores are equal; samples alike in all else are taken as exchangeable.
    Source: Angelopoulos and Bates 2021, "A gentle introduction to conformal prediction", sec. 3.2, arXiv:2107.07511.
    """
    from scipy.stats import betabinom

    k = _position(n_val, coverage)
    if k > n_val:
        return 1.0, 1.0
    low, high = betabinom(n_test, k, n_val + 1 - k).interval(0.95)
    return float(low / n_test), float(high / n_test)


def _position(n: int, coverage: float) -> int:
    return int(np.ceil((n + 1) * coverage - 1e-9))  # 10 * 0.9 is not above 9


def _quantile(score: np.ndarray, coverage: float) -> float:
    k = _position(len(score), coverage)
    return 1.0 if k > len(score) else float(np.partition(score, k - 1)[k - 1])


def _mean(size: np.ndarray, most: int) -> dict:
    n = len(size)
    if not n:
        return dict(intervals.UNDEFINED)
    from scipy.stats import t

    half = t.ppf(0.975, n - 1) * size.std(ddof=1) / np.sqrt(n) if n > 1 else most
    return intervals.figure(size.mean(), max(size.mean() - half, 0), min(size.mean() + half, most))
