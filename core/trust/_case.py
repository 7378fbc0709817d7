"""One explanation under examination, and how maps are compared."""

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

LARGE = 20_000  # values of a sample from which a method takes its quicker options, where it is run many times
GRID = 8  # cells along each side where maps of different fineness are compared


@dataclass(frozen=True, eq=False)
class Case:
    """model, x (1, ...), the method's module, Target, its Options, training rows of a table or None, Attribution."""

    model: Any
    x: Any
    method: ModuleType
    target: Any
    options: Any
    background: Any
    found: Any

    @property
    def is_image(self) -> bool:
        """Whether the sample is an image."""
        return self.x.dim() == 4

    @property
    def is_large(self) -> bool:
        """Whether quicker options are taken where the method is run many times."""
        return self.x.numel() > LARGE

    @property
    def map(self) -> np.ndarray:
        """The explanation in one layer: (h, w) or (n_columns,), float64."""
        return flat(self.found.values)[0]

    def attribute(
        self, model: "nn.Module | None" = None, x: "torch.Tensor | None" = None, method: ModuleType | None = None
    ) -> np.ndarray:
        """Maps (n, h, w) or (n, n_columns) of another model, other samples or another method; quick if large."""
        method = method or self.method
        options = self.options if method is self.method else method.Options()
        if self.is_large:
            options = getattr(method, "quick", lambda same: same)(options)
        more = {"background": self.background} if getattr(method, "NEEDS_BACKGROUND", False) else {}
        x = self.x if x is None else x
        return flat(method.explain(model or self.model, x, self.target, options, **more).values)

    def probability(self, x: "torch.Tensor") -> np.ndarray:
        """Probability (n,) of the class explained, among it and the other one if it is explained against one."""
        import torch

        from core.explain import _maps

        answers = _maps.answers(self.model)
        with torch.inference_mode():
            logits = [answers(_maps.seen(self.model, some)) for some in x.split(_maps.at_once(x))]
        logits = torch.cat(logits).double()
        if self.target.against is not None:
            return torch.sigmoid(self.target.score(logits)).numpy()
        return logits.softmax(dim=1)[:, self.target.index].numpy()


def flat(values: "torch.Tensor") -> np.ndarray:
    """Attributions (n, c, h, w) with their channels added, or (n, n_columns), as float64."""
    values = values.detach().double().numpy()
    return values.sum(axis=1) if values.ndim == 4 else values


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two maps; 0 if one of them is the same everywhere."""
    from scipy.stats import rankdata

    a, b = (rankdata(np.round(values.ravel() / (np.abs(values).max() or 1), 9)) for values in (a, b))
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


def coarse(values: np.ndarray) -> np.ndarray:
    """A map (h, w) as means over at most GRID x GRID cells, so that fine and coarse ones can be compared."""
    for axis in range(values.ndim if values.ndim == 2 else 0):
        n = values.shape[axis]
        edges = np.linspace(0, n, min(GRID, n) + 1).round().astype(int)
        sums = np.add.reduceat(values, edges[:-1], axis=axis)
        widths = np.diff(edges)
        values = sums / (widths[:, None] if axis == 0 else widths[None])
    return values
