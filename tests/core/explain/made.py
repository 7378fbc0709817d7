"""Models whose probability is a formula, and samples for them."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from core.data.dataset import Column, Dataset
from core.explain._base import Parts


class Formula(nn.Module):
    """A model for tables that gives class "yes" the probability `of(x)`, exactly; x float32 (n, n_columns)."""

    def __init__(self, of):
        super().__init__()
        self.of, self.nothing = of, nn.Parameter(torch.zeros(1))

    def forward(self, x):
        y_prob = self.of(x)
        return torch.log(torch.stack([1 - y_prob, y_prob], dim=1)) + self.nothing


def parts(x: np.ndarray, y_true=None, columns=None, classes=("no", "yes")) -> Parts:
    """Rows float32 (n, n_columns) of columns a, b, ..., all of which are training, validation and test rows at once."""
    columns = columns or tuple(Column("abcdefgh"[j], "number") for j in range(x.shape[1]))
    frame = pd.DataFrame(
        {
            column.name: [column.categories[int(code)] if code >= 0 else None for code in x[:, j]]
            if column.type == "category"
            else x[:, j].astype(float)
            for j, column in enumerate(columns)
        }
    )
    n = len(x)
    dataset = Dataset(
        name="made",
        kind="table",
        table=frame,
        columns=columns,
        targets=np.zeros(n, np.int64) if y_true is None else np.asarray(y_true, np.int64),
        classes=classes,
        ids=np.array([f"row-{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
    )
    return Parts(dataset.schema, dataset, dict.fromkeys(("train", "val", "test"), np.arange(n)))


def pictures(images: np.ndarray, y_true, classes=("no", "yes")) -> Parts:
    """Images uint8 (n, c, h, w), all of them in each part."""
    n = len(images)
    dataset = Dataset(
        name="made",
        kind="image",
        images=images,
        targets=np.asarray(y_true, np.int64),
        classes=classes,
        ids=np.array([f"image-{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
    )
    return Parts(dataset.schema, dataset, dict.fromkeys(("train", "val", "test"), np.arange(n)))


def grid(*sides: int) -> np.ndarray:
    """All rows of numbers from -1 to 1, so many of them in each column: float32 (product of sides, n_columns)."""
    axes = np.meshgrid(*(np.linspace(-1, 1, side) for side in sides), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1).astype(np.float32)
