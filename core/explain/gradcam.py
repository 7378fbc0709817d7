"""Grad-CAM: where in the picture the last maps of the net hold what speaks for a class.

Source: Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
arXiv:1610.02391.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.explain._base import Attribution, Target
from core.options import option

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

KINDS = ("image",)
SCOPE = "sample"
RANK = 2
TITLE = "Grad-CAM"
ANSWERS = "It shows in which part of the picture the net's last maps hold what speaks for the class."
SILENT = "It is coarse, one value per cell of these maps, and does not show what speaks against the class."
SOURCE = "Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks, arXiv:1610.02391."
UNIT = "logit"


@dataclass(frozen=True)
class Options:
    layer: str = option("", "layer whose maps are taken, by its name in the net; empty for the last that has maps")


def explain(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    options: Options = Options(),
    background: "np.ndarray | torch.Tensor | None" = None,  # noqa: ARG001 (one signature for all)
) -> Attribution:
    """Attribution (n, 1, h, w) >= 0 of images x (n, c, h, w): maps weighed by their mean gradient, below zero cut off.

    Raises ValueError if the net has no maps, LookupError if it has no such layer.
    """
    return class_map(model, x, target, options.layer, TITLE, lambda maps, slopes: (maps * mean(slopes)).sum(1).relu())


def mean(slopes: "torch.Tensor") -> "torch.Tensor":
    """One weight per map, (n, c, 1, 1)."""
    return slopes.mean(dim=(2, 3), keepdim=True)


def class_map(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    layer: str,
    title: str,
    combine: Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"],
) -> Attribution:
    """Attribution made of a net's inner maps: `combine` takes maps and slopes (n, c, h, w) and gives (n, h, w)."""
    import torch

    from core import progress
    from core.explain import _maps

    values, scores = [], []
    step = _maps.at_once(_maps.seen(model, x[:1]))
    for start in range(0, len(x), step):
        some = x[start : start + step]
        z = _maps.seen(model, some)
        maps, slopes, score = _maps.inner_maps(model, z, Target.of(target), layer, title)
        values.append(_maps.over_pixels(combine(maps, slopes), model, z, some))
        scores.append(score)
        progress.report(min(start + step, len(x)), len(x))
    return Attribution(torch.cat(values), torch.cat(scores))
