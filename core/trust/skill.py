"""Whether the net itself is better than guessing: without that no explanation of it means anything."""

import numpy as np

LITTLE, SOME = 0.1, 0.3  # of the way from a guess to always right: below the first nothing, below the second little
SURE = 0.3  # times the square of the skill: what a net that learnt it at least takes of the uncertainty; about half of
# what the best probabilities would. A net with random weights may rank two classes well by luck, but says 50% of all
MOST = 5000  # samples looked at for that


def measure(y_true: np.ndarray, logits: np.ndarray) -> dict:
    """How far the net is on the way from a guess (0) to always right (1), on held-out samples (n,), (n, n_classes).

    value : the better of what its decisions and its ranking show, less twice the standard error;  recall : mean over
        classes;  guess : what a guess would have;  n : samples. `value` None where fewer than two classes occur
    certainty : share of the uncertainty about the class that its probabilities take, were it not too sure of itself
    The decisions: (mean recall - 1/k) / (1 - 1/k); the ranking, for rare classes: 2 mean AUC - 1, one against the rest.
    """
    y_true = np.asarray(y_true)
    classes = np.unique(y_true)
    if len(classes) < 2:
        return {"value": None, "recall": None, "guess": None, "n": len(y_true), "certainty": None}
    y_pred = logits.argmax(axis=1)
    recalls = np.array([(y_pred[y_true == k] == k).mean() for k in classes])
    counts = np.array([(y_true == k).sum() for k in classes])
    guess = 1 / len(classes)
    error = np.sqrt((recalls * (1 - recalls) / counts).sum()) / len(classes)
    by_decision = (recalls.mean() - 2 * error - guess) / (1 - guess)
    shifted = logits - logits.max(axis=1, keepdims=True)
    y_prob = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    by_rank = 2 * np.mean([_auc_low(y_prob[:, k], y_true == k) for k in classes]) - 1
    value = float(max(by_decision, by_rank, 0.0))
    found = {"value": value, "recall": float(recalls.mean()), "guess": guess, "n": len(y_true)}
    return found | {"certainty": _certainty(y_true, logits)}


def check(skill: dict | None) -> dict:
    """The check as a record."""
    found = {"name": "skill", "title": "Is the net better than guessing?", "passed": None, "value": None}
    if skill is None or skill["value"] is None:
        return found | {"text": "It is not known how good the net is on samples it has not learnt from."}
    value, recall, guess = skill["value"], skill["recall"], skill["guess"]
    text = f"on {skill['n']:,} samples it has not learnt from it finds {recall:.0%} of a class on average, "
    text += f"where a guess finds {guess:.0%}."
    by_luck = skill["certainty"] < SURE * value**2
    passed = value >= LITTLE and not by_luck
    start = "No: " if value < LITTLE else "Hardly: " if value < SOME else "Yes: "
    if by_luck and value >= LITTLE:
        start, text = "No: ", text[:-1] + ", but its probabilities are no surer than a guess, as if by luck."
    return found | {"passed": passed, "value": value, "text": start + text}


def _certainty(y_true: np.ndarray, logits: np.ndarray) -> float:
    """1 - log loss / entropy of the classes, at the best temperature from 1 on."""
    from scipy.special import log_softmax

    some = np.linspace(0, len(y_true) - 1, min(len(y_true), MOST)).round().astype(int)
    y_true, logits = y_true[some], logits[some].astype(np.float64)
    shares = np.bincount(y_true) / len(y_true)
    entropy = -(shares[shares > 0] * np.log(shares[shares > 0])).sum()
    losses = [
        -log_softmax(logits / heat, axis=1)[np.arange(len(y_true)), y_true].mean() for heat in np.geomspace(1, 100, 17)
    ]
    return float(1 - min(losses) / entropy)


def _auc_low(score: np.ndarray, is_class: np.ndarray) -> float:
    """Area under the ROC curve less twice its standard error (Hanley and McNeil 1982, Radiology 143:29)."""
    from scipy.stats import rankdata

    n, m = int(is_class.sum()), int((~is_class).sum())
    area = (rankdata(score)[is_class].sum() - n * (n + 1) / 2) / (n * m)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m)
    return float(area - 2 * np.sqrt(max(0.0, variance)))
