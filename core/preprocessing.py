"""Raw input -> what a net takes, as modules fitted on the training split, so that they travel with the weights."""

import torch
from torch import nn

from core.data.dataset import Schema


class ImagePreprocess(nn.Module):
    """uint8 (n, c, h, w) -> float32 (n, c, h, w) with mean 0 and standard deviation 1 per fitted channel."""

    def __init__(self, schema: Schema):
        super().__init__()
        channels = schema.shape[0]
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("std", torch.ones(1, channels, 1, 1))

    def fit(self, x: torch.Tensor) -> None:
        """Take mean and standard deviation from the training images, uint8 (n, c, h, w), in chunks of memory."""
        n_pixels = x.shape[0] * x.shape[2] * x.shape[3]
        total = square = 0
        for chunk in x.split(1024):
            values = chunk.double() / 255
            total = total + values.sum(dim=(0, 2, 3))
            square = square + values.square().sum(dim=(0, 2, 3))
        mean = total / n_pixels
        std = (square / n_pixels - mean.square()).clamp_min(0).sqrt()
        self.mean.copy_(mean.view(1, -1, 1, 1))
        self.std.copy_(torch.where(std > 1e-6, std, 1.0).view(1, -1, 1, 1))

    def forward(self, x):
        return (x.float() / 255 - self.mean) / self.std


class TablePreprocess(nn.Module):
    """Raw rows, float32 (n, n_columns) -> float32 (n, n_columns): numbers standardised, category codes moved up by 1.

    A missing number becomes the training mean (0 once standardised); an unknown category (-1) becomes code 0.
    """

    def __init__(self, schema: Schema):
        super().__init__()
        is_number = torch.tensor([column.type == "number" for column in schema.columns])
        self.register_buffer("is_number", is_number)
        self.register_buffer("mean", torch.where(is_number, 0.0, -1.0))
        self.register_buffer("std", torch.ones(len(schema.columns)))

    def fit(self, x: torch.Tensor) -> None:
        """Take mean and standard deviation of each number column from the training rows, ignoring missing ones."""
        values = x.double()
        mean = values.nanmean(dim=0).nan_to_num()
        std = (values - mean).square().nanmean(dim=0).sqrt().nan_to_num()
        self.mean.copy_(torch.where(self.is_number, mean, -1.0))
        self.std.copy_(torch.where(self.is_number & (std > 1e-12), std, 1.0))

    def forward(self, x):
        scaled = (x - self.mean) / self.std
        return torch.where(torch.isnan(scaled), torch.zeros_like(scaled), scaled)


def build(schema: Schema) -> nn.Module:
    """An unfitted preprocessing module for the kind of data."""
    return {"image": ImagePreprocess, "table": TablePreprocess}[schema.kind](schema)
