"""Layers that several nets share."""

import torch
from torch import nn

from core.data.dataset import Column


class Embed(nn.Module):
    """Preprocessed rows (n, n_columns) -> features (n, n_features): numbers as they are, categories embedded.

    owners : for each feature, the index of the column it comes from
    """

    def __init__(self, columns: tuple[Column, ...]):
        super().__init__()
        self.columns = columns
        self.numbers = [j for j, column in enumerate(columns) if column.type == "number"]
        self.categories = [j for j, column in enumerate(columns) if column.type == "category"]
        sizes = [len(columns[j].categories) + 1 for j in self.categories]  # code 0 is "unknown"
        widths = [min(16, (size + 1) // 2) for size in sizes]
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size, width in zip(sizes, widths))
        self.owners = self.numbers + [j for j, width in zip(self.categories, widths) for _ in range(width)]

    def forward(self, x):
        features = [x[:, self.numbers]]
        features += [table(x[:, j].long()) for j, table in zip(self.categories, self.tables)]
        return torch.cat(features, dim=1) if len(features) > 1 else features[0]
