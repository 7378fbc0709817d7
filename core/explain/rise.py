"""RISE: how much higher the class's probability is where a place is shown than where it is hidden, over random masks.

Source: Petsiuk, Das and Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
arXiv:1806.07421. There the mean over masks that show a place; here less the mean over those that hide it, which ranks
places alike and varies less.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.explain._base import Attribution, Target
from core.options import option

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

KINDS = ("image",)
SCOPE = "sample"
RANK = 5
TITLE = "RISE"
ANSWERS = "It hides random parts of the picture and shows where the probability is higher when a place is seen."
SILENT = "It comes with chance, as its standard error says, and is smooth: it does not show fine detail."
SOURCE = "Petsiuk, Das and Saenko 2018, RISE: Randomized Input Sampling for Explanation, arXiv:1806.07421."
UNIT = "probability"


@dataclass(frozen=True)
class Options:
    masks: int = option(500, "random masks; four times as many halve the error", 10, 20_000)
    cells: int = option(7, "cells of a mask along each side, before they are smoothed", 1, 64)
    shown: float = option(0.5, "chance that a cell is shown", 0.05, 0.95)
    seed: int = option(0, "seed of the masks", 0, 2**31 - 1)


def quick(options: Options) -> Options:
    """Options for where it is made many times over."""
    return dataclasses.replace(options, masks=min(100, options.masks))


def explain(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    options: Options = Options(),
    background: "np.ndarray | torch.Tensor | None" = None,  # noqa: ARG001 (one signature for all)
) -> Attribution:
    """Attribution (n, 1, h, w) of images x (n, c, h, w), with the standard error of each pixel. It needs no gradients.

    What is hidden has the mean colour of the training images.
    """
    import torch

    from core import progress
    from core.explain import _maps

    target, answers = Target.of(target), _maps.answers(model)
    z = _maps.seen(model, x)
    generator = torch.Generator().manual_seed(options.seed)
    step, n = _maps.at_once(z), len(z) * options.masks
    sums: dict[str, Any] = dict.fromkeys(("mask", "mask2", "both", "score", "score2"), 0.0)
    with torch.inference_mode():
        score = torch.cat([_probability(target, answers(some)) for some in z.split(step)])
        for start in range(0, options.masks, step):
            masks = random_masks(min(step, options.masks - start), *z.shape[2:], options, generator)  # (m, h, w)
            flat = masks.flatten(1)
            scores = []
            for i in range(len(z)):  # one pass of the net for each picture
                scores.append(_probability(target, answers(z[i] * masks[:, None])))
                progress.report(start * len(z) + (i + 1) * len(masks), n)
            scores = torch.stack(scores).double() - score[:, None].double()  # (n, m)
            sums["mask"] += flat.double().sum(dim=0)
            sums["mask2"] += flat.double().square().sum(dim=0)
            sums["both"] += scores @ flat.double()
            sums["score"] += scores.sum(dim=1, keepdim=True)
            sums["score2"] += scores.square().sum(dim=1, keepdim=True)
    share, mean = sums["mask"] / options.masks, sums["score"] / options.masks
    covariance = sums["both"] / options.masks - share * mean
    mask_variance = (sums["mask2"] / options.masks - share**2).clamp_min(1e-12)
    score_variance = (sums["score2"] / options.masks - mean**2).clamp_min(0)
    rest = (score_variance - covariance**2 / mask_variance).clamp_min(0)
    scale = (share * (1 - share)).clamp_min(1e-6)
    error = (rest * mask_variance / options.masks).sqrt() / scale
    shape = (len(z), 1, *z.shape[2:])
    values, error = (_maps.back(part.float().view(shape), model, x).clone() for part in (covariance / scale, error))
    return Attribution(values, score.clone(), None, error)


def random_masks(n: int, height: int, width: int, options: Options, generator: "torch.Generator") -> "torch.Tensor":
    """Smooth masks, float32 (n, height, width) in [0, 1]: cells shown or hidden, enlarged, and cut at random places."""
    import torch
    from torch.nn import functional

    down, across = min(options.cells, height), min(options.cells, width)
    cell = (-(-height // down), -(-width // across))
    shown = (torch.rand(n, 1, down + 1, across + 1, generator=generator) < options.shown).float()
    size = ((down + 1) * cell[0], (across + 1) * cell[1])
    large = functional.interpolate(shown, size=size, mode="bilinear", align_corners=False)[:, 0]
    top = torch.randint(cell[0], (n, 1), generator=generator) + torch.arange(height)  # (n, height)
    left = torch.randint(cell[1], (n, 1), generator=generator) + torch.arange(width)
    return large[torch.arange(n)[:, None, None], top[:, :, None], left[:, None, :]]


def _probability(target, logits):
    return target.score(logits.float().softmax(dim=1))
