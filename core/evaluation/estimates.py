"""Every metric of a set of answers with its 95% interval."""

import numpy as np

from core.evaluation import calibration, intervals, metrics, ranking


def of_all(y_true: np.ndarray, y_prob: np.ndarray, resamples: int = intervals.RESAMPLES, seed: int = 0) -> dict:
    """{"value", "low", "high"} of each metric, and lists of them by class for "auroc" and "average_precision".

    Accuracy and top-k: Wilson. What follows from the confusion matrix: stratified bootstrap of its rows
    (`intervals.of_counts`). Areas and means: the stratified standard error of their linear part, which for areas is
    DeLong's (`ranking`), in Wilson's or Poisson's interval. Calibration error: a test inverted (`calibration.error`).
    """
    n, n_classes = y_prob.shape
    if not n:
        by_class = {name: [intervals.UNDEFINED] * n_classes for name in ranking.MEASURES}
        return dict.fromkeys(metrics.METRICS, intervals.UNDEFINED) | by_class
    table = metrics.confusion(y_true, y_prob.argmax(axis=1), n_classes)
    found = intervals.of_counts(table, resamples, seed)
    found["accuracy"] = intervals.proportion(int(np.trace(table)), n)
    for name, k in metrics.TOP.items():
        right = int(metrics.hits(y_true, y_prob, k).sum()) if n_classes > k else 0
        found[name] = intervals.proportion(right, n if n_classes > k else 0)
    for name in ("log_loss", "brier"):
        each = metrics.losses(y_true, y_prob, name)
        spread, z = intervals.standard_error(y_true, each / n)
        found[name] = intervals.of_mean(each.mean(), spread, n, z)
    found["ece"] = calibration.error(y_true, y_prob, resamples, seed)
    return found | _areas(y_true, y_prob)


def _areas(y_true: np.ndarray, y_prob: np.ndarray) -> dict:
    """Areas under curves with intervals: of each class, macro and micro."""
    found, n, ranks = {}, len(y_true), metrics.rankings(y_true, y_prob)
    micro = ranking.rank_all(y_true, y_prob)
    for name, (area, slopes) in ranking.MEASURES.items():
        found[name], values, total = [], [], np.zeros(n)
        for one in ranks:
            value, error = area(one), (0.0, intervals.Z)
            if value is not None:
                slope = slopes(one)
                error = intervals.standard_error(y_true, slope)
                total += slope
                values.append(value)
            few = 2 * min(len(one.positive), len(one.negative)) if name == "auroc" else len(one.positive)
            found[name].append(_of_area(value, error, few))
        error = intervals.standard_error(y_true, total / max(len(values), 1))
        found[f"{name}_macro"] = _of_area(np.mean(values) if values else None, error, n)
        value = area(micro)
        error = (0.0, intervals.Z) if value is None else intervals.standard_error(y_true, slopes(micro))
        found[f"{name}_micro"] = _of_area(value, error, n)
    return found


def _of_area(value: float | None, error: tuple[float, float], n: float) -> dict:
    return intervals.of_share(value, error[0], n, z=error[1])
