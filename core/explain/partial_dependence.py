"""Partial dependence: what the model says on average, and for single rows, as one column takes each of its values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.data.dataset import Schema
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("table",)
SCOPE = "model"
RANK = 3
TITLE = "Partial dependence"
ANSWERS = "How the probability moves when one column is set to each of its values and all else stays as it is."
SILENT = "It asks about rows that may not exist, such as a tall child; accumulated local effects do not."
SOURCE = "Friedman 2001, Annals of Statistics 29:5; Goldstein et al. 2015, arXiv:1309.6392 (individual curves)."
ROWS, CURVES = 500, 60  # averaged over; drawn one by one


@dataclass(frozen=True)
class Options:
    column: str = option("", "column that is moved; empty takes the first")
    target: str = option("", "class whose individual curves are kept; empty takes the last")
    points: int = option(40, "values that a number is set to", 2, 200)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "grid" (g,), "mean" (g, n_classes), "individual" (m, g) of the class, "density" (n,) of the column.

    Of validation rows, at most ROWS. Values of the grid are raw: numbers, days since 1970, or codes of categories.
    Raises LookupError for an unknown column or class, ValueError if the column has a single value.
    """
    from core import progress
    from core.evaluation.metrics import softmax
    from core.explain import _columns
    from core.model import predict

    schema, x = parts.schema, parts.x("val", ROWS)
    name = options.column or schema.columns[0].name
    j, k = _columns.index_of(schema, name), class_index(schema, options.target)
    values = _columns.grid(parts.x("train")[:, j], schema.columns[j], options.points, evenly=True)
    mean, individual = [], []
    shown = np.linspace(0, len(x) - 1, min(CURVES, len(x))).round().astype(int)
    for i, piece in enumerate(np.array_split(values, max(1, len(values) // 8))):
        progress.report(i * 8, len(values))
        y_prob = softmax(predict(model, _columns.with_column(x, j, piece))).reshape(len(piece), len(x), -1)
        mean.append(y_prob.mean(axis=1))
        individual.append(y_prob[:, shown, k].T)
    mean = np.concatenate(mean)
    low, high = mean[:, k].min(), mean[:, k].max()
    record = {
        "n": len(x),
        "column": name,
        "target": schema.classes[k],
        "sentence": f"As {name} moves, the probability of {schema.classes[k]} "
        f"goes from {low:.1%} to {high:.1%} on average.",
    }
    arrays = {"grid": values, "mean": mean, "individual": np.concatenate(individual, axis=1)}
    return {**arrays, "density": parts.x("val", 2000)[:, j]}, record


def class_index(schema: "Schema", name: str) -> int:
    """The index of a class, the last for an empty name; LookupError names those there are."""
    if name and name not in schema.classes:
        raise LookupError(f"There is no class {name!r}; there are {', '.join(schema.classes)}.")
    return schema.classes.index(name) if name else len(schema.classes) - 1
