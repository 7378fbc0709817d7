"""Mean maps: where a net looks on average for each class, beside the mean image of that class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("image",)
SCOPE = "model"
RANK = 6
TITLE = "Mean maps"
ANSWERS = "Where in the picture the net finds, on average over a class, what speaks for that class."
SILENT = "Things that move about in the picture blur away; a sharp mean map says that their place is always the same."
SOURCE = "Lapuschkin et al. 2019, Nature Communications 10:1096, arXiv:1902.10178 (maps looked at together)."
WAYS = ("gradcam", "hirescam", "integrated_gradients", "occlusion")
BATCH = 16


@dataclass(frozen=True)
class Options:
    way: str = option("gradcam", "method whose maps are averaged", choices=WAYS)
    per_class: int = option(30, "validation images of each class, at most", 1, 1000)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "map" float32 (n_classes, h, w), "image" (n_classes, c, h, w) in levels of the data, "count" (n_classes,).

    Each image's map, for its true class, is divided by its largest size before it is averaged.
    Raises ValueError if the method does not fit the net.
    """
    classes = parts.schema.classes
    maps, x, y_true = maps_of(model, parts, options.way, options.per_class)
    height, width = x.shape[2:]
    found = {
        "map": np.zeros((len(classes), height, width), np.float32),
        "image": np.zeros((len(classes), *x.shape[1:]), x.dtype),
        "count": np.bincount(y_true, minlength=len(classes)),
    }
    for k in np.unique(y_true):
        found["map"][k], found["image"][k] = maps[y_true == k].mean(axis=0), x[y_true == k].mean(axis=0)
    text = f"Mean maps of {len(x):,} validation images."
    return found, {"n": len(x), "way": options.way, "sentence": text}


def maps_of(model: "Model", parts: "Parts", way: str, per_class: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps float32 (n, h, w) with values up to 1, images (n, c, h, w) and classes (n,): at most so many of each class.

    Of validation images, each explained for its true class.
    """
    import torch

    from core import explain as explainers
    from core import progress

    explainer = explainers.module(way)
    where, y_true = parts.where("val"), parts.y_true("val")
    chosen = np.concatenate([np.flatnonzero(y_true == k)[:per_class] for k in np.unique(y_true)])
    x, y_true = np.asarray(parts.dataset.x[where[chosen]]), y_true[chosen]
    maps, done = np.zeros((len(x), *x.shape[2:]), np.float32), 0
    for k in np.unique(y_true):
        same = np.flatnonzero(y_true == k)
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            with progress.within(done, len(x), len(batch)):
                found = explainer.explain(model, torch.from_numpy(x[batch]), int(k), explainer.Options())
            done += len(batch)
            values = found.values.detach().float().sum(dim=1).cpu().numpy()
            maps[batch] = values / np.maximum(np.abs(values).max(axis=(1, 2), keepdims=True), 1e-12)
    return maps, x, y_true
