"""Shapley values of many rows: how much each column moves the probability, up or down, over the whole data.

Source: Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees", Nature
Machine Intelligence 2, arXiv:1905.04610.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core import progress
from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("table",)
SCOPE = "model"
RANK = 2
TITLE = "Shapley values of many rows"
ANSWERS = "Which columns move the probability of a class, how far, and whether high or low values push it up."
SILENT = "Whether the model gets better by a column: a column that it uses may still mislead it."
SOURCE = "Lundberg et al. 2020, Nature Machine Intelligence 2, arXiv:1905.04610."
BACKGROUND = 100  # training rows that stand for "not known"
BATCH = 16


@dataclass(frozen=True)
class Options:
    target: str = option("", "class whose probability is explained; empty takes the second of two, else the first")
    rows: int = option(300, "validation rows, at most", 10, 5000)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "values" (n, n_columns), "x" raw (n, n_columns), "mean_absolute" (n_columns,), and "low" and "high" of it.

    The two are 95% intervals over rows. The record has target, base (the base rate), n and part.
    Raises LookupError for an unknown class.
    """
    import torch

    from core.explain import shapley

    classes = list(parts.schema.classes)
    target = options.target or classes[1 if len(classes) == 2 else 0]
    if target not in classes:
        raise LookupError(f"There is no class {target!r}; there are {', '.join(classes)}.")
    x, background = parts.x("val", options.rows), torch.from_numpy(np.array(parts.x("train", BACKGROUND)))
    values = []
    for start in range(0, len(x), BATCH):
        progress.report(start, len(x))
        rows = torch.from_numpy(np.array(x[start : start + BATCH]))
        found = shapley.explain(model, rows, classes.index(target), background=background)
        values.append(found.values.cpu().numpy())
    progress.report(len(x), len(x))
    values = np.concatenate(values)
    absolute = np.abs(values)
    mean, margin = absolute.mean(axis=0), 1.96 * absolute.std(axis=0, ddof=len(x) > 1) / np.sqrt(len(x))
    arrays = {
        "values": values,
        "x": np.asarray(x, np.float32),
        "mean_absolute": mean,
        "low": np.maximum(mean - margin, 0).astype(np.float32),
        "high": (mean + margin).astype(np.float32),
    }
    names = [parts.schema.columns[j].name for j in np.argsort(-mean)[:3]]
    most = ", ".join(f"{name} ({100 * mean[j]:.1f} points)" for name, j in zip(names, np.argsort(-mean)))
    record = {
        "target": target,
        "base": float(found.base[0]),
        "n": len(x),
        "part": "val",
        "sentence": f"The probability of {target} is moved most by {most}, on average over {len(x):,} validation rows.",
    }
    return arrays, record
