"""The operating point: what a model says, given its probabilities, thresholds, costs and the wish to say nothing."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation import intervals, metrics, summary
from core.evaluation.curves import Steps

SILENT = -1  # what is decided where nothing is said
POINTS = 400  # of a sweep, at most
TARGETS = {"recall": "precision", "precision": "recall", "false_alarms": "recall"}  # what is wanted most beside it


@dataclass(frozen=True)
class OperatingPoint:
    """How decisions are made; see `decide`. ValueError in a sentence if it makes no sense.

    thresholds : one, for `positive`, or one for each class; none means the most probable class
    costs : what it costs to call a class, costs[true][called]; a further column is what saying nothing costs
    abstain_below : nothing is said where the largest probability is below this
    """

    thresholds: Sequence[float] = ()
    costs: Sequence[Sequence[float]] | np.ndarray = ()
    abstain_below: float = 0.0
    positive: int = 1
    name: str = ""

    def __post_init__(self):
        object.__setattr__(self, "thresholds", tuple(float(value) for value in self.thresholds))
        object.__setattr__(self, "costs", tuple(tuple(float(cost) for cost in row) for row in self.costs))
        for value in self.thresholds:
            if not 0 <= value <= 1:
                raise ValueError(f"A threshold is {value}; give a share from 0 to 1.")
        if not 0 <= self.abstain_below <= 1:
            raise ValueError(f"The confidence to say nothing below is {self.abstain_below}; give a share from 0 to 1.")
        if not isinstance(self.positive, int) or self.positive < 0:
            raise ValueError(f"The positive class is {self.positive!r}; give the index of a class, from 0.")
        n = len(self.costs)
        widths = sorted({len(row) for row in self.costs})
        if n and (len(widths) > 1 or widths[0] not in (n, n + 1)):
            found = " and ".join(map(str, widths))
            raise ValueError(f"The costs have {n} rows of {found}; give one row for each true class, {n} by {n}.")
        if not np.isfinite(np.array(self.costs)).all():
            raise ValueError("The costs hold NaN or infinity; give a number for each true and called class.")

    def to_dict(self) -> dict:
        """As JSON holds it."""
        return dataclasses.asdict(self) | {
            "thresholds": list(self.thresholds),
            "costs": [list(row) for row in self.costs],
        }

    @classmethod
    def from_dict(cls, values: dict) -> "OperatingPoint":
        """The point of `to_dict`; ValueError for an entry that is not there."""
        names = [field.name for field in dataclasses.fields(cls)]
        if unknown := [name for name in values if name not in names]:
            raise ValueError(f"An operating point has no entry {unknown[0]!r}; it has {', '.join(names)}.")
        return cls(**values)

    def fits(self, n_classes: int) -> None:
        """ValueError in a sentence if the point is none for so many classes."""
        if len(self.thresholds) not in (0, 1, n_classes):
            raise ValueError(
                f"There are {len(self.thresholds)} thresholds for {n_classes} classes; give one, or one for each class."
            )
        if self.costs and len(self.costs) != n_classes:
            raise ValueError(
                f"The costs have {len(self.costs)} rows for {n_classes} classes; give {n_classes} by {n_classes}."
            )
        if self.positive >= n_classes and len(self.thresholds) == 1:
            raise ValueError(
                f"The positive class is {self.positive} of {n_classes}; give one from 0 to {n_classes - 1}."
            )


def decide(y_prob: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """The class that is called for each sample, int (n,); SILENT where nothing is said.

    y_prob : float (n, n_classes)
    One threshold: `positive` is called where its probability reaches it, else the most probable other class.
    A threshold for each class: the class whose probability is the largest multiple of its threshold.
    Costs and no threshold: the class with the least expected cost; Elkan 2001, "The foundations of cost-sensitive
    learning", IJCAI, eq. 1. Otherwise the most probable class. Of equals, the first.
    """
    n_classes = y_prob.shape[1]
    point.fits(n_classes)
    metrics.check_finite(y_prob)
    if len(point.thresholds) == 1:
        rest = y_prob.copy()
        rest[:, point.positive] = -1
        y_pred = np.where(y_prob[:, point.positive] >= point.thresholds[0], point.positive, rest.argmax(axis=1))
    elif point.thresholds:
        y_pred = (y_prob / np.maximum(point.thresholds, 1e-12)).argmax(axis=1)
    elif point.costs:
        y_pred = (y_prob @ np.array(point.costs)[:, :n_classes]).argmin(axis=1)
    else:
        y_pred = y_prob.argmax(axis=1)
    if point.abstain_below > 0:
        y_pred = np.where(y_prob.max(axis=1) < point.abstain_below, SILENT, y_pred)
    return y_pred


def outcome(y_true: np.ndarray, y_pred: np.ndarray, point: OperatingPoint, n_classes: int) -> dict:
    """What the decisions come to, as plain numbers; figures are {"value", "low", "high"}.

    {"n", "n_answered", "abstained": share, "abstained_by_class": counts, "confusion": counts of those answered,
     "accuracy": of those answered, "per_class": rows of `summary.class_table` of those answered,
     "cost": mean cost per sample, not defined without costs}
    Without a column of costs for saying nothing, the cost is that of the samples answered.
    Intervals: Wilson's; for the cost as `intervals.of_share`, between the least and the largest cost.
    """
    point.fits(n_classes)
    full = np.bincount(
        (n_classes + 1) * y_true + np.where(y_pred == SILENT, n_classes, y_pred), minlength=n_classes * (n_classes + 1)
    )
    full = full.reshape(n_classes, n_classes + 1)
    table, silent = full[:, :n_classes], full[:, n_classes]
    return {
        "n": len(y_true),
        "n_answered": int(table.sum()),
        "abstained": intervals.proportion(int(silent.sum()), len(y_true)),
        "abstained_by_class": silent.tolist(),
        "confusion": table.tolist(),
        "accuracy": intervals.proportion(int(np.trace(table)), int(table.sum())),
        "per_class": summary.class_table(table, tuple(range(n_classes))),
        "cost": _cost(full if point.costs and len(point.costs[0]) > n_classes else table, point),
    }


def cheapest(
    y_true: np.ndarray, y_prob: np.ndarray, costs: Sequence[Sequence[float]] | np.ndarray, positive: int = 1
) -> dict | None:
    """The threshold of two classes whose mean cost is least, of all that there are; find it on validation samples.

    {"threshold", "cost": per sample}; None without samples. Of equally cheap ones, the highest. It lies halfway between
    the two scores that it parts.
    y_prob : float (n, 2);  costs : costs[true][called], 2 by 2, of which a further column is left out
    """
    point = OperatingPoint(costs=costs, positive=positive)
    _two(y_prob, point)
    if not len(y_true):
        return None
    steps = Steps.of(y_true == positive, y_prob[:, positive])
    cost, threshold = _step_costs(steps, point), _between(steps.threshold)
    cost[np.isnan(threshold)] = np.inf
    best = int(cost.argmin())
    return {"threshold": float(threshold[best]), "cost": float(cost[best])}


def meeting(y_true: np.ndarray, y_prob: np.ndarray, positive: int, target: tuple[str, float]) -> dict:
    """The threshold that meets a target with the best other figure; find it on validation samples.

    target : ("recall", least), ("precision", least) or ("false_alarms", most); the other figure is in TARGETS
    {"threshold", "recall", "precision", "false_alarms", "reason"}; where none meets it, threshold is None and reason a
    sentence. Of equally good ones, the highest.
    """
    name, level = target
    if name not in TARGETS:
        raise ValueError(f"{name!r} is no target; choose one of {', '.join(TARGETS)}.")
    if not 0 <= level <= 1:
        raise ValueError(f"The target is {level}; give a share from 0 to 1.")
    steps = Steps.of(y_true == positive, y_prob[:, positive])
    found = _figures(steps)
    threshold = _between(steps.threshold)
    nothing = {"threshold": None, "recall": None, "precision": None, "false_alarms": None}
    if not steps.m:
        return nothing | {"reason": "There is no validation sample of this class."}
    if name == "false_alarms" and not steps.n:
        return nothing | {"reason": "There is no validation sample of another class."}
    with np.errstate(invalid="ignore"):
        meets = found[name] <= level if name == "false_alarms" else found[name] >= level
    meets &= ~np.isnan(threshold)
    if not meets.any():
        usable = found[name][~np.isnan(threshold)]
        best = np.nanmin(usable) if name == "false_alarms" else np.nanmax(usable)
        word = name.replace("_", " ")
        return nothing | {"reason": f"No threshold has {word} of {level:.1%}; the best has {best:.1%}."}
    other = np.where(meets, np.nan_to_num(found[TARGETS[name]], nan=0.0), -1)
    best = int(other.argmax())
    at = {key: metrics.plain(array[best]) for key, array in found.items()}
    return {"threshold": float(threshold[best]), **at, "reason": ""}


def sweep(y_true: np.ndarray, score: np.ndarray, costs: Sequence[Sequence[float]] | np.ndarray) -> dict:
    """Mean cost per sample, recall, precision and false alarms by threshold, lists of at most POINTS, for a plot.

    y_true : bool or 0/1 (n,), 1 for positives;  score : float (n,), their probability
    costs : costs[true][called], 2 by 2, positives second
    """
    point = OperatingPoint(costs=costs)
    steps = Steps.of(np.asarray(y_true).astype(bool), np.asarray(score))
    threshold = np.append(np.minimum(steps.threshold, 1), 0.0)  # 0 calls everything, as the last score does
    keep = np.linspace(0, len(threshold) - 1, min(len(threshold), POINTS)).round().astype(int)
    columns = {"cost": _step_costs(steps, point), **_figures(steps)}
    columns = {"threshold": threshold} | {name: np.append(array, array[-1]) for name, array in columns.items()}
    return {name: [metrics.plain(value) for value in array[keep]] for name, array in columns.items()}


def _two(y_prob, point):
    if y_prob.shape[1] != 2:
        raise ValueError(f"There are {y_prob.shape[1]} classes; a cheapest threshold is defined for two.")
    if point.positive > 1:
        raise ValueError(f"The positive class is {point.positive}; give 0 or 1.")
    if len(point.costs) != 2:
        n = len(point.costs)
        raise ValueError(f"The costs are for {n} classes; give costs[true][called] for two, 2 by 2.")


def _step_costs(steps: Steps, point: OperatingPoint) -> np.ndarray:
    """Mean cost per sample at each step."""
    costs, own, other = np.array(point.costs), point.positive, 1 - point.positive
    total = steps.found * costs[own, own] + (steps.m - steps.found) * costs[own, other]
    total = total + steps.false * costs[other, own] + (steps.n - steps.false) * costs[other, other]
    return total / max(steps.m + steps.n, 1)


def _figures(steps: Steps) -> dict[str, np.ndarray]:
    """Recall, precision and false alarms at each step, NaN where not defined."""
    with np.errstate(invalid="ignore"):
        return {
            "recall": np.divide(steps.found, steps.m),
            "precision": steps.found / (steps.found + steps.false),
            "false_alarms": np.divide(steps.false, steps.n),
        }


def _between(threshold: np.ndarray) -> np.ndarray:
    """For each step a threshold that decides as it does, halfway to the next lower score; NaN where there is none."""
    upper, lower = np.minimum(threshold, 1), np.append(threshold[1:], 0.0)
    middle = (upper + lower) / 2
    middle = np.where(middle > lower, middle, upper)
    middle[-1] = 0.0
    if len(threshold) > 1 and threshold[1] >= 1:
        middle[0] = np.nan  # a probability of 1 reaches every threshold
    return middle


def _cost(table: np.ndarray, point: OperatingPoint) -> dict:
    """Mean cost per sample of counts, with the interval that drawing samples anew gives with endless resamples."""
    n = table.sum()
    if not point.costs or not n:
        return dict(intervals.UNDEFINED)
    costs = np.array(point.costs)[:, : table.shape[1]]
    least, most = costs.min(), costs.max()
    value = float((table * costs).sum() / n)
    if least == most:
        return intervals.figure(value, value, value)
    each, smooth = (costs - least) / (most - least), intervals.smoothed(table) / n
    middle = float((smooth * each).sum())
    spread = np.sqrt(((smooth * each**2).sum() - middle**2) / n)
    found = intervals.of_share((value - least) / (most - least), spread, n, middle=middle)
    return {key: float(least + (most - least) * end) for key, end in found.items()}
