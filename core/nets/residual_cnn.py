"""Residual net for images of any size: a convolution, stages of residual blocks at half the size each, a linear head.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385: its basic block, with a small
first convolution, as for CIFAR.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.dataset import Schema
from core.options import option

if TYPE_CHECKING:
    from torch import nn

KIND = "image"
TITLE = "Residual CNN: convolution blocks that add to what they were given"
BACKBONE = True
LARGE = 96  # pixels of the shorter side from which the first convolution halves the image


@dataclass(frozen=True)
class Options:
    width: int = option(32, "channels of the first stage; each further stage has twice as many, up to 256", 1, 256)
    stages: int = option(
        0, "stages; 0 takes as many as bring the shorter side under 8, at least 2", 0, 8, zero="by itself"
    )
    depth: int = option(1, "residual blocks in each stage", 1, 16)
    dropout: float = option(0.2, "chance that a feature is zeroed in training before the last layer", 0, 0.95)


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return an untrained net: float32 (n, c, h, w) -> logits (n, n_classes). An image may be as small as 1x1."""
    from collections import OrderedDict

    from torch import nn

    from core.nets._layers import Residual

    channels, height, width = schema.shape

    def convolution(n_in: int, n_out: int, stride: int = 1, size: int = 3) -> list:
        """A convolution, normalised where a channel has more than one value in a sample."""
        norm = height * width > 1
        layer = nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=not norm)
        return [layer, nn.BatchNorm2d(n_out)] if norm else [layer]

    stride = 2 if min(height, width) >= LARGE else 1
    height, width = -(-height // stride), -(-width // stride)
    n_in = options.width
    layers = [*convolution(channels, n_in, stride), nn.ReLU()]
    for stage in range(options.stages or max(2, 1 + (min(height, width) // 8).bit_length())):
        n_out = min(options.width * 2**stage, max(256, options.width))
        for block in range(options.depth):
            stride = 2 if stage and block == 0 and min(height, width) >= 4 else 1
            height, width = -(-height // stride), -(-width // stride)
            branch = [*convolution(n_in, n_out, stride), nn.ReLU(), *convolution(n_out, n_out)]
            way = None
            if stride > 1 or n_in != n_out:
                way = nn.Sequential(*convolution(n_in, n_out, stride, size=1))
            layers.append(Residual(nn.Sequential(*branch), way, nn.ReLU()))
            n_in = n_out
    backbone = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = nn.Sequential(nn.Dropout(options.dropout), nn.Linear(n_in, len(schema.classes)))
    return nn.Sequential(OrderedDict(backbone=backbone, head=head))
