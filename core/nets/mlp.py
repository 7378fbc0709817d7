"""Multilayer perceptron for tables: columns embedded, then Linear-ReLU-Dropout blocks and a linear head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.dataset import Schema
from core.options import option

if TYPE_CHECKING:
    from torch import nn

KIND = "table"
TITLE = "MLP: columns embedded, then fully connected layers"
NUMBERS = ("plain", "piecewise", "periodic")


@dataclass(frozen=True)
class Options:
    hidden: int = option(128, "units of the first hidden layer", 1, 4096)
    layers: int = option(2, "hidden layers", 0, 16)
    taper: float = option(1.0, "units of each further layer, as a share of those of the one before", 0.1, 1)
    dropout: float = option(0.3, "chance that a unit is zeroed in training", 0, 0.95)
    unknown: float = option(0.05, "chance that a category is hidden in training", 0, 0.95)
    numbers: str = option("plain", "how numbers are taken: as they are, by quantile, or as waves", choices=NUMBERS)
    pieces: int = option(16, "pieces or waves for each number, where they are not plain", 1, 256, rare=True)


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return an untrained net: preprocessed rows, float32 (n, len(schema.inputs)) -> logits (n, n_classes).

    Its two parts are `embed`, whose output (n, n_features) is what attributions are taken at, and `body`.
    """
    import itertools
    from collections import OrderedDict

    from torch import nn

    from core.nets._layers import Embed, TableNet

    embed = Embed(schema, options.unknown, options.numbers, options.pieces)
    widths = [max(1, round(options.hidden * options.taper**i)) for i in range(options.layers)]
    widths.insert(0, len(embed.owners))
    blocks = []
    for n_in, n_out in itertools.pairwise(widths):
        blocks += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(options.dropout)]
    body = nn.Sequential(*blocks, nn.Linear(widths[-1], len(schema.classes)))
    return TableNet(OrderedDict(embed=embed, body=body))
