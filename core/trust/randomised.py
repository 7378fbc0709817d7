"""Whether an explanation depends on what the net learnt: its likeness to those of nets with shuffled weights.

Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292.
"""

import copy
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core import progress
from core.trust._case import Case, rank_correlation

if TYPE_CHECKING:
    import torch
    from torch import nn

TITLE = "Does it depend on what the net learnt?"
ALIKE = 0.6  # mean rank correlation from which the map comes from the picture and the build of the net alone
Net = TypeVar("Net", bound="nn.Module")


def check(case: Case, seed: int = 0) -> dict:
    """The check as a record; value is the mean rank correlation with the maps of nets with shuffled weights."""
    import torch

    n = 4 if case.is_large else 8
    generator = torch.Generator().manual_seed(seed)
    found = []
    for draw in range(n):
        with progress.within(draw, n):
            other = case.attribute(model=shuffled(case.model, case.x, generator))[0]
        found.append(rank_correlation(case.map, other))
    value = float(np.mean(found))
    passed = value < ALIKE
    text = f"Yes: after the weights were shuffled {n} times, the maps rank places otherwise"
    if not passed:
        text = f"No: nets with shuffled weights, {n} of them, give much the same map"
    if not case.is_image:
        text = text.replace("the maps rank places", "the shares rank columns").replace("map", "shares")
    return {
        "name": "randomised",
        "title": TITLE,
        "passed": passed,
        "value": value,
        "text": f"{text} (rank correlation {value:.2f}; 1 is the same, 0 is unrelated).",
    }


def shuffled(model: Net, x: "torch.Tensor", generator: "torch.Generator") -> Net:
    """A copy of the model, each weight tensor of whose net has its values in random order.

    Where it normalises over batches, mean and deviation are taken anew from x, else all would fade away or explode.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    other = copy.deepcopy(model).eval()
    net = getattr(other, "net", other)
    with torch.no_grad():
        for weight in net.parameters():
            order = torch.randperm(weight.numel(), generator=generator)
            weight.copy_(weight.flatten()[order].view_as(weight))
        norms = [layer for layer in net.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
        if norms and x.dim() == 4 and x.shape[2] * x.shape[3] > 1:
            for layer in norms:
                layer.reset_running_stats()
                layer.momentum = None  # the plain mean over what is seen
                layer.train()
            other(torch.cat([x, x.flip(2), x.flip(3), x.flip(2, 3)]))
            other.eval()
    return other
