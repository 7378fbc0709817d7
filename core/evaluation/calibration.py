"""Calibration: how sure a model is against how often it is right, and the temperature that brings the two together."""

import numpy as np

from core.evaluation import intervals, metrics

N_FINE = 20  # bins of the histogram of confidence
LIMITS = 0.05, 20.0  # of a temperature
DOUBT = 0.5  # of its logarithm, before a sample was seen
SCALES = np.linspace(0, 4, 81)  # of the gaps that were seen, tried for the interval


def reliability(y_true: np.ndarray, y_prob: np.ndarray, n_bins: int = metrics.N_BINS) -> dict:
    """How far confidence and accuracy are apart, and where.

    {"error": expected calibration error in [0, 1], 0 is calibrated,
     "bins": [{"confidence", "accuracy", "n", "low", "high"}], by rising confidence, empty ones left out,
     "confidence": {"edges", "right", "wrong"}: counts of samples by confidence}
    low, high : Wilson's 95% interval of the accuracy in the bin
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3, arXiv:1706.04599.
    """
    which, gap = metrics.gaps(y_true, y_prob, n_bins)
    confidence, right = y_prob.max(axis=1, initial=0), y_prob.argmax(axis=1) == y_true
    n = np.bincount(which, minlength=n_bins)
    sure, good = (np.bincount(which, array, n_bins) for array in (confidence, right))
    bins = []
    for i in np.flatnonzero(n):
        low, high = intervals.wilson(good[i] / n[i], n[i])
        ends = {"n": int(n[i]), "low": float(low), "high": float(high)}
        bins.append({"confidence": float(sure[i] / n[i]), "accuracy": float(good[i] / n[i]), **ends})
    fine = np.clip((confidence * N_FINE).astype(int), 0, N_FINE - 1)
    histogram = {
        name: np.bincount(fine[part], minlength=N_FINE).tolist() for name, part in (("right", right), ("wrong", ~right))
    }
    error = float(np.abs(np.bincount(which, gap)).sum() / len(y_true)) if len(y_true) else 0.0
    edges = np.linspace(0, 1, N_FINE + 1).round(6).tolist()
    return {"error": error, "bins": bins, "confidence": {"edges": edges, **histogram}}


def error(y_true: np.ndarray, y_prob: np.ndarray, resamples: int = intervals.RESAMPLES, seed: int = 0) -> dict:
    """{"value", "low", "high"}: the expected calibration error with a 95% interval.

    The error seen is too large by chance alone, the more so the smaller it is. So the interval holds those errors under
    which the one seen is not among the 2.5% largest or smallest: gaps in proportion to those seen are taken as true,
    and errors drawn around them with the spread that they would have. Ends that would leave the value out are moved to
    it, and the high end is at least the spread of all bins together.
    Source: inversion of a test; Casella and Berger 2002, "Statistical Inference", 9.2.1.
    """
    n_all = len(y_true)
    if not n_all:
        return dict(intervals.UNDEFINED)
    which, gap = metrics.gaps(y_true, y_prob)
    n, seen, sure = (np.bincount(which, weights, metrics.N_BINS) for weights in (None, gap / n_all, y_prob.max(axis=1)))
    n, seen, sure = (array[n > 0] for array in (n, seen, sure))
    value = float(np.abs(seen).sum())
    shape = np.where(seen < 0, -1, 1) * (np.abs(seen) + 1e-12)
    shape /= np.abs(shape).sum()
    normal = np.random.default_rng(seed).normal(size=(resamples, len(n)))

    def spread(truth: float) -> np.ndarray:
        right = np.clip((sure + truth * shape * n_all + 0.5) / (n + 1), 0, 1)
        return np.sqrt(n * right * (1 - right) / n_all**2 + (truth * shape) ** 2 / n)  # how many are in a bin varies

    truths = SCALES * max(value, spread(0).sum())
    above = [np.mean(np.abs(truth * shape + normal * spread(truth)).sum(axis=1) > value) for truth in truths]
    low, high = np.interp((0.025, 0.975), np.maximum.accumulate(above), truths)
    high = max(high, value, np.sqrt((spread(0) ** 2).sum()))
    return intervals.figure(value, min(low, value), min(high, 1))


def fit_temperature(logits: np.ndarray, y_true: np.ndarray) -> float:
    """The temperature in LIMITS that, dividing the logits, makes the log loss least; fit it on validation samples.

    logits : float (n, n_classes);  y_true : int (n,)
    Few samples, or samples without a mistake, say little about it: it is drawn towards 1 by a normal prior of its
    logarithm with the standard deviation DOUBT, which hundreds of samples with mistakes outweigh.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", sec. 4.2, arXiv:1706.04599, but for the prior.
    """
    if not len(y_true):
        raise ValueError("There are no samples to fit a temperature on; give validation samples.")
    metrics.check_finite(logits)
    from scipy.optimize import minimize_scalar

    logits = logits.astype(np.float64)
    own = logits[np.arange(len(y_true)), y_true]
    most = logits.max(axis=1)

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        rest = np.log(np.exp((logits - most[:, None]) * scale).sum(axis=1))
        return float(np.sum(rest + (most - own) * scale) + (log_temperature / DOUBT) ** 2 / 2)

    return float(np.exp(minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded").x))


def soften(y_prob: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at another temperature: the softmax of the logits divided by it; decisions stay the same."""
    if not temperature > 0:
        raise ValueError(f"The temperature is {temperature}; give a number above 0.")
    with np.errstate(divide="ignore"):
        logs = np.log(y_prob)
    return metrics.softmax(np.maximum(logs, -745) / temperature)
