"""Multilayer perceptron for tables: categories embedded, then Linear-ReLU-Dropout blocks and a linear head."""

from dataclasses import dataclass

from core.data.dataset import Schema
from core.options import option

KIND = "table"
TITLE = "MLP: categories embedded, then fully connected layers"


@dataclass(frozen=True)
class Options:
    hidden: int = option(128, "units per hidden layer", 1, 4096)
    layers: int = option(2, "hidden layers", 0, 16)
    dropout: float = option(0.3, "chance that a unit is zeroed in training", 0, 0.95)
    unknown: float = option(0.05, "chance that a category is hidden in training", 0, 0.95)


def build(schema: Schema, options: Options = Options()):
    """Return an untrained net: preprocessed rows, float32 (n, len(schema.inputs)) -> logits (n, n_classes).

    Its two parts are `embed`, whose output (n, n_features) is what attributions are taken at, and `body`.
    """
    import itertools
    from collections import OrderedDict

    from torch import nn

    from core.nets._layers import Embed

    embed = Embed(schema, options.unknown)
    widths = [len(embed.owners), *[options.hidden] * options.layers]
    blocks = []
    for n_in, n_out in itertools.pairwise(widths):
        blocks += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(options.dropout)]
    body = nn.Sequential(*blocks, nn.Linear(widths[-1], len(schema.classes)))
    return nn.Sequential(OrderedDict(embed=embed, body=body))
