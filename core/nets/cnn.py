"""Small convolutional net for images of any size: conv-norm-pool-ReLU blocks, then a head with one hidden layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.dataset import Schema
from core.options import option

if TYPE_CHECKING:
    from torch import nn

KIND = "image"
TITLE = "Small CNN: convolution blocks, then a hidden layer"
BACKBONE = True


@dataclass(frozen=True)
class Options:
    width: int = option(32, "channels of the first block; each further block has twice as many, up to 256", 1, 256)
    blocks: int = option(
        0, "convolution blocks; 0 takes as many as bring the shorter side under 8, at least 2", 0, 8, zero="by itself"
    )
    batch_norm: bool = option(True, "whether each block normalises its channels over the batch")
    hidden: int = option(128, "units of the hidden layer", 1, 4096)
    dropout: float = option(0.5, "chance that a unit is zeroed in training", 0, 0.95)


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return an untrained net: float32 (n, c, h, w) -> logits (n, n_classes). An image may be as small as 1x1."""
    from collections import OrderedDict

    from torch import nn

    channels, height, width = schema.shape
    blocks = options.blocks
    if blocks == 0:
        blocks = max(2, (min(height, width) // 8).bit_length())
    layers = []
    for i in range(blocks):
        n_out = min(options.width * 2**i, max(256, options.width))
        norm = options.batch_norm and height * width > 1  # one value per channel and sample cannot be normalised
        layers.append(nn.Conv2d(channels, n_out, kernel_size=3, padding=1, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm2d(n_out))
        channels = n_out
        if min(height, width) > 1:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        layers.append(nn.ReLU())  # after the pool, where it gives the same values and has a quarter of them to compute
    head = nn.Sequential(
        nn.Linear(channels * height * width, options.hidden),
        nn.ReLU(),
        nn.Dropout(options.dropout),
        nn.Linear(options.hidden, len(schema.classes)),
    )
    return nn.Sequential(OrderedDict(backbone=nn.Sequential(*layers, nn.Flatten()), head=head))
