"""Interactions of two columns: how far their common effect is more than the sum of their own."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("table",)
SCOPE = "model"
RANK = 5
TITLE = "Interactions"
ANSWERS = "Which two columns work together: how much of their common effect is not the sum of the two effects alone."
SILENT = "It does not see what three columns do together, and it is shaky where neither column matters."
SOURCE = "Friedman and Popescu 2008, Annals of Applied Statistics 2:3, arXiv:0811.1679 (the H statistic)."
ROWS = 60  # over which effects are averaged, and at which they are looked at
SMALL = 1e-3  # root mean square of a common effect, in probability, below which nothing is said


@dataclass(frozen=True)
class Options:
    column: str = option("", "first column of the surface; empty takes the strongest pair")
    other: str = option("", "second column of the surface")
    target: str = option("", "class; empty takes the last")
    columns: int = option(10, "columns that are paired, those that move the probability most", 2, 40)
    points: int = option(16, "values of each column in the surface", 2, 60)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "strength" (n_columns, n_columns), "size", likewise, "surface" (g1, g2), "grid_1" (g1,), "grid_2" (g2,).

    strength : H in [0, 1], the root of the share of the common effect's variance that is not additive; NaN where a pair
        was not looked at;  size : the root mean square of that part, in probability
    surface : mean probability of the class with both columns set. Raises LookupError for an unknown column or class.
    """
    from core import progress
    from core.evaluation.metrics import softmax
    from core.explain import _columns
    from core.explain.partial_dependence import class_index
    from core.model import predict

    schema, k = parts.schema, class_index(parts.schema, options.target)
    if len(schema.columns) < 2:
        raise ValueError("The model reads a single column, and an interaction needs two.")
    names = [column.name for column in schema.columns]
    asked = [_columns.index_of(schema, name) for name in (options.column, options.other) if name]
    if len(asked) == 1 or (asked and asked[0] == asked[1]):
        raise ValueError("An interaction is of two columns; name both, column and other, or neither.")
    x = parts.x("val", ROWS)
    n = len(x)

    def effect(columns: list[int]) -> np.ndarray:
        """Centred partial dependence on these columns at each row, (n,)."""
        rows = np.tile(x, (n, 1))
        for j in columns:
            rows[:, j] = np.repeat(x[:, j], n)
        mean = softmax(predict(model, rows, 8192))[:, k].reshape(n, n).mean(axis=1)
        return mean - mean.mean()

    alone = np.stack([effect([j]) for j in range(len(names))])
    moving = set(np.argsort(-alone.std(axis=1), kind="stable")[: options.columns].tolist()) | set(asked)
    pairs = list(itertools.combinations(sorted(moving), 2))
    strength = np.full((len(names), len(names)), np.nan)
    size = strength.copy()
    for i, (a, b) in enumerate(pairs):
        progress.report(i, len(pairs))
        both = effect([a, b])
        extra = np.sqrt(((both - alone[a] - alone[b]) ** 2).mean())
        whole = np.sqrt((both**2).mean())
        strength[a, b] = strength[b, a] = min(1.0, extra / whole) if whole > SMALL else 0.0
        size[a, b] = size[b, a] = extra
    first, second = asked or max(pairs, key=lambda pair: size[pair])
    train = parts.x("train")
    grids = [_columns.grid(train[:, j], schema.columns[j], options.points) for j in (first, second)]
    surface = []
    for value in grids[0]:
        rows = x.copy()
        rows[:, first] = value
        y_prob = softmax(predict(model, _columns.with_column(rows, second, grids[1]), 8192))[:, k]
        surface.append(y_prob.reshape(len(grids[1]), n).mean(axis=1))
    record = {
        "n": n,
        "column": names[first],
        "other": names[second],
        "target": schema.classes[k],
        "sentence": f"Of the pairs looked at, {names[first]} and {names[second]} "
        f"{'were asked for' if asked else 'work together most'}: {size[first, second]:.1%} of probability "
        f"is not the sum of their own effects (H {strength[first, second]:.2f}).",
    }
    arrays = {"strength": strength, "size": size, "surface": np.stack(surface)}
    return {**arrays, "grid_1": grids[0], "grid_2": grids[1]}, record
