"""The numbers behind an evaluation's figures as one long table, to be read by a spreadsheet or pandas."""

import pandas as pd

COLUMNS = ("figure", "class", "other", "x", "value", "low", "high", "threshold", "n")


def table(figures: dict) -> pd.DataFrame:
    """The figures of one part of an evaluation, a row a number, with COLUMNS; empty where one does not apply.

    figures : as `core.evaluation.summary.figures` gives them
    figure : "metric", then `other` is its name; "class metric"; "confusion", `class` being the truth, `other` what was
        said and `value` a count; "roc" and "precision_recall", x to value at a threshold; "calibration", confidence to
        accuracy in a bin of n
    low, high : ends of the 95% interval; shares are from 0 to 1
    """
    return pd.DataFrame(list(_rows(figures)), columns=list(COLUMNS))


def _rows(figures: dict):
    """The rows, as dicts."""
    for name, figure in figures.get("metrics", {}).items():
        yield {"figure": "metric", "other": name, **figure}
    for row in figures.get("per_class", []):
        for name, figure in row.items():
            if isinstance(figure, dict):
                yield {"figure": "class metric", "class": row["class"], "other": name, "n": row["support"], **figure}
    classes = figures.get("classes", [])
    for truth, counts in zip(classes, figures.get("confusion", [])):
        for said, count in zip(classes, counts):
            yield {"figure": "confusion", "class": truth, "other": said, "value": count}
    for figure in ("roc", "precision_recall"):
        for curve in figures.get(figure, []):
            ends = {key: curve.get(key) or [None] * len(curve["x"]) for key in ("low", "high", "threshold")}
            for x, value, low, high, threshold in zip(curve["x"], curve["y"], *ends.values()):
                at = {"x": x, "value": value, "low": low, "high": high, "threshold": threshold}
                yield {"figure": figure, "class": curve["name"], **at}
    for name in ("calibration", "calibration_scaled"):
        for one in (figures.get(name) or {}).get("bins", []):
            at = {"x": one["confidence"], "value": one["accuracy"], "low": one["low"], "high": one["high"]}
            yield {"figure": name, "n": one["n"], **at}
