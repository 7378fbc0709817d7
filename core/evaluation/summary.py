"""Everything that an evaluation says, as one record of plain numbers. None means: not defined."""

from collections.abc import Sequence

import numpy as np

from core.evaluation import calibration, curves, estimates, intervals, metrics, ranking


def figures(
    y_true: np.ndarray,
    y_prob: np.ndarray,
    classes: tuple[str, ...],
    resamples: int = 2000,
    seed: int = 0,
    temperature: float | None = None,
) -> dict:
    """Every figure of one evaluation as plain numbers, each with its 95% interval where it has one.

    {"n", "n_right", "classes", "metrics": {name: {"value", "low", "high"}} for each of metrics.METRICS, "confusion",
     "per_class": see `class_table`, "roc", "precision_recall": see `curves`, "calibration": see
     `calibration.reliability`, "calibration_scaled": the same at `temperature` (None without one), "scores"}
    y_true : int array (n,), class indices;  y_prob : float array (n, n_classes), rows sum to 1
    resamples, seed : of the bootstrap
    Raises ValueError if the arrays do not fit or hold NaN.
    """
    y_true, y_prob = metrics.checked(y_true, y_prob)
    if y_prob.shape[1] != len(classes):
        raise ValueError(
            f"y_prob has {y_prob.shape[1]} columns but there are {len(classes)} classes; give one for each."
        )
    table = metrics.confusion(y_true, y_prob.argmax(axis=1), len(classes))
    found = estimates.of_all(y_true, y_prob, resamples, seed)
    roc, precision_recall = curves.both(y_true, y_prob, classes)
    scaled = None
    if temperature is not None:
        scaled = calibration.reliability(y_true, calibration.soften(y_prob, temperature))
    return {
        "n": len(y_true),
        "n_right": int(np.trace(table)),
        "classes": list(classes),
        "metrics": {name: found[name] for name in metrics.METRICS},
        "confusion": table.tolist(),
        "per_class": class_table(table, classes, found),
        "roc": roc,
        "precision_recall": precision_recall,
        "calibration": calibration.reliability(y_true, y_prob),
        "calibration_scaled": scaled,
        "scores": curves.scores(y_true, y_prob, classes),
    }


def class_table(table: np.ndarray, classes: Sequence[str | int], found: dict | None = None) -> list[dict]:
    """A row for each class from counts (n_classes, n_classes), true by predicted.

    {"class", "support", "predicted", "precision", "recall", "f1", "auroc", "average_precision"}, the last five as
    {"value", "low", "high"}
    found : lists of "auroc" and "average_precision" by class, as of `estimates.of_all`; without it they are left out
    """
    table, found = np.asarray(table), found or {}
    rows = []
    for j, name in enumerate(classes):
        hit, support, called = int(table[j, j]), int(table[j].sum()), int(table[:, j].sum())
        row = {
            "class": name,
            "support": support,
            "predicted": called,
            "precision": intervals.proportion(hit, called),
            "recall": intervals.proportion(hit, support),
            "f1": intervals.of_f1(hit, support, called),
        }
        rows.append(row | {key: found[key][j] for key in ranking.MEASURES if key in found})
    return rows


def most_frequent_mistake(figures: dict) -> dict | None:
    """{"true", "predicted", "count"} of the largest count off the diagonal of the confusion matrix, or None."""
    mistakes = np.array(figures["confusion"])
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return None
    i, j = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return {"true": figures["classes"][i], "predicted": figures["classes"][j], "count": int(mistakes[i, j])}
