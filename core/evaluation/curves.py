"""ROC and precision/recall curves with bands, partial areas, lift and gain, and histograms of scores."""

from dataclasses import dataclass

import numpy as np

from core.evaluation import intervals, metrics, ranking

POINTS = 400  # of a curve, at most
EVEN = 40  # points of a ROC curve that are evenly spread over its steps, besides those at which it bends
ALL_POINTS = 20_000  # of all curves of one kind: each has fewer where there are very many classes
DIGITS = 7  # of what is stored of a point, after the decimal point
N_BINS = 50  # of a histogram of scores


def roc(y_true: np.ndarray, y_prob: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    """ROC curves: one class against the rest, and for more than two classes macro and micro.

    Each is {"name", "x": false alarms, "y": recall, "threshold", "low", "high"}, and "mean": True for macro and micro,
    from high thresholds to low ones, thinned to at most POINTS.
    low, high : a pointwise 95% band of recall at the same share of false alarms, see `_band`
    threshold : None where it lies above every score; None as a whole for macro, whose points have none
    A class without positives or negatives has no curve. Macro: the mean recall of the classes at equal false alarms;
    its band takes the classes to err independently, and that of micro the pairs of sample and class.
    """
    return both(y_true, y_prob, classes)[0]


def precision_recall(y_true: np.ndarray, y_prob: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    """Precision/recall curves as `roc` gives its own, with x recall, y precision, and a band of precision at x.

    They begin at recall 0 with precision 1, as is the custom. A class without positives has no curve.
    """
    return both(y_true, y_prob, classes)[1]


def both(y_true: np.ndarray, y_prob: np.ndarray, classes: tuple[str, ...]) -> tuple[list[dict], list[dict]]:
    """The curves of `roc` and of `precision_recall`, for which the scores are sorted only once."""
    most = int(np.clip(ALL_POINTS // max(len(classes), 1), 40, POINTS))
    first, second = [], []
    for j, name in enumerate(classes):
        steps = Steps.of(y_true == j, y_prob[:, j])
        if steps.m and steps.n:
            first.append(_roc(name, steps, most))
        if steps.m:
            second.append(_precision_recall(name, steps, most))
    if len(classes) > 2 and second:
        steps = Steps.of((y_true[:, None] == np.arange(len(classes))).ravel(), y_prob.ravel())
        for found, work in ((first, _roc), (second, _precision_recall)):
            if found:
                found += [_mean_curve(found, most), work("micro", steps, most) | {"mean": True}]
    return [_plain(curve) for curve in first], [_plain(curve) for curve in second]


def partial_auroc(y_true: np.ndarray, score: np.ndarray, max_false_alarms: float) -> float | None:
    """AUROC over false alarms from 0 to `max_false_alarms`, scaled so that 0.5 is a guess and 1 is perfect.

    y_true : bool or 0/1 (n,);  score : float (n,), higher for positives;  None without one of each
    Source: McClish 1989, "Analyzing a portion of the ROC curve", Medical Decision Making 9:190.
    """
    if not 0 < max_false_alarms <= 1:
        raise ValueError(f"The most false alarms are {max_false_alarms}; give a share above 0, at most 1.")
    steps = Steps.of(np.asarray(y_true).astype(bool), np.asarray(score))
    if not steps.m or not steps.n:
        return None
    x, y = steps.false_alarms, steps.recall
    stop = np.searchsorted(x, max_false_alarms, "right")
    y = np.append(y[:stop], np.interp(max_false_alarms, x, y))
    area = np.trapezoid(y, np.append(x[:stop], max_false_alarms))
    guess = max_false_alarms**2 / 2
    return float((1 + (area - guess) / (max_false_alarms - guess)) / 2)


def partial_auroc_interval(y_true: np.ndarray, score: np.ndarray, max_false_alarms: float) -> dict:
    """{"value", "low", "high"} of `partial_auroc`, with DeLong's standard error for a part of the curve.

    Source: He and Escobar 2008, "Nonparametric statistical inference method for partial areas under receiver operating
    characteristic curves", Statistics in Medicine 27:5291.
    """
    value = partial_auroc(y_true, score, max_false_alarms)
    if value is None:
        return dict(intervals.UNDEFINED)
    positive = np.asarray(y_true).astype(bool)
    ranks = ranking.rank(positive, np.asarray(score))
    scale = 2 * max_false_alarms - max_false_alarms**2  # of the area, from a guess to perfect, times two
    slopes = ranking.partial_auroc_slopes(ranks, max_false_alarms) / scale
    spread, z = intervals.standard_error(positive.astype(int), slopes)
    return intervals.of_share(value, spread, 2 * min(len(ranks.positive), len(ranks.negative)), z=z)


def lift_and_gain(y_true: np.ndarray, score: np.ndarray) -> dict | None:
    """What taking the highest scores first brings; None without a positive.

    {"share": of samples taken, "gain": share of the positives among them, "low", "high": Wilson's 95% band of gain,
    "lift": how many times more positives than in as many samples drawn blindly, "threshold"}, lists of equal length
    y_true : bool or 0/1 (n,);  score : float (n,)
    """
    steps = Steps.of(np.asarray(y_true).astype(bool), np.asarray(score))
    if not steps.m:
        return None
    taken = (steps.found + steps.false) / (steps.m + steps.n)
    keep = _thin(taken, steps.recall, POINTS)
    taken, gain = taken[keep], steps.recall[keep]
    lift = np.divide(gain, taken, out=np.full(len(keep), np.nan), where=taken > 0)
    lift[0] = lift[1]
    low, high = intervals.wilson(gain, steps.m)
    curve = {"share": taken, "gain": gain, "low": low, "high": high, "lift": lift}
    return _plain(curve | {"threshold": steps.threshold[keep]})


def scores(y_true: np.ndarray, y_prob: np.ndarray, classes: tuple[str, ...]) -> dict:
    """How each class's probability is distributed among its own samples and among all others.

    {"edges": N_BINS + 1 numbers from 0 to 1, "classes": [{"class", "own": counts, "rest": counts}]}
    """
    where = np.clip((y_prob * N_BINS).astype(int), 0, N_BINS - 1)
    rows = []
    for j, name in enumerate(classes):
        own, rest = (np.bincount(where[part, j], minlength=N_BINS).tolist() for part in (y_true == j, y_true != j))
        rows.append({"class": name, "own": own, "rest": rest})
    return {"edges": np.linspace(0, 1, N_BINS + 1).round(6).tolist(), "classes": rows}


@dataclass(frozen=True)
class Steps:
    """How many positives are found, and how many negatives falsely, at each threshold from above every score down."""

    threshold: np.ndarray
    found: np.ndarray
    false: np.ndarray

    @classmethod
    def of(cls, positive: np.ndarray, score: np.ndarray) -> "Steps":
        """The steps of bool (n,) and float (n,); the first has threshold infinity and finds nothing."""
        metrics.check_finite(score)
        order = np.argsort(-score)
        score, positive = score[order], positive[order]
        ends = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.zeros(0, int)
        found = np.cumsum(positive)[ends]
        return cls(np.r_[np.inf, score[ends]], np.r_[0, found], np.r_[0, ends + 1 - found])

    @property
    def m(self) -> int:
        """Positives."""
        return int(self.found[-1])

    @property
    def n(self) -> int:
        """Negatives."""
        return int(self.false[-1])

    @property
    def recall(self) -> np.ndarray:
        """Share of the positives found at each step, in [0, 1]."""
        return self.found / self.m

    @property
    def false_alarms(self) -> np.ndarray:
        """Share of the negatives falsely found at each step, in [0, 1]."""
        return self.false / self.n


def _roc(name: str, steps: Steps, most: int) -> dict:
    x, y = steps.false_alarms, steps.recall
    bends = (np.diff(steps.false, 2) != 0) | (np.diff(steps.found, 2) != 0)  # the points between lie on the curve
    keep = np.r_[0, np.flatnonzero(bends) + 1, len(x) - 1]
    keep = np.union1d(
        keep, np.linspace(0, len(x) - 1, EVEN).round().astype(int)
    )  # the band bends where the curve does not
    keep = keep[_thin(x[keep], y[keep], most)]
    low, high = _band(steps, keep, lambda alarms, recall: (alarms, recall), x[keep])
    return _curve(name, x[keep], y[keep], steps.threshold[keep], low, high)


def _precision_recall(name: str, steps: Steps, most: int) -> dict:
    def point(alarms, recall):
        found, false = recall * steps.m, alarms * steps.n
        return recall, np.divide(found, found + false, out=np.ones(len(found)), where=found + false > 0)

    x, y = steps.recall, np.r_[1, steps.found[1:] / (steps.found + steps.false)[1:]]
    full = np.searchsorted(steps.found, steps.m) + 1  # lower thresholds find no more
    keep = _thin(x[:full], y[:full], most)
    low, high = _band(steps, keep, point, x[keep])
    return _curve(name, x[keep], y[keep], steps.threshold[keep], low, high)


def _curve(name, x, y, threshold, low, high) -> dict:
    return {
        "name": name,
        "x": x,
        "y": y,
        "threshold": threshold,
        "low": np.minimum(low, y),
        "high": np.maximum(high, y),
    }


def _band(steps: Steps, keep: np.ndarray, point, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of a curve at x, from Wilson's intervals of recall and of false alarms at each threshold.

    The two err independently: where one alone would move the curve by a, and the other alone by b, it is moved by
    sqrt(a^2 + b^2).
    point : a function of (false alarms, recall) to the curve's (x, y)
    Source: Zou and Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine
    27:1693 (variance estimates recovered from intervals of independent parts).
    """
    recall = steps.recall[keep]
    alarms = steps.false_alarms[keep] if steps.n else np.zeros(len(keep))
    recalls = intervals.wilson(recall, steps.m)
    alarm_ends = intervals.wilson(alarms, steps.n) if steps.n else (alarms, alarms)
    middle = np.interp(x, *point(alarms, recall))
    down, up = (
        np.hypot(np.interp(x, *point(alarms, moved)) - middle, np.interp(x, *point(aside, recall)) - middle)
        for moved, aside in zip(recalls, reversed(alarm_ends))
    )
    return np.maximum(middle - down, 0), np.minimum(middle + up, 1)


def _mean_curve(curves: list[dict], most: int) -> dict:
    """The mean of curves at equal x, and its band if they err independently."""
    x = np.unique(np.concatenate([curve["x"] for curve in curves]))
    x = x[_thin(x, np.zeros(len(x)), most - 1)]
    y, low, high = (np.array([np.interp(x, c["x"], c[key]) for c in curves]) for key in ("y", "low", "high"))
    mean, n = y.mean(axis=0), len(curves)
    down, up = (np.sqrt(((y - end) ** 2).sum(axis=0)) / n for end in (low, high))
    curve = _curve("macro", x, mean, None, np.maximum(mean - down, 0), np.minimum(mean + up, 1))
    return curve | {"mean": True}


def _thin(x: np.ndarray, y: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most `most` points of a curve, its ends among them: half by number, half by length along it."""
    if len(x) <= most:
        return np.arange(len(x))
    along = np.r_[0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
    by_number = np.linspace(0, len(x) - 1, most // 2).round().astype(int)
    by_length = np.searchsorted(along, np.linspace(0, along[-1], most // 2)).clip(max=len(x) - 1)
    return np.union1d(by_number, by_length)


def _plain(curve: dict) -> dict:
    """Lists instead of arrays, rounded to DIGITS but for thresholds; a threshold beyond every score becomes None."""
    plain = {}
    for key, value in curve.items():
        array = isinstance(value, np.ndarray)
        plain[key] = (value if key == "threshold" else value.round(DIGITS)).tolist() if array else value
    if plain["threshold"] is not None:
        plain["threshold"][0] = None
    return plain
