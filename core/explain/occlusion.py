"""Occlusion: how far the score falls when a window of the picture is covered.

Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2, arXiv:1311.2901.
"""

import dataclasses
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
RANK = 4
TITLE = "Occlusion"
ANSWERS = "It covers one window of the picture after another and shows how far the score falls without it."
SILENT = "It does not see what two places say together, and a covered picture is one the net never learnt from."
SOURCE = "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901."
UNIT = "logit"


@dataclass(frozen=True)
class Options:
    window: float = option(0.12, "side of the window, as a share of the picture's; it moves by half of that", 0.01, 1.0)
    cover: str = option("blur", "what lies in the window instead", choices=("blur", "mean", "black"))


def quick(options: Options) -> Options:
    """Options for where it is made many times over."""
    return dataclasses.replace(options, window=max(0.2, options.window))


def explain(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    options: Options = Options(),
    background: "np.ndarray | torch.Tensor | None" = None,  # noqa: ARG001 (one signature for all)
) -> Attribution:
    """Attribution (n, 1, h, w) of images x (n, c, h, w): the mean fall of the score over the windows on each pixel.

    It needs no gradients.
    """
    import torch

    from core import progress
    from core.explain import _maps

    target, answers = Target.of(target), _maps.answers(model)
    z = _maps.seen(model, x)
    cover = _maps.neutral(model, z, options.cover)
    masks = windows(*z.shape[2:], options.window)  # (p, h, w)
    falls = torch.zeros(len(z) * len(masks))
    step = _maps.at_once(z)
    with torch.inference_mode():
        score = torch.cat([target.score(answers(some)) for some in z.split(step)])
        for pairs in torch.arange(len(falls)).split(step):
            which, place = pairs // len(masks), pairs % len(masks)
            covered = torch.where(masks[place, None], cover[which], z[which])
            falls[pairs] = score[which] - target.score(answers(covered)).float()
            progress.report(int(pairs[-1]) + 1, len(falls))
    weight = masks.flatten(1).float()
    values = falls.view(len(z), -1) @ weight / weight.sum(dim=0)
    return Attribution(_maps.back(values.view(len(z), 1, *z.shape[2:]), model, x).clone(), score.clone())


def windows(height: int, width: int, share: float) -> "torch.Tensor":
    """Windows, bool (p, height, width), that move by half their side; the last ones end at the edge."""
    rows, columns = (_stretches(side, share) for side in (height, width))
    return (rows[:, None, :, None] & columns[None, :, None, :]).flatten(0, 1)


def _stretches(length: int, share: float):
    """Stretches of a line, bool (k, length)."""
    import torch

    side = max(2, round(share * length))  # a single pixel says little
    side = min(length, side + (side > 2 and side % 2 == 0))  # of an odd side, windows do not end at the same places
    stride = max(1, side // 2)
    starts = torch.arange(-(-(length - side) // stride) + 1) * stride
    positions = torch.arange(length)
    return (positions >= starts[:, None]) & (positions < starts[:, None] + side)
