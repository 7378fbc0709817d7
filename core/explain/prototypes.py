"""Prototypes: the samples that most and least represent each class, as the net sees them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("image", "table")
SCOPE = "model"
RANK = 7
TITLE = "Typical and odd samples"
ANSWERS = "Which samples lie at the heart of a class for the net, and which of that class are furthest from it."
SILENT = "It does not say that the odd ones are wrong: a rare but right kind of sample is odd too."
SOURCE = "Snell, Swersky and Zemel 2017, arXiv:1703.05175 (a class as the mean of its embeddings)."
MOST = 10_000


@dataclass(frozen=True)
class Options:
    part: str = option("train", "samples looked at", choices=("train", "val", "test"))
    shown: int = option(8, "samples of each kind and class", 1, 50)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "most" and "least", sample ids (n_classes, shown), "" where a class has fewer, most telling first.

    "similarity_most" and "similarity_least", float32, likewise: the cosine to the class's mean, None is NaN.
    Raises ValueError if the net has no linear layer.
    """
    from core.evaluation import similar

    where = parts.where(options.part, MOST)
    embedding, _ = similar.embed_with_logits(model, parts.dataset, where)
    y_true, ids = parts.dataset.targets[where], parts.dataset.ids[where]
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    shape = (len(parts.schema.classes), options.shown)
    found = {name: np.full(shape, "", ids.dtype) for name in ("most", "least")}
    found |= {f"similarity_{name}": np.full(shape, np.nan, np.float32) for name in ("most", "least")}
    for k in range(shape[0]):
        own = np.flatnonzero(y_true == k)
        if not len(own):
            continue
        centre = unit[own].mean(axis=0)
        near = unit[own] @ (centre / max(np.linalg.norm(centre), 1e-12))
        order = np.argsort(-near, kind="stable")
        n = min(options.shown, max(1, len(own) // 2))
        for name, chosen in (("most", order[:n]), ("least", order[::-1][:n])):
            found[name][k, :n], found[f"similarity_{name}"][k, :n] = ids[own[chosen]], near[chosen]
    record = {"n": len(where), "part": options.part}
    return found, {**record, "sentence": f"Of {len(where):,} samples, those nearest to and furthest from their class."}
