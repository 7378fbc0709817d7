"""Layers that several nets share."""

import math

import numpy as np
import torch
from torch import nn

from core.data.dataset import Schema

SPREAD = 0.5  # standard deviation of embeddings before training
FREQUENCY = 0.1  # standard deviation of frequencies before training, in periods per standard deviation of a number
WAVE_FEATURES = 8  # of a number that is taken as waves


class Embed(nn.Module):
    """Preprocessed rows (n, len(schema.inputs)) -> features (n, n_features): numbers encoded, categories embedded.

    numbers : "plain", "piecewise" or "periodic";  pieces : how many pieces or waves there are for each number
    owners : for each feature, the index of the column it comes from
    unknown : chance that a category is hidden in training, so that the net learns what to do without it
    A missing or unknown category (code 0) starts as zeros, which is neutral. Flags and parts of dates stay as they are.
    """

    plain: torch.Tensor
    values: torch.Tensor
    codes: torch.Tensor
    which: torch.Tensor
    stride: torch.Tensor
    offset: torch.Tensor

    def __init__(self, schema: Schema, unknown: float = 0.0, numbers: str = "plain", pieces: int = 16):
        super().__init__()
        self.unknown = unknown
        inputs = schema.inputs
        codes = [i for i, value in enumerate(inputs) if value.kind == "code"]
        values = [i for i, value in enumerate(inputs) if value.kind == "value" and numbers != "plain"]
        plain = [i for i in range(len(inputs)) if i not in {*codes, *values}]
        self.as_they_are = len(plain) == len(inputs)
        self._place("plain", plain)
        self._place("values", values)
        self._place("codes", codes)
        self.owners = [inputs[i].column for i in plain]
        self.encoding = None
        if values:
            self.encoding = {"piecewise": Piecewise, "periodic": Periodic}[numbers](len(values), pieces)
            self.owners += [inputs[i].column for i in values for _ in range(self.encoding.width)]
        if codes:
            self._make_tables([inputs[i].size for i in codes])
            self.owners += [inputs[i].column for i, width in zip(codes, self.widths) for _ in range(width)]

    def _place(self, name: str, where: list[int]) -> None:
        self.register_buffer(name, torch.tensor(where, dtype=torch.long), persistent=False)

    def _make_tables(self, sizes: list[int]) -> None:
        """All embeddings in one column of numbers, so that a batch is looked up at once rather than table by table."""
        self.sizes, self.widths = sizes, [min(16, (size + 1) // 2) for size in sizes]
        self.starts = np.cumsum([0, *(size * width for size, width in zip(sizes, self.widths))]).tolist()
        self.weight = nn.Parameter(torch.randn(self.starts[-1], 1) * SPREAD)
        for i in range(len(sizes)):
            nn.init.zeros_(self.table(i)[0])
        spots = [
            (i, width, start + k)
            for i, (width, start) in enumerate(zip(self.widths, self.starts))
            for k in range(width)
        ]
        for name, column in zip(("which", "stride", "offset"), zip(*spots)):
            self._place(name, list(column))

    def table(self, i: int) -> torch.Tensor:
        """The embedding of the i-th category column, (n_codes, width), in the memory of the weight itself."""
        return self.weight.detach()[self.starts[i] : self.starts[i + 1], 0].view(self.sizes[i], self.widths[i])

    def fit(self, rows: torch.Tensor) -> None:
        """Fit what depends on the training rows, which are preprocessed: the pieces of numbers."""
        if isinstance(self.encoding, Piecewise):
            self.encoding.fit(rows[:, self.values])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.as_they_are:
            return x
        features = [x.index_select(1, self.plain)] if len(self.plain) else []
        if self.encoding is not None:
            features.append(self.encoding(x.index_select(1, self.values)))
        if len(self.codes):
            codes = x.index_select(1, self.codes).long()
            if self.training and self.unknown:
                codes = codes * (torch.rand(codes.shape, device=codes.device) >= self.unknown)
            spots = codes.index_select(1, self.which) * self.stride + self.offset  # (n, n_features)
            features.append(self.weight[:, 0].index_select(0, spots.flatten()).view(spots.shape))
        return torch.cat(features, dim=1) if len(features) > 1 else features[0]


class Piecewise(nn.Module):
    """Numbers (n, m) -> how far each has come through each piece between two quantiles, (n, m * width).

    A piece that lies below the number is 1, one above is 0; the outer ones go on beyond. Source: Gorishniy et al. 2022,
    "On Embeddings for Numerical Features in Tabular Deep Learning", section 3.1, arXiv:2203.05556.
    """

    scale: torch.Tensor
    shift: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, n_numbers: int, pieces: int):
        super().__init__()
        self.width = pieces
        for name in ("scale", "shift", "low", "high"):
            self.register_buffer(name, torch.zeros(n_numbers, pieces))
        self.fit(torch.linspace(-2, 2, pieces + 1)[:, None].expand(-1, n_numbers))

    def fit(self, x: torch.Tensor) -> None:
        """Take the edges of the pieces from quantiles of the training values (n, m); a few values need fewer pieces."""
        for buffer, value in ((self.scale, 0.0), (self.shift, 0.0), (self.low, 0.0), (self.high, 1.0)):
            buffer.fill_(value)
        for j, values in enumerate(x.detach().cpu().numpy().T.astype(np.float64)):
            edges = np.quantile(values, np.linspace(0, 1, self.width + 1), method="nearest")
            edges = np.unique(edges.astype(np.float32))
            n = len(edges) - 1
            if n == 0:
                continue
            scale = 1 / np.maximum(np.diff(edges), 1e-6)
            self.scale[j, :n] = torch.from_numpy(scale)
            self.shift[j, :n] = torch.from_numpy(-edges[:-1] * scale)
            self.low[j, 0], self.high[j, n - 1] = -torch.inf, torch.inf

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = x[:, :, None] * self.scale + self.shift  # (n, m, pieces)
        return torch.minimum(torch.maximum(inside, self.low), self.high).flatten(1)


class Periodic(nn.Module):
    """Numbers (n, m) -> waves of learnt frequencies, then a layer that all share, (n, m * width).

    Source: Gorishniy et al. 2022 (see `Piecewise`), section 3.2, "PLR" with a shared linear layer.
    """

    def __init__(self, n_numbers: int, waves: int):
        super().__init__()
        self.width = WAVE_FEATURES
        self.frequency = nn.Parameter(torch.randn(n_numbers, waves) * FREQUENCY)
        self.linear = nn.Linear(2 * waves, self.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        angle = 2 * math.pi * x[:, :, None] * self.frequency
        waves = torch.cat([torch.sin(angle), torch.cos(angle)], dim=2)
        return torch.relu(self.linear(waves)).flatten(1)


class Residual(nn.Module):
    """x + branch(x), where the branch's answer may need the other shape that `way` gives x; then `after`."""

    def __init__(self, branch: nn.Module, way: nn.Module | None = None, after: nn.Module | None = None):
        super().__init__()
        self.branch, self.way, self.after = branch, way or nn.Identity(), after or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.way(x) + self.branch(x))


class TableNet(nn.Sequential):
    """`embed`, whose output (n, n_features) is what attributions are taken at, then `body`."""

    embed: Embed

    def fit(self, rows: torch.Tensor) -> None:
        """Fit what depends on the preprocessed training rows."""
        self.embed.fit(rows)
