"""Permutation importance: how much worse the model is when one column is shuffled, with intervals over samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("table",)
SCOPE = "model"
RANK = 1
TITLE = "Permutation importance"
ANSWERS = "How much worse the model decides on validation rows when the values of one column are shuffled."
SILENT = "Columns that say the same stand in for one another, so each of them can seem unimportant; and it is no cause."
SOURCE = "Breiman 2001, Random Forests, Machine Learning 45:5; Fisher, Rudin and Dominici 2019, arXiv:1801.01489."
MOST = 4000  # rows
Z = 1.959964  # of a 95% interval


@dataclass(frozen=True)
class Options:
    metric: str = option("accuracy", "what gets worse", choices=("accuracy", "log_loss"))
    repeats: int = option(10, "times that each column is shuffled", 1, 200)
    seed: int = option(0, "seed of the shuffling", 0, 2**31 - 1, rare=True)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "mean", "low" and "high", float64 (n_columns,): what is lost, with 95% intervals over the rows.

    Of accuracy as a fraction, of log loss in nats. The interval says how far another validation set of this size could
    have given another answer: of each row the loss is averaged over the repeats, and the rows differ.
    """
    from core import progress
    from core.evaluation.metrics import losses, softmax
    from core.model import predict

    x, y_true = parts.x("val", MOST), parts.y_true("val", MOST)
    names = [column.name for column in parts.schema.columns]

    def loss(rows: np.ndarray) -> np.ndarray:
        logits = predict(model, rows)
        if options.metric == "log_loss":
            return losses(y_true, softmax(logits), "log_loss")
        return (logits.argmax(axis=1) != y_true).astype(float)

    rng, clean = np.random.default_rng(options.seed), loss(x)
    lost = np.zeros((len(names), len(x)))
    for j in range(len(names)):
        progress.report(j, len(names))
        spoilt = x.copy()
        for _ in range(options.repeats):
            spoilt[:, j] = x[rng.permutation(len(x)), j]
            lost[j] += loss(spoilt)
    lost = lost / options.repeats - clean
    mean, half = lost.mean(axis=1), Z * lost.std(axis=1) / np.sqrt(max(1, len(x)))
    order = np.argsort(-mean)
    worth = ", ".join(f"{names[j]} ({mean[j]:.1%})" if options.metric == "accuracy" else names[j] for j in order[:3])
    record = {
        "n": len(x),
        "metric": options.metric,
        "certain": int((mean - half > 0).sum()),
        "sentence": f"Shuffling a column costs most for {worth}, on {len(x):,} validation rows.",
    }
    return {"mean": mean, "low": mean - half, "high": mean + half}, record
