"""Labels that are most likely wrong, ranked by what a model says of samples that it was not trained on."""

import numpy as np
import pandas as pd


def suspects(y_true: np.ndarray, y_prob: np.ndarray) -> dict[str, np.ndarray]:
    """How likely each label is wrong: arrays of n values, for samples that the model did not see in training.

    y_true : int array (n,), the labels as given;  y_prob : float array (n, n_classes), rows sum to 1
    "order" : int, positions of the samples, the most likely wrong one first: those that are suspected before others,
        then by score, then as they are
    "score" : float in [0, 1], (1 - margin) / 2, the margin being the probability of the label less that of the
        likeliest other class; 1 is surely another class, 0 surely the label
    "suggested" : int, the class that the sample seems to be of; the label itself where nothing speaks against it
    "suspected" : bool, whether another class is confident: its probability is at least the mean probability of that
        class among the samples so labelled, and it is the likeliest of those of which that is true
    Raises ValueError if the arrays do not fit or hold NaN.
    Source: Northcutt, Jiang, Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
    arXiv:1911.00068: its thresholds (eq. 2), its confident joint (eq. 1) and its ranking by normalised margin.
    """
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob, np.float64)
    if y_prob.ndim != 2 or len(y_true) != len(y_prob):
        raise ValueError(
            f"y_true has {len(y_true)} labels and y_prob the shape {y_prob.shape}; it needs one row for each label."
        )
    if not np.isfinite(y_prob).all():
        raise ValueError("The predictions hold NaN or infinity; train again with a lower learning rate.")
    n, n_classes = y_prob.shape
    if n and (y_true.min() < 0 or y_true.max() >= n_classes):
        raise ValueError(f"y_true holds {y_true.min()} to {y_true.max()}; the classes are 0 to {n_classes - 1}.")
    rows = np.arange(n)
    own = y_prob[rows, y_true]
    n_labels = np.bincount(y_true, minlength=n_classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        threshold = np.bincount(y_true, weights=own, minlength=n_classes) / n_labels
    threshold[n_labels == 0] = np.inf  # a class that no sample is labelled as has no say
    confident = np.where(y_prob >= threshold, y_prob, -np.inf)
    best = confident.argmax(axis=1) if n else np.empty(0, np.int64)
    suspected = np.isfinite(confident.max(axis=1, initial=-np.inf)) & (best != y_true)
    others = y_prob.copy()
    others[rows, y_true] = -np.inf
    rival = others.max(axis=1, initial=-np.inf) if n_classes > 1 else np.zeros(n)
    score = (1 - (own - rival)) / 2
    likeliest = y_prob.argmax(axis=1) if n else best
    return {
        "order": np.lexsort((rows, -score, ~suspected)),
        "score": score.clip(0, 1),
        "suggested": np.where(suspected, best, likeliest),
        "suspected": suspected,
    }


def of_run(run: str, parts: tuple[str, ...] = ("val", "test")) -> pd.DataFrame:
    """The held-out samples of a run, the most likely wrong label first, as `of_samples`, with "part" after "id".

    Raises ValueError if the predictions are gone.
    """
    from core import runs

    stored = [runs.predictions(run, part) for part in parts]
    ids, y_true, logits = (np.concatenate(values) for values in zip(*stored))
    table = of_samples(ids, y_true, logits, runs.schema(run).classes)
    part_of = dict(zip(ids.tolist(), np.repeat(parts, [len(values[0]) for values in stored]).tolist()))
    table.insert(1, "part", table["id"].map(part_of))
    return table


def of_samples(ids: np.ndarray, y_true: np.ndarray, logits: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Held-out samples, for instance pooled over folds, the most likely wrong label first.

    ids : str (n,), unique;  y_true : int (n,);  logits : float (n, n_classes);  classes : their names
    Columns: "id", "label" and "suggested" (class names), "score" and "suspected", as of `suspects`, and "probability",
    that of the label.
    """
    from core.evaluation.metrics import softmax

    y_prob = softmax(logits)
    found = suspects(y_true, y_prob)
    names = np.array(classes, object)
    columns = {
        "id": ids,
        "label": names[y_true],
        "suggested": names[found["suggested"]],
        "score": found["score"],
        "suspected": found["suspected"],
        "probability": y_prob[np.arange(len(y_true)), y_true],
    }
    return pd.DataFrame(columns).iloc[found["order"]].reset_index(drop=True)
