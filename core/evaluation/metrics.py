"""Classification metrics. Arrays in, plain numbers out, so they can be saved as JSON. None means: not defined."""

from dataclasses import dataclass

import numpy as np

from core import registry
from core.evaluation import counted, ranking

N_BINS = 10  # of confidence, for the expected calibration error


@dataclass(frozen=True)
class Metric:
    """How a metric is shown. form : "percent" (a share), "area" (under a curve, in [0, 1]) or "number".

    least : the lowest value that it can have, if it is held from above by 1
    """

    title: str
    text: str  # one sentence that explains it
    higher_is_better: bool = True
    form: str = "percent"
    least: float = 0.0


COUNTED = {name: registry.member(counted, name, "metric") for name in registry.members(counted)}

METRICS = {
    "accuracy": Metric("Accuracy", "Share of samples that it gets right."),
    "balanced_accuracy": Metric(
        "Balanced accuracy", "Mean of the classes' recalls, so that each class counts the same."
    ),
    "precision_macro": Metric(
        "Precision (macro)", "Of those called a class, the share that is; mean of the classes that are called."
    ),
    "recall_macro": Metric(
        "Recall (macro)", "Of those that are a class, the share that is called so; mean of the classes that occur."
    ),
    "f1_macro": Metric("F1 (macro)", "Precision and recall in one figure, mean of all classes."),
    "f1_weighted": Metric("F1 (weighted)", "Precision and recall in one figure, mean over classes by their size."),
    **{name: Metric(one.TITLE, one.TEXT, True, one.FORM, one.LEAST) for name, one in COUNTED.items()},
    "top_2": Metric("Top 2", "Share of samples whose class is among the two most probable ones."),
    "top_3": Metric("Top 3", "Share of samples whose class is among the three most probable ones."),
    "top_5": Metric("Top 5", "Share of samples whose class is among the five most probable ones."),
    "log_loss": Metric(
        "Log loss", "How surprised the model is by the truth, on average; 0 is perfect.", False, "number"
    ),
    "brier": Metric(
        "Brier score", "Mean squared distance between probabilities and truth; 0 is perfect.", False, "number"
    ),
    "auroc_macro": Metric(
        "AUROC (macro)",
        "Chance that a sample of a class gets a higher score for it than one of another class, mean of the classes; "
        "0.5 is a guess.",
        form="area",
    ),
    "auroc_micro": Metric(
        "AUROC (micro)",
        "Chance that the probability of a true class is higher than that of a false one, over all samples and classes.",
        form="area",
    ),
    "average_precision_macro": Metric(
        "Average precision (macro)", "Precision averaged over all levels of recall, mean of the classes.", form="area"
    ),
    "average_precision_micro": Metric(
        "Average precision (micro)",
        "Precision averaged over all levels of recall, all samples and classes taken together.",
        form="area",
    ),
    "ece": Metric("Calibration error", "Mean gap between how sure the model is and how often it is right.", False),
}
OF_COUNTS = [  # those that follow from the confusion matrix
    *"accuracy balanced_accuracy precision_macro recall_macro f1_macro f1_weighted".split(),
    *COUNTED,
]
TOP = {"top_2": 2, "top_3": 3, "top_5": 5}


def values(y_true: np.ndarray, y_prob: np.ndarray, names: list[str] | None = None) -> dict[str, float | None]:
    """The value of each metric, as scikit-learn gives it; None where it is not defined.

    y_true : int array (n,), class indices;  y_prob : float array (n, n_classes), rows sum to 1
    names : some of METRICS; all if None. top_k is defined where there are more than k classes.
    Precision is averaged over the classes that are called, recall over those that occur, F1 over those that do either
    (scikit-learn's zero_division=nan); areas over classes with positives and negatives. The decision is the most
    probable class, the first of several. Brier: the mean of the sum of squared differences over classes; of two
    classes it is that of one of them, in [0, 1].
    Raises ValueError if the arrays do not fit, hold NaN or infinity, or a class that is not there.
    """
    y_true, y_prob = checked(y_true, y_prob)
    names = list(METRICS if names is None else names)
    if not len(y_true):
        return dict.fromkeys(names)
    n_classes = y_prob.shape[1]
    found, ranks = {}, {}
    if not set(OF_COUNTS).isdisjoint(names):
        table = confusion(y_true, y_prob.argmax(axis=1), n_classes)
        found = of_counts(np.diag(table), table.sum(axis=1), table.sum(axis=0))
    for name in names:
        if name in TOP and n_classes > TOP[name]:
            found[name] = hits(y_true, y_prob, TOP[name]).mean()
        elif name in ("log_loss", "brier"):
            found[name] = losses(y_true, y_prob, name).mean()
        elif name == "ece":
            which, gap = gaps(y_true, y_prob)
            found[name] = np.abs(np.bincount(which, gap)).sum() / len(y_true)
        elif name in ranking.AREAS:
            mean = name.rpartition("_")[2]
            if mean not in ranks:
                ranks[mean] = rankings(y_true, y_prob) if mean == "macro" else [ranking.rank_all(y_true, y_prob)]
            each = [ranking.AREAS[name][0](one) for one in ranks[mean]]
            found[name] = np.mean([area for area in each if area is not None] or np.nan)
    return {name: plain(found.get(name)) for name in names}


def of_counts(hit: np.ndarray, support: np.ndarray, called: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics OF_COUNTS from how often each class was found, occurs and was called; NaN where not defined.

    hit, support, called : arrays (..., n_classes); the results have shape (...)
    """
    hit, support, called = (np.asarray(array, float) for array in (hit, support, called))
    n, right = support.sum(axis=-1), hit.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall, f1 = hit / called, hit / support, 2 * hit / (support + called)
        return {
            "accuracy": right / n,
            "balanced_accuracy": _mean(recall),
            "precision_macro": _mean(precision),
            "recall_macro": _mean(recall),
            "f1_macro": _mean(f1),
            "f1_weighted": np.where(support > 0, f1 * support, 0).sum(axis=-1) / n,
            **{name: one.of_counts(hit, support, called) for name, one in COUNTED.items()},
        }


def rankings(y_true: np.ndarray, y_prob: np.ndarray) -> list[ranking.Ranking]:
    """The ranking of each class against the rest."""
    return [ranking.rank(y_true == j, y_prob[:, j]) for j in range(y_prob.shape[1])]


def losses(y_true: np.ndarray, y_prob: np.ndarray, name: str) -> np.ndarray:
    """The loss of each sample, float (n,): "log_loss" (natural, probabilities held off 0 by 2.2e-16) or "brier"."""
    if name == "log_loss":
        eps = np.finfo(float).eps
        return -np.log(np.clip(y_prob[np.arange(len(y_true)), y_true], eps, 1 - eps))
    squared = (y_prob**2).sum(axis=1) + 1 - 2 * y_prob[np.arange(len(y_true)), y_true]
    return squared / 2 if y_prob.shape[1] == 2 else squared


def hits(y_true: np.ndarray, y_prob: np.ndarray, k: int) -> np.ndarray:
    """Whether the class of each sample is among the k most probable, bool (n,); of equals the last come first."""
    own = y_prob[np.arange(len(y_true)), y_true][:, None]
    later = np.arange(y_prob.shape[1]) > y_true[:, None]
    return ((y_prob > own) | ((y_prob == own) & later)).sum(axis=1) < k


def gaps(y_true: np.ndarray, y_prob: np.ndarray, n_bins: int = N_BINS) -> tuple[np.ndarray, np.ndarray]:
    """The bin of each sample by confidence, int (n,), and by how much being right exceeds confidence, float (n,)."""
    confidence = y_prob.max(axis=1, initial=0)
    which = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    return which, (y_prob.argmax(axis=1) == y_true) - confidence


def checked(y_true: np.ndarray, y_prob: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class indices int (n,) and probabilities float64 (n, n_classes); ValueError if they do not fit."""
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob, np.float64)
    if len(y_true) != len(y_prob):
        raise ValueError(f"y_true has {len(y_true)} rows but y_prob has {len(y_prob)}; give one row for each sample.")
    check_finite(y_prob)
    if len(y_true) and not 0 <= y_true.min() <= y_true.max() < y_prob.shape[1]:
        raise ValueError(
            f"y_true holds {y_true.min()} to {y_true.max()} but y_prob has {y_prob.shape[1]} columns; "
            "give class indices from 0."
        )
    return y_true.astype(int), y_prob


def check_finite(y_prob: np.ndarray) -> None:
    """ValueError if probabilities or logits hold NaN or infinity."""
    if not np.isfinite(y_prob).all():
        raise ValueError("The predictions hold NaN or infinity; train again with a lower learning rate.")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64 (n, n_classes), of logits (n, n_classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def confusion(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts int (n_classes, n_classes), true by predicted class."""
    return np.bincount(n_classes * y_true + y_pred, minlength=n_classes**2).reshape(n_classes, n_classes)


def plain(value: float | np.ndarray | None) -> float | None:
    """A number of Python, or None if it is none."""
    return None if value is None or not np.isfinite(value) else float(value)


def _mean(array: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the values that are defined."""
    defined = np.isfinite(array)
    return np.where(defined, array, 0).sum(axis=-1) / defined.sum(axis=-1)
