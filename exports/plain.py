"""How good a run is, for a reader who knows no statistics: counts out of a hundred."""

import dataclasses
import datetime

import numpy as np

from core import runs, words
from core.evaluation import metrics, operating
from core.evaluation.operating import OperatingPoint

GRID = 200  # steps of a threshold from 0 to 1
FEW = 50  # samples, below which a figure is rough


def day(timestamp: float | None) -> str:
    """Seconds since 1970 -> "2026-11-24", for what is read later elsewhere, where "today" would be another day."""
    return (
        "on a day that is not known" if timestamp is None else f"{datetime.datetime.fromtimestamp(timestamp):%Y-%m-%d}"
    )


def of_hundred(share: float) -> str:
    """0.931 -> "about 93"; 0.997 -> "more than 99"; 0.001 -> "fewer than 1"; 1.0 -> "all"; 0.0 -> "none"."""
    if share in (0, 1):
        return "all" if share else "none"
    if share < 0.005:
        return "fewer than 1"
    return "more than 99" if share > 0.995 else f"about {round(100 * share)}"


def lines(run: str, point: OperatingPoint | None, thing: str) -> list[str]:
    """Sentences on what the decisions of a run came to on its test samples, the most important one first.

    point : how it decides; None is the most probable class.  thing : what a sample is called, "picture" or "row"
    """
    y_true, y_prob, classes = _test(run)
    if not len(y_true):
        return [f"There was no {thing} to test it with, so nobody can say how good it is."]
    point = point or OperatingPoint()
    said = operating.decide(y_prob, point)
    found = operating.outcome(y_true, said, point, len(classes))
    told = [_mistakes(found, thing)]
    if len(classes) == 2:
        told.append(_of_two(found["per_class"][point.positive], classes[point.positive], thing))
    else:
        told += _of_many(found, classes)
    most = np.bincount(y_true, minlength=len(classes)).argmax()
    wrong = float((y_true != most).mean())
    told.append(f"For comparison: somebody who always says {classes[most]} gets {of_hundred(wrong)} of 100 wrong.")
    if len(y_true) < FEW:
        told.append(f"It was tested on {words.count(len(y_true), thing)} only, so these numbers are rough.")
    return [line for line in told if line]


def _mistakes(found: dict, thing: str) -> str:
    """ "Of 100 rows it gets about 14 wrong; from 13 to 15, were others of the same kind drawn." """
    accuracy, silent = found["accuracy"], found["abstained"]["value"]
    if accuracy["value"] is None:
        return f"It gave no answer to any of the {words.count(found['n'], thing)} it was tested with."
    low, high = round(100 * (1 - accuracy["high"])), round(100 * (1 - accuracy["low"]))
    wrong = f"{of_hundred(1 - accuracy['value'])} wrong"
    sure = f" (with other {thing}s of the same kind, from {low} to {high})" if low != high else ""
    if not silent:
        return f"Of 100 {thing}s like these, it gets {wrong}{sure}."
    answers = of_hundred(1 - silent)
    return (
        f"Of 100 {thing}s like these, it answers {answers} and says nothing on the others; "
        f"of 100 answers, it gets {wrong}{sure}."
    )


def _of_two(row: dict, name: str, thing: str) -> str:
    recall, precision = row["recall"]["value"], row["precision"]["value"]
    if recall is None:
        return f"No {thing} in the test was {name}, so nobody can say whether it finds them."
    told = f"Of 100 that are {name}, it finds {of_hundred(recall)}."
    return told if precision is None else f"{told} Of 100 that it calls {name}, {of_hundred(precision)} are."


def _of_many(found: dict, classes: tuple[str, ...]) -> list[str]:
    rows = zip(found["per_class"], classes)
    recalls = [(row["recall"]["value"], name, row["support"]) for row, name in rows if row["support"]]
    told = []
    if len(recalls) > 1 and (best := max(recalls))[0] > (worst := min(recalls))[0]:
        told.append(f"It knows {best[1]} best ({_found(best)}) and {worst[1]} least ({_found(worst)}).")
    mistakes = np.array(found["confusion"])
    np.fill_diagonal(mistakes, 0)
    if mistakes.any():
        i, j = np.unravel_index(mistakes.argmax(), mistakes.shape)
        n, times = mistakes.sum(), mistakes[i, j]
        which = (
            "Its most frequent mistake" if times > 1 else "Its only mistake" if n == 1 else f"One of its {n} mistakes"
        )
        often = f"{times:,} times in {found['n']:,}" if times > 1 else "none was made twice" if n > 1 else ""
        told.append(f"{which}: {classes[i]} is taken for {classes[j]}{often and f' ({often})'}.")
    return told


def outcomes(run: str, point: OperatingPoint | None) -> dict:
    """What moving the thresholds comes to on the test samples, by GRID + 1 values from 0 to 1.

    {"sweep": {"threshold", "recall", "precision"} of the positive class, None unless there are two classes,
     "silence": {"level", "answered", "right": of those answered}}; a figure that is not defined is None
    """
    y_true, y_prob, classes = _test(run)
    if not len(y_true):
        return {"sweep": None, "silence": None}
    grid, point = np.linspace(0, 1, GRID + 1), point or OperatingPoint()
    said = operating.decide(y_prob, dataclasses.replace(point, abstain_below=0.0))
    answered = _at_least(y_prob.max(axis=1), grid)
    right = _at_least(y_prob.max(axis=1)[said == y_true], grid)
    silence = {"level": grid, "answered": answered / len(y_true), "right": _share(right, answered)}
    sweep = None
    if len(classes) == 2:
        score, positive = y_prob[:, point.positive], y_true == point.positive
        hits, called = _at_least(score[positive], grid), _at_least(score, grid)
        sweep = {"threshold": grid, "recall": _share(hits, positive.sum()), "precision": _share(hits, called)}
    return {"sweep": sweep and _plain(sweep), "silence": _plain(silence)}


def _found(recall: tuple[float, str, int]) -> str:
    """Out of a hundred, but where only few were tested, as they were counted."""
    share, _, n = recall
    return f"it finds {round(share * n)} of {n}" if n < FEW else f"of 100 it finds {of_hundred(share)}"


def _test(run: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    _, y_true, logits = runs.predictions(run, "test")
    return y_true.astype(int), metrics.softmax(logits) if len(logits) else logits, runs.schema(run).classes


def _at_least(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """How many values reach each level of the grid."""
    return len(values) - np.searchsorted(np.sort(values), grid, side="left")


def _share(part: np.ndarray, whole) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(part, whole)


def _plain(columns: dict[str, np.ndarray]) -> dict[str, list]:
    return {
        name: [float(round(value, 4)) if np.isfinite(value) else None for value in values]
        for name, values in columns.items()
    }
