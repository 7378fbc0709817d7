"""Raw input -> what a net takes, as modules fitted on the training split, so that they travel with the weights."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from core.data.dataset import Schema

LIMIT = 5.0  # standard deviations
OUTER = (0.01, 0.99)  # quantiles between which the middle 98% lie
CYCLES = (365.2425, 7.0, 1.0)  # days: year, week, day


class ImagePreprocess(nn.Module):
    """Images of any size (n, c, H, W) -> float32 (n, c, h, w) with mean 0 and deviation 1 per fitted channel.

    uint8 images hold levels from 0 to 255, float32 images whatever their maker put there. Another size than the
    schema's is scaled until it covers (h, w), and cut around its centre. How it is scaled is kept with the weights.

    given : whether mean and deviation came with the weights, so that they are not fitted
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, schema: Schema, zoom: float = 1.0, cubic: bool = False, mean=None, std=None):
        super().__init__()
        channels, self.height, self.width = schema.shape
        self.top = 255.0 if schema.dtype == "uint8" else 1.0
        self.zoom, self.cubic = zoom, cubic
        self.given = mean is not None
        self.any_size = False  # whether to compute the resizing also where it changes nothing, as an export must
        self.register_buffer("mean", torch.tensor(mean or [0.0] * channels).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std or [1.0] * channels).view(1, -1, 1, 1))

    def fit(self, x: torch.Tensor) -> None:
        """Take mean and standard deviation from the training images (n, c, h, w), unless they were given."""
        if self.given:
            return
        n_pixels = x.shape[0] * x.shape[2] * x.shape[3]
        total = square = torch.zeros(x.shape[1], dtype=torch.float64, device=x.device)
        for chunk in x.split(1024):
            values = chunk.double() / self.top
            total = total + values.sum(dim=(0, 2, 3))
            square = square + values.square().sum(dim=(0, 2, 3))
        mean = total / n_pixels
        std = (square / n_pixels - mean.square()).clamp_min(0).sqrt()
        self.mean.copy_(mean.view(1, -1, 1, 1))
        self.std.copy_(torch.where(std > 1e-6, std, 1.0).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.normalise(self.sized(x))

    def sized(self, x: torch.Tensor) -> torch.Tensor:
        """Images of any size -> float32 (n, c, h, w) in the levels they came in."""
        x = x.float()
        if self.any_size or self.zoom != 1 or x.shape[2:] != (self.height, self.width):
            x = resize(x, self.height, self.width, self.zoom, self.cubic)
            x = x.clamp(0.0, 255.0) if self.cubic and self.top == 255 else x  # a cubic curve swings beyond
        return x

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """Images of the net's size -> float32 with mean 0 and deviation 1."""
        return (x / self.top - self.mean) / self.std

    def get_extra_state(self) -> torch.Tensor:
        return torch.tensor([self.zoom, float(self.cubic)], dtype=torch.float64)

    def set_extra_state(self, state: torch.Tensor) -> None:
        self.zoom, self.cubic = float(state[0]), bool(state[1])

    def _load_from_state_dict(self, state_dict, prefix, *rest):  # ty: ignore[incompatible-method-override]
        state_dict.setdefault(f"{prefix}_extra_state", self.get_extra_state())  # earlier runs had none
        for name in ("mean", "std"):  # three means where one was expected make a colour image of a grey one
            stored, buffer = state_dict.get(f"{prefix}{name}"), getattr(self, name)
            if stored is not None and stored.shape != buffer.shape and self.mean.shape[1] in (1, stored.shape[1]):
                setattr(self, name, buffer.new_empty(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class TablePreprocess(nn.Module):
    """Raw rows, float32 (n, n_columns) -> float32 (n, len(schema.inputs)); see `Schema.inputs`.

    A number is standardised and held within LIMIT deviations; a missing one becomes the training mean, and a flag says
    so where the data has missing ones. A date becomes how far along it is and its place in year, week and day. A
    category's code is moved up by 1, so that 0 is the missing or unknown one.

    given : whether what is fitted came with the weights, so that it stays
    then : what else is fitted to the preprocessed training rows: a function of them, or None
    """

    then: Callable[[torch.Tensor], None] | None
    is_number: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor
    limit: torch.Tensor

    def __init__(self, schema: Schema):
        super().__init__()
        self.given, self.then = False, None
        columns, inputs = schema.columns, schema.inputs
        scaled = [column.type != "category" for column in columns]
        self.register_buffer("is_number", torch.tensor(scaled))
        self.register_buffer("mean", torch.where(self.is_number, 0.0, -1.0))
        self.register_buffer("std", torch.ones(len(columns)))
        self.register_buffer("limit", torch.full((len(columns),), torch.inf))
        self.dates = [j for j, column in enumerate(columns) if column.type == "date"]
        self.flags = [j for j, column in enumerate(columns) if column.missing and column.type != "category"]
        # The parts are computed kind by kind: values and codes, dates' cycles, flags. This is their place in `inputs`.
        made = [(j, "first") for j in range(len(columns))]
        made += [(j, f"cycle {k}") for k in range(2 * len(CYCLES)) for j in self.dates]
        made += [(j, "flag") for j in self.flags]
        wanted, seen = [], {}
        for value in inputs:
            if value.kind == "part":
                k = seen[value.column] = seen.get(value.column, -2) + 1
                wanted.append((value.column, "first" if k < 0 else f"cycle {k}"))
            else:
                wanted.append((value.column, "flag" if value.kind == "flag" else "first"))
        self.order = [made.index(key) for key in wanted]
        self.as_made = self.order == list(range(len(made)))

    def fit(self, x: torch.Tensor) -> None:
        """Take mean and standard deviation of each number and date from the training rows, ignoring missing ones.

        A value further out than the middle 98% is wide, on either side, counts as if it lay there: one wrong cell, a
        thousand times too large, would otherwise make all others look alike.
        """
        if self.given:
            return
        for j in torch.nonzero(self.is_number).flatten().tolist():
            values = x[:, j].double()
            values = values[~values.isnan()].cpu().numpy()
            if len(values) == 0:
                continue
            low, high = np.quantile(values, OUTER)
            if high > low:
                values = values.clip(low - (high - low), high + (high - low))
            mean, std = values.mean(), values.std()
            self.mean[j] = float(mean)
            self.std[j] = float(std) if std > 1e-12 else 1.0
            self.limit[j] = LIMIT
        if self.then:
            self.then(self(x))

    def _load_from_state_dict(self, state_dict, prefix, *rest):  # ty: ignore[incompatible-method-override]
        state_dict.setdefault(f"{prefix}limit", torch.full_like(self.limit, torch.inf))  # earlier runs had none
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled = (x - self.mean) / self.std
        scaled = torch.where(torch.isnan(scaled), torch.zeros_like(scaled), scaled)
        scaled = torch.minimum(torch.maximum(scaled, -self.limit), self.limit)
        parts = [scaled]
        if self.dates:
            days = x[:, self.dates]
            for length in CYCLES:
                place = days / length
                angle = 2 * math.pi * (place - torch.floor(place))
                for wave in (torch.sin(angle), torch.cos(angle)):
                    parts.append(torch.where(torch.isnan(wave), torch.zeros_like(wave), wave))
        if self.flags:
            parts.append(torch.isnan(x[:, self.flags]).float())
        made = torch.cat(parts, dim=1) if len(parts) > 1 else scaled
        return made if self.as_made else made[:, self.order]


def build(schema: Schema, **wanted) -> ImagePreprocess | TablePreprocess:
    """An unfitted preprocessing module for the kind of data.

    wanted : what weights of a net were trained with: `mean` and `std` per channel, of images with levels from 0 to 1
        (three of them make a colour image of a grey one), `zoom`, how much larger an image is made than the part
        around its centre that is kept, and `cubic`, whether a cubic curve is used for that
    """
    return {"image": ImagePreprocess, "table": TablePreprocess}[schema.kind](schema, **wanted)


def resize(x: torch.Tensor, height: int, width: int, zoom: float = 1.0, cubic: bool = False) -> torch.Tensor:
    """Images float (n, c, H, W) scaled, antialiased, until they cover (height, width), and cut around the centre.

    zoom : they are scaled to this many times the size before they are cut
    cubic : whether the filter is Keys' cubic curve instead of a triangle

    Two matrix products, so that it can be exported for any H and W; the same size comes out as it is. The filter is as
    wide as the scale, as in Pillow's and torchvision's antialiased bilinear and bicubic resizing.
    Source of the curve: Keys 1981, "Cubic convolution interpolation for digital image processing", with a = -1/2.
    """
    down, across = _weights(x, height, width, zoom, cubic)
    return down @ x @ across.T


def spread(values: torch.Tensor, like: torch.Tensor, zoom: float = 1.0, cubic: bool = False) -> torch.Tensor:
    """Values (n, c, height, width) of a resized image spread over the pixels of `like` (n, c, H, W) behind them.

    Their sum stays what it is.
    """
    down, across = _weights(like, *values.shape[2:], zoom, cubic)
    return down.T @ values @ across


def _weights(x, height: int, width: int, zoom: float, cubic: bool):
    """The two matrices of `resize`: (height, H) and (width, W)."""
    rows = torch.arange(x.shape[2], dtype=torch.float32, device=x.device)
    columns = torch.arange(x.shape[3], dtype=torch.float32, device=x.device)
    n_rows, n_columns = torch.ones_like(rows).sum(), torch.ones_like(columns).sum()
    scale = torch.minimum(n_rows / height, n_columns / width) / zoom
    return _sampling(rows, n_rows, height, scale, cubic), _sampling(columns, n_columns, width, scale, cubic)


def _sampling(positions, n, n_out: int, scale, cubic: bool):
    """Weights (n_out, n) of each input position in each output position, rows summing to 1."""
    centres = (torch.arange(n_out, dtype=torch.float32, device=positions.device) + 0.5) * scale
    centres = centres + (n - n_out * scale) / 2
    reach = torch.clamp(scale, min=1.0)
    distance = (positions + 0.5 - centres[:, None]).abs() / reach
    if cubic:
        near = torch.clamp(distance, max=1.0)
        far = torch.clamp(distance, min=1.0, max=2.0)
        weights = (1.5 * near - 2.5) * near * near + 1  # 0 from 1 on
        weights = weights + ((2.5 - 0.5 * far) * far - 4) * far + 2  # 0 up to 1, and from 2 on
    else:
        weights = torch.clamp(1 - distance, min=0.0)
    return weights / weights.sum(dim=1, keepdim=True)
