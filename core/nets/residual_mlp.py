"""Residual MLP for tables: columns embedded, then blocks that add to what they were given.

Source: Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.2, arXiv:2106.11959, with
layer norm in place of batch norm, so that a sample is judged by itself.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.dataset import Schema
from core.nets.mlp import NUMBERS
from core.options import option

if TYPE_CHECKING:
    from torch import nn

KIND = "table"
TITLE = "Residual MLP: columns embedded, then blocks that add to what they were given"


@dataclass(frozen=True)
class Options:
    hidden: int = option(128, "units between the blocks; within a block there are twice as many", 1, 4096)
    blocks: int = option(2, "residual blocks", 0, 32)
    dropout: float = option(0.3, "chance that a unit is zeroed in training", 0, 0.95)
    unknown: float = option(0.05, "chance that a category is hidden in training", 0, 0.95)
    numbers: str = option("plain", "how numbers are taken: as they are, by quantile, or as waves", choices=NUMBERS)
    pieces: int = option(16, "pieces or waves for each number, where they are not plain", 1, 256, rare=True)


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return an untrained net: preprocessed rows, float32 (n, len(schema.inputs)) -> logits (n, n_classes).

    Its two parts are `embed`, whose output (n, n_features) is what attributions are taken at, and `body`.
    """
    from collections import OrderedDict

    from torch import nn

    from core.nets._layers import Embed, Residual, TableNet

    embed, width = Embed(schema, options.unknown, options.numbers, options.pieces), options.hidden
    blocks = [
        Residual(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 2 * width),
                nn.ReLU(),
                nn.Dropout(options.dropout),
                nn.Linear(2 * width, width),
            )
        )
        for _ in range(options.blocks)
    ]
    head = [nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, len(schema.classes))]
    body = nn.Sequential(nn.Linear(len(embed.owners), width), *blocks, *head)
    return TableNet(OrderedDict(embed=embed, body=body))
