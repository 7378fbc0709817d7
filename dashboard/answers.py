"""What a run said of each sample, read once and kept until its files change."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import runs
from core.evaluation import metrics


@dataclass(frozen=True, eq=False)
class Answers:
    """Stored predictions of one part: ids (n,), y_true (n,), logits (n, n_classes), y_prob (n, n_classes)."""

    ids: np.ndarray
    y_true: np.ndarray
    logits: np.ndarray
    y_prob: np.ndarray

    @property
    def y_pred(self) -> np.ndarray:
        """The most probable class of each sample, int (n,)."""
        return self.y_prob.argmax(axis=1)


def of(run: str, part: str) -> Answers:
    """The predictions of a run on "val", "test" or "on-<data set>", never to be changed; DamagedRun if unreadable."""
    return _read(run, str(runs.workspace()), part, stamp(run, part))


def stamp(run: str, part: str) -> int:
    """What changes when the predictions of a part do; 0 if there are none."""
    try:
        return runs.path(run, "predictions", f"{part}.parquet").stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner=False, max_entries=12)
def _read(run: str, workspace: str, part: str, stamp: int) -> Answers:  # noqa: ARG001 (parts of the key)
    ids, y_true, logits = runs.predictions(run, part)
    n_classes = len(runs.schema(run).classes)
    if problem := _problem(y_true, logits, n_classes):
        raise runs.DamagedRun(f"predictions/{part}.parquet of run {run} {problem}; evaluate the run again.")
    return Answers(ids, y_true.astype(int), logits, metrics.softmax(logits) if len(logits) else logits.astype(float))


def _problem(y_true: np.ndarray, logits: np.ndarray, n_classes: int) -> str:
    """What is wrong with predictions that could be read, "" if nothing is."""
    if logits.shape[1] != n_classes:
        return f"has {logits.shape[1]} classes where the run has {n_classes}"
    if not np.issubdtype(y_true.dtype, np.integer) or (
        len(y_true) and not 0 <= y_true.min() <= y_true.max() < n_classes
    ):
        return "names classes that the run does not have"
    return "" if np.isfinite(logits).all() else "holds NaN or infinity"
