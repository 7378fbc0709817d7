"""Classification metrics. Arrays in, plain numbers out, so they can be saved as JSON. None means: not defined."""

import numpy as np

CURVE_POINTS = 400  # points kept of a ROC or precision/recall curve, at most


def figures(y_true: np.ndarray, y_prob: np.ndarray, classes: tuple[str, ...]) -> dict:
    """Every figure of one evaluation as plain numbers.

    y_true : int array (n,), class indices;  y_prob : float array (n, n_classes), rows sum to 1
    Raises ValueError if the arrays do not fit or hold NaN.
    """
    if len(y_true) != len(y_prob):
        raise ValueError(f"y_true has {len(y_true)} rows but y_prob has {len(y_prob)}")
    if not np.isfinite(y_prob).all():
        raise ValueError("The predictions hold NaN or infinity; train again with a lower learning rate.")
    from sklearn import metrics as sk

    labels = np.arange(len(classes))
    y_pred = y_prob.argmax(axis=1)
    confusion = sk.confusion_matrix(y_true, y_pred, labels=labels)
    n_right = int(np.trace(confusion))
    roc, auroc = roc_curves(y_true, y_prob, classes)
    precision_recall, average_precision = precision_recall_curves(y_true, y_prob, classes)
    per_class = class_table(confusion, classes)
    return {
        "n": len(y_true),
        "n_right": n_right,
        "classes": list(classes),
        "accuracy": proportion(n_right, len(y_true)),
        "confusion": confusion.tolist(),
        "per_class": per_class,
        "macro": {name: _mean(row[name] for row in per_class) for name in ("precision", "recall", "f1")},
        "log_loss": float(sk.log_loss(y_true, y_prob, labels=labels)),
        "auroc": auroc,
        "average_precision": average_precision,
        "calibration": calibration(y_true, y_prob),
        "roc": roc,
        "precision_recall": precision_recall,
    }


def calibration(y_true: np.ndarray, y_prob: np.ndarray, n_bins: int = 10) -> dict:
    """How far confidence and accuracy are apart: {"error", "bins": [{"confidence", "accuracy", "n"}, ...]}.

    error : the expected calibration error, a fraction in [0, 1]; 0 is calibrated. Empty bins are left out.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3, arXiv:1706.04599.
    """
    confidence, right = y_prob.max(axis=1), y_prob.argmax(axis=1) == y_true
    which = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    n = np.bincount(which, minlength=n_bins)
    sums = [np.bincount(which, weights=values, minlength=n_bins) for values in (confidence, right)]
    bins = [
        {"confidence": float(sums[0][i] / n[i]), "accuracy": float(sums[1][i] / n[i]), "n": int(n[i])}
        for i in np.flatnonzero(n)
    ]
    error = float(np.abs(sums[0] - sums[1]).sum() / len(y_true)) if len(y_true) else 0.0
    return {"error": error, "bins": bins}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64 (n, n_classes), of logits (n, n_classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def proportion(k: int, n: int, confidence: float = 0.95) -> dict:
    """{"value", "low", "high"}: k/n with Wilson's interval; all None if n is 0.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22:209.
    """
    if n == 0:
        return {"value": None, "low": None, "high": None}
    from scipy.stats import binomtest

    interval = binomtest(k, n).proportion_ci(confidence, method="wilson")
    return {"value": k / n, "low": float(interval.low), "high": float(interval.high)}


def class_table(confusion: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    """Precision, recall, F1 (fractions or None) and support of each class, from counts (n_classes, n_classes)."""
    confusion = np.asarray(confusion)
    rows = []
    for j, name in enumerate(classes):
        hit, support, called = int(confusion[j, j]), int(confusion[j].sum()), int(confusion[:, j].sum())
        rows.append(
            {
                "class": name,
                "precision": hit / called if called else None,
                "recall": hit / support if support else None,
                "f1": 2 * hit / (support + called) if support + called else None,
                "support": support,
                "predicted": called,
            }
        )
    return rows


def confusion_at(y_true: np.ndarray, probability: np.ndarray, positive: int, threshold: float) -> np.ndarray:
    """Counts (2, 2), true by predicted class, if `positive` (0 or 1) is called where its probability >= threshold.

    y_true : int array (n,);  probability : float array (n,), of the positive class
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"The threshold is {threshold}; it must lie from 0 to 1.")
    y_pred = np.where(probability >= threshold, positive, 1 - positive)
    return np.bincount(2 * y_true + y_pred, minlength=4).reshape(2, 2)


def roc_curves(y_true, y_prob, classes):
    """ROC curves, one class against the rest, macro and micro, and the areas under them.

    Returns (curves, areas): curves is a list of {"name", "x": false alarms, "y": recall, "threshold"},
    areas is {"macro", "micro", "per_class": [...]}. A class without positives or negatives has no curve.
    Macro: the mean of the class curves over false alarms, as in Hand and Till 2001's one-against-rest reading.
    """
    from sklearn import metrics as sk

    curves, areas = [], []
    for name, positive, score in _one_against_rest(y_true, y_prob, classes):
        if positive.all() or not positive.any():
            areas.append(None)
            continue
        x, y, threshold = sk.roc_curve(positive, score)
        areas.append(float(sk.auc(x, y)))
        curves.append({"name": name, "x": x, "y": y, "threshold": threshold})
    macro = _mean(areas)
    micro = None
    if len(classes) > 2 and curves:
        grid = np.unique(np.concatenate([curve["x"] for curve in curves]))
        mean = np.mean([np.interp(grid, curve["x"], curve["y"]) for curve in curves], axis=0)
        flat_true, flat_score = _flat(y_true, y_prob)
        x, y, threshold = sk.roc_curve(flat_true, flat_score)
        micro = float(sk.auc(x, y))
        curves.append({"name": "macro", "x": np.r_[0, grid], "y": np.r_[0, mean], "threshold": None, "mean": True})
        curves.append({"name": "micro", "x": x, "y": y, "threshold": threshold, "mean": True})
    return [_plain(curve) for curve in curves], {"macro": macro, "micro": micro, "per_class": areas}


def precision_recall_curves(y_true, y_prob, classes):
    """Precision/recall curves, one class against the rest, and micro, with average precision.

    Returns (curves, areas) as `roc_curves`, with x recall and y precision; "macro" is the mean over classes.
    """
    from sklearn import metrics as sk

    curves, areas = [], []
    for name, positive, score in _one_against_rest(y_true, y_prob, classes):
        if not positive.any():
            areas.append(None)
            continue
        y, x, threshold = sk.precision_recall_curve(positive, score)
        areas.append(float(sk.average_precision_score(positive, score)))
        curves.append({"name": name, "x": x, "y": y, "threshold": np.append(threshold, np.inf)})
    micro = None
    if len(classes) > 2:
        flat_true, flat_score = _flat(y_true, y_prob)
        y, x, threshold = sk.precision_recall_curve(flat_true, flat_score)
        micro = float(sk.average_precision_score(flat_true, flat_score))
        curves.append({"name": "micro", "x": x, "y": y, "threshold": np.append(threshold, np.inf), "mean": True})
    return [_plain(curve) for curve in curves], {"macro": _mean(areas), "micro": micro, "per_class": areas}


def most_frequent_mistake(figures: dict) -> dict | None:
    """{"true", "predicted", "count"} of the largest count off the diagonal of the confusion matrix, or None."""
    mistakes = np.array(figures["confusion"])
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return None
    i, j = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return {"true": figures["classes"][i], "predicted": figures["classes"][j], "count": int(mistakes[i, j])}


def _one_against_rest(y_true, y_prob, classes):
    for j, name in enumerate(classes):
        yield name, y_true == j, y_prob[:, j]


def _flat(y_true, y_prob):
    """Every (sample, class) pair as one binary decision: targets (n*n_classes,), scores (n*n_classes,)."""
    return (y_true[:, None] == np.arange(y_prob.shape[1])).ravel(), y_prob.ravel()


def _plain(curve: dict) -> dict:
    """The curve as lists of at most CURVE_POINTS points; a threshold beyond every score becomes None."""
    n = len(curve["x"])
    keep = np.unique(np.linspace(0, n - 1, min(n, CURVE_POINTS)).round().astype(int))
    plain = {"name": curve["name"], "x": curve["x"][keep].tolist(), "y": curve["y"][keep].tolist()}
    if curve.get("mean"):
        plain["mean"] = True  # "macro" and "micro" may be names of classes as well
    threshold = curve["threshold"]
    plain["threshold"] = None if threshold is None else [float(t) if np.isfinite(t) else None for t in threshold[keep]]
    return plain


def _mean(values):
    """Mean of those that are defined, or None if none is."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
