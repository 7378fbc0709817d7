"""HiResCAM: Grad-CAM without the mean over places, so that each place counts by its own gradient.

Source: Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.explain._base import Attribution, Target
from core.explain.gradcam import class_map
from core.options import option

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

KINDS = ("image",)
SCOPE = "sample"
RANK = 3
TITLE = "HiResCAM"
ANSWERS = "It shows which places of the net's last maps raise and lower the score, each by its own gradient."
SILENT = "It is as coarse as these maps, and is exact only where a linear layer alone follows them."
SOURCE = "Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM for faithful explanations, arXiv:2011.08891."
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
    """Attribution (n, 1, h, w) of images x (n, c, h, w): the sum over maps of value times gradient at each place.

    Raises ValueError if the net has no maps, LookupError if it has no such layer.
    """
    return class_map(model, x, target, options.layer, TITLE, lambda maps, slopes: (maps * slopes).sum(1))
