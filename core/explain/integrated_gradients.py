"""Integrated gradients: how much each pixel or column moves the class score, from a neutral input to this one.

Sources: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365; smoothing by
Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", arXiv:1706.03825.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.explain._base import Attribution, Target
from core.options import option

if TYPE_CHECKING:
    import torch
    from torch import nn

KINDS = ("image", "table")
SCOPE = "sample"
RANK = 1
TITLE = "Integrated gradients"
ANSWERS = "It gives each pixel or column its share in the score, counted from a neutral input, and the shares add up."
SILENT = "It does not tell which pixels act together, and another neutral input gives other shares."
SOURCE = "Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365."
UNIT = "logit"


@dataclass(frozen=True)
class Options:
    steps: int = option(32, "points along the path from the neutral input, by the Gauss-Legendre rule", 1, 1024)
    smooth: int = option(0, "noisy copies whose shares are averaged (SmoothGrad); 0 for none", 0, 256)
    noise: float = option(0.1, "deviation of that noise, as a share of the range of the values", 0.0, 1.0)
    baseline: str = option(
        "mean",
        "the neutral picture: the mean colour of the training images, black, or the picture blurred; a table's is its "
        "mean row",
        choices=("mean", "black", "blur"),
    )


def quick(options: Options) -> Options:
    """Options for where it is made many times over."""
    return dataclasses.replace(options, steps=min(8, options.steps), smooth=min(4, options.smooth))


def explain(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    options: Options = Options(),
    background: "np.ndarray | torch.Tensor | None" = None,  # noqa: ARG001 (one signature for all)
) -> Attribution:
    """Attribution with the shape of x; `values` sum to score - base, up to the error of the rule and of smoothing.

    x : images (n, c, h, w), or rows float32 (n, n_columns), whose neutral row has the training mean of each number and
    "unknown" for each category. A category's share is the sum over its embedding.
    Raises ValueError if the net gives no gradients.
    """
    import torch
    from torch import nn

    from core.explain import _maps

    target = Target.of(target)
    z = _maps.seen(model, x)
    if z.dim() == 4:
        neutral, score = _maps.neutral(model, z, options.baseline), _score(_maps.answers(model), target)
        shares = _smoothed(score, z, neutral, options)
        values = _pixels(shares, model, x)
    else:
        whole: Any = model  # of a table, so that it has all that follows
        embed, body = getattr(whole.net, "embed", nn.Identity()), getattr(whole.net, "body", whole.net)
        # `mean` is the training mean of a number or date, and -1, "unknown", for a category
        neutral = _maps.seen(model, whole.preprocess.mean.expand_as(x))
        with torch.no_grad():
            z, neutral = embed(z), embed(neutral)
        score = _score(lambda features: body(features) + getattr(whole, "prior_shift", 0.0), target)
        shares = _smoothed(score, z, neutral, options)
        owners = getattr(embed, "owners", None) or [part.column for part in whole.schema.inputs]
        values = torch.zeros_like(x).index_add_(1, torch.tensor(owners), shares.float())
    with torch.no_grad():
        ends = [torch.cat([score(some) for some in end.split(_maps.at_once(z))]) for end in (z, neutral)]
    return Attribution(values, *ends)


def _score(answers, target):
    return lambda z: target.score(answers(z))


def _smoothed(score, z, neutral, options: Options):
    """Shares with the shape of z, the mean over noisy copies of z where these are wanted."""
    import torch

    if not options.smooth:
        return _shares(score, z, neutral, options.steps, 0, 1)
    rest = tuple(range(1, z.dim()))
    spread = options.noise * ((z.amax(rest, keepdim=True) - z.amin(rest, keepdim=True)) if z.dim() == 4 else 1.0)
    generator, total = torch.Generator().manual_seed(0), torch.zeros_like(z)
    for copy in range(options.smooth):
        noisy = z + spread * torch.randn(z.shape, generator=generator)
        total += _shares(score, noisy, neutral, options.steps, copy, options.smooth)
    return total / options.smooth


def _shares(score, z, neutral, steps: int, copy: int, copies: int):
    """(z - neutral) times the mean gradient on the way from neutral to z; copy of copies is for the progress."""
    import torch

    from core import progress
    from core.explain import _maps

    nodes, weights = np.polynomial.legendre.leggauss(steps)
    along = torch.tensor((nodes + 1) / 2, dtype=z.dtype)
    weights = torch.tensor(weights / 2, dtype=z.dtype)
    way, total, n = z - neutral, torch.zeros_like(z), len(z) * steps
    for pairs in torch.arange(n).split(_maps.at_once(z)):
        which, step = pairs // steps, pairs % steps
        shape = (-1,) + (1,) * (z.dim() - 1)
        with torch.enable_grad():
            point = (neutral[which] + along[step].view(shape) * way[which]).requires_grad_()
            slope = _maps.gradient(score(point), point, TITLE)
        total.index_add_(0, which, slope * weights[step].view(shape))
        progress.report(copy * n + int(pairs[-1]) + 1, copies * n)
    return total * way


def _pixels(shares, model, x):
    """Shares (n, c, h, w) of what the net saw as shares of the original pixels, with the same sum."""
    from core import preprocessing

    if shares.shape[1] != x.shape[1]:  # a grey image that the net saw in three channels
        shares = shares.sum(dim=1, keepdim=True)
    preprocess = getattr(model, "preprocess", None)
    zoom, cubic = getattr(preprocess, "zoom", 1.0), getattr(preprocess, "cubic", False)
    same = shares.shape == x.shape and zoom == 1
    return shares.float() if same else preprocessing.spread(shares.float(), x, zoom, cubic)
