"""Layers that several nets share."""

import torch
from torch import nn

from core.data.dataset import Schema

SPREAD = 0.5  # standard deviation of embeddings before training


class Embed(nn.Module):
    """Preprocessed rows (n, len(schema.inputs)) -> features (n, n_features): numbers as they are, categories embedded.

    owners : for each feature, the index of the column it comes from
    unknown : chance that a category is hidden in training, so that the net learns what to do without it
    A missing or unknown category (code 0) starts as zeros, which is neutral.
    """

    def __init__(self, schema: Schema, unknown: float = 0.0):
        super().__init__()
        self.unknown = unknown
        inputs = schema.inputs
        self.numbers = [i for i, value in enumerate(inputs) if value.kind != "code"]
        self.categories = [i for i, value in enumerate(inputs) if value.kind == "code"]
        sizes = [inputs[i].size for i in self.categories]
        widths = [min(16, (size + 1) // 2) for size in sizes]
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size, width in zip(sizes, widths))
        for table in self.tables:
            nn.init.normal_(table.weight, std=SPREAD)
            nn.init.zeros_(table.weight[0])
        self.owners = [inputs[i].column for i in self.numbers]
        self.owners += [inputs[i].column for i, width in zip(self.categories, widths) for _ in range(width)]

    def forward(self, x):
        features = [x[:, self.numbers]]
        codes = x[:, self.categories].long() if self.categories else None
        if self.training and self.unknown and self.categories:
            codes = codes * (torch.rand(codes.shape, device=codes.device) >= self.unknown)
        features += [table(codes[:, i]) for i, table in enumerate(self.tables)]
        return torch.cat(features, dim=1) if len(features) > 1 else features[0]
