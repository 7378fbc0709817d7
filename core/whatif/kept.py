"""Counterfactuals of a run's samples, kept with its explanations; and the shares of a row that a person changed."""

import dataclasses
from collections.abc import Callable

import numpy as np

from core import runs
from core.data import split
from core.data.dataset import Dataset
from core.explain import _kept
from core.explain._kept import Explanation
from core.whatif.counterfactuals import Wish, find

WHAT = "counterfactuals"


def read(run: str, sample: str, wish: Wish, point: dict | None) -> Explanation | None:
    """What was kept for this wish at this operating point (as a dict, or None), or None."""
    return _kept.read(run, WHAT, _key(sample, wish, point))


def make(
    run: str, sample: str, wish: Wish, point: dict | None, dataset: Dataset, predict: Callable, decide: Callable
) -> Explanation:
    """Find ways to another decision for a sample of `dataset`, keep them in the run's folder, and return them.

    Arrays: "x", "rows", "y_prob" and "changed", see `counterfactuals.find`. Record: sample, wish, said (class indices),
    changes, asked and sentence. Raises LookupError for a sample that is not there, and as `find` does.
    """
    where = np.flatnonzero(dataset.ids == sample)
    if not len(where):
        raise LookupError(f"There is no sample {sample!r} in the data of run {run}; choose another one.")
    x = np.asarray(dataset.x[where[0]], np.float32)
    found = find(predict, x, runs.schema(run), reference(run, dataset), wish, decide)
    arrays = {"x": x} | {name: found[name] for name in ("rows", "y_prob", "changed")}
    record = {
        "sample": sample,
        "wish": dataclasses.asdict(wish),
        "said": found["said"].tolist(),
        "changes": [[list(change) for change in changes] for changes in found["changes"]],
        "asked": found["asked"],
        "sentence": found["sentence"],
    }
    return _kept.write(run, WHAT, _key(sample, wish, point), record, arrays)


def reference(run: str, dataset: Dataset) -> np.ndarray:
    """The training rows of a run, float32 (n, n_columns)."""
    return np.asarray(dataset.x[split.load(runs.path(run, "split.parquet"), dataset.ids)["train"]])


def shares(run: str, row: tuple[float, ...], target: int) -> dict:
    """Shapley values of any row, for a class by index: {"shares", "error" or None, "base", "score"}; nothing is kept.

    It takes torch and the run's data, so a page asks the engine for it.
    """
    import torch

    from core import explain
    from core.explain import _base, shapley

    background = torch.from_numpy(np.array(explain.background(_base.parts_of(run))))
    x = torch.tensor([row], dtype=torch.float32)
    found = shapley.explain(explain.model_of(run), x, target, background=background)
    return {
        "shares": found.values[0].numpy(),
        "error": None if found.error is None else found.error[0].numpy(),
        "base": float(found.base[0]),
        "score": float(found.score[0]),
    }


def _key(sample: str, wish: Wish, point: dict | None) -> list:
    return [sample, dataclasses.asdict(wish), point]
