"""Accumulated local effects: how small steps of one column move the probability, among rows that really lie there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("table",)
SCOPE = "model"
RANK = 4
TITLE = "Accumulated local effects"
ANSWERS = "How the probability moves as a column moves, counted only among rows whose value is near."
SILENT = "It says nothing of single rows, and nothing of a category, whose values have no order."
SOURCE = "Apley and Zhu 2020, Journal of the Royal Statistical Society B 82:4, arXiv:1612.08468."
MOST, Z = 5000, 1.959964


@dataclass(frozen=True)
class Options:
    column: str = option("", "number or date that is moved; empty takes the first")
    bins: int = option(30, "steps, each with about as many rows", 2, 200)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "grid" (g,), edges of the steps, and "effect", "low", "high" (g, n_classes), of which the mean is 0.

    low, high : 95% interval of each point, from how the rows of each step differ
    Of validation and training rows, at most MOST. Raises LookupError for an unknown column, ValueError for a category
    or a column with a single value.
    """
    from core import progress
    from core.evaluation.metrics import softmax
    from core.explain import _columns
    from core.model import predict

    schema = parts.schema
    ordered = [column.name for column in schema.columns if column.type != "category"]
    if not ordered:
        raise ValueError("All columns are categories, which have no order; choose partial_dependence.")
    name = options.column or ordered[0]
    j = _columns.index_of(schema, name)
    if name not in ordered:
        raise ValueError(f"{name} is a category, whose values have no order; choose partial_dependence.")
    x = np.concatenate([parts.x("val", MOST // 2), parts.x("train", MOST // 2)])
    x = x[~np.isnan(x[:, j])]
    values = x[:, j]
    edges = _columns.grid(values, schema.columns[j], options.bins + 1)
    step = np.clip(np.searchsorted(edges, values, side="left"), 1, len(edges) - 1)  # the step (n,) that ends at an edge
    low, high = x.copy(), x.copy()
    low[:, j], high[:, j] = edges[step - 1], edges[step]
    progress.report(0, 2)
    before = softmax(predict(model, low))
    progress.report(1, 2)
    moved = softmax(predict(model, high)) - before  # (n, n_classes)
    count = np.maximum(np.bincount(step, minlength=len(edges)), 1)[:, None]

    def by_step(rows):
        return np.stack([np.bincount(step, rows[:, k], len(edges)) for k in range(rows.shape[1])], axis=1) / count

    mean = by_step(moved)
    variance = by_step((moved - mean[step]) ** 2) / np.maximum(count - 1, 1)
    effect, half = mean.cumsum(axis=0), Z * np.sqrt(variance.cumsum(axis=0))
    middle = [np.interp(values, edges, effect[:, k]).mean() for k in range(effect.shape[1])]
    effect = effect - middle  # so that the mean over rows is 0
    k = int(np.ptp(effect, axis=0).argmax())
    record = {
        "n": len(x),
        "column": name,
        "sentence": f"Over the range of {name}, the probability of {schema.classes[k]} "
        f"moves by {np.ptp(effect[:, k]):.1%}.",
    }
    return {"grid": edges, "effect": effect, "low": effect - half, "high": effect + half}, record
