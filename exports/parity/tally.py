"""What the comparisons of a certificate come to, as plain numbers."""

from typing import Any

import numpy as np

from core.data.dataset import Dataset
from core.evaluation import metrics
from core.evaluation.metrics import softmax
from exports import feeding
from exports.answers import Answers
from exports.parity.sides import apart, apart_for_its_size

CLOSE = 1e-4  # largest allowed difference of an explanation or an embedding, for its size
STEP = 0.05  # largest allowed difference of "outlier", which goes up in steps of one validation sample
LARGE = 2**13  # values of a sample from which fewer samples are swept
LISTED = 200  # samples in a list, at most


class Rows:
    """The samples that are compared."""

    def __init__(self, dataset: Dataset, where: np.ndarray):
        self.dataset, self.where = dataset, where
        self.y_true, self.ids = dataset.targets[where], dataset.ids[where].astype(str)
        self.names = [*dataset.classes, "nothing"]
        self.x = np.asarray(dataset.x[where]) if dataset.kind == "table" else dataset.pictures[where]
        self.large = self.x[0].size >= LARGE

    def feeds(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """What the file is fed of these rows: by input, those at `places`, int (n,)."""
        return feeding.inputs(self.dataset, self.where[places])


class Tally:
    """What the comparisons come to."""

    def __init__(self, rows: Rows, wanted: Answers, tolerance: float):
        self.rows, self.quantiles, self.tolerance = rows, wanted.quantiles, tolerance
        self.checks: list[dict] = []
        self.decisions: dict[str, dict] = {}  # those that differ, by sample
        self.largest, self.largest_at, self.d = -1.0, None, 0.0
        self.whole: Any = None  # the comparison of all samples by which the metrics are computed

    def add(self, how: dict, places: np.ndarray, expected: dict, got: dict) -> None:
        """Count one comparison: how it was made, places of the samples, and what both sides say."""
        ids = self.rows.ids[places]
        difference = apart(got["probabilities"], expected["probabilities"])
        logits = apart(got["logits"], expected["logits"]) if "logits" in got else np.full(len(places), np.inf)
        differ = got["decision"] != expected["decision"]
        worst = int(difference.argmax())
        row = {
            **how,
            "n": len(places),
            "largest_difference": metrics.plain(difference[worst]),
            "p999_difference": metrics.plain(_p999(difference)),
            "largest_logit_difference": metrics.plain(logits.max()),
            "decisions_that_differ": int(differ.sum()),
            "accuracy": float((got["decision"] == self.rows.y_true[places]).mean()),
            "others": self._others(expected, got, differ),
        }
        self.checks.append(row)
        self.d = max(self.d, float(logits.max()))
        if difference[worst] > self.largest:
            self.largest, self.largest_at = float(difference[worst]), str(ids[worst])
        if self.whole is None:
            self.whole = (expected, got, logits, difference)
        for i in np.flatnonzero(differ):
            self.decisions[ids[i]] = {
                "id": str(ids[i]),
                "pytorch": self.rows.names[expected["decision"][i]],
                "onnx": self.rows.names[got["decision"][i]],
                "probability_pytorch": metrics.plain(expected["probabilities"][i].max()),
                "probability_onnx": metrics.plain(got["probabilities"][i].max()),
            }

    def _others(self, expected: dict, got: dict, differ: np.ndarray) -> dict[str, int]:
        """For each other output, how many samples differ by more than they may; only those where some do."""
        found = {}
        for name in set(got).intersection(expected) - {"probabilities", "logits", "decision"}:
            if name == "outlier":
                wrong = apart(got[name], expected[name]) > STEP
            elif got[name].dtype.kind == "f":
                wrong = apart_for_its_size(got[name], expected[name]) > CLOSE
            else:
                unequal = got[name] != expected[name]
                if name == "set":  # but for a class whose probability is the limit, to the last digits
                    unequal &= np.abs(1 - softmax(expected["logits"]) - self.quantiles) > self.tolerance
                wrong = unequal.reshape(len(got[name]), -1).any(axis=1) & ~differ
            if wrong.any():
                found[name] = int(wrong.sum())
        return dict(sorted(found.items()))

    def record(self, elsewhere: list[float | None]) -> dict:
        """The part of the record that is about all comparisons together.

        elsewhere : differences of logits that were seen on other inputs
        """
        expected, got, logits, difference = self.whole
        d = max([self.d, *(value for value in elsewhere if value is not None)])
        listed = sorted(self.decisions.values(), key=lambda row: row["id"])
        return {
            "checks": self.checks,
            "decisions": listed[:LISTED],
            "differing": len(listed),
            "largest_difference": metrics.plain(self.largest),
            "largest_at": self.largest_at,
            "p999_difference": metrics.plain(_p999(difference)),
            "logits": {"largest": metrics.plain(d), "p999": metrics.plain(_p999(logits))},
            "margin": _margin(expected["logits"], d, self.rows.ids),
            "accuracy": {
                "pytorch": float((expected["decision"] == self.rows.y_true).mean()),
                "onnx": float((got["decision"] == self.rows.y_true).mean()),
            },
            "metrics": _metrics(self.rows.y_true, expected, got),
        }


def _margin(logits: np.ndarray, d: float, ids: np.ndarray) -> dict:
    if not np.isfinite(d) or not np.isfinite(logits).all() or logits.shape[1] < 2:
        return {"d": metrics.plain(d), "beyond": None, "grey": []}
    two = np.partition(logits, -2, axis=1)[:, -2:]
    margin = np.abs(two[:, 1] - two[:, 0])
    grey = np.flatnonzero(margin <= 2 * d)
    grey = grey[np.argsort(margin[grey])][:LISTED]
    return {
        "d": float(d),
        "beyond": float((margin > 2 * d).mean()),
        "grey": [{"id": str(ids[i]), "margin": float(margin[i])} for i in grey],
    }


def _metrics(y_true: np.ndarray, expected: dict, got: dict) -> dict:
    """Every metric by the calibrated probabilities of both sides."""
    sides = {"pytorch": expected["probabilities"], "onnx": got["probabilities"]}
    sides = {side: y_prob.astype(np.float64) for side, y_prob in sides.items()}
    there = all(np.isfinite(y_prob).all() for y_prob in sides.values())
    figures = {side: metrics.values(y_true, y_prob) for side, y_prob in sides.items()} if there else {}
    return {name: {side: figures[side][name] for side in sides} for name in figures.get("onnx", {})}


def _p999(values: np.ndarray) -> float:
    return float(np.quantile(values, 0.999, method="higher"))
