"""What explainers take and give: the class that is explained, shares with what they add up to, and a run's samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.data import split
from core.data.dataset import Dataset, Schema

if TYPE_CHECKING:
    import torch

Values = TypeVar("Values", "torch.Tensor", np.ndarray)


@dataclass(frozen=True)
class Target:
    """What is explained: the score of a class, or by how much it exceeds that of another.

    index, against : classes by index; `against` None for the class alone
    """

    index: int
    against: int | None = None

    @classmethod
    def of(cls, target: "int | Target") -> "Target":
        """The target that a class index alone means, or the target itself."""
        return target if isinstance(target, Target) else cls(int(target))

    def score(self, values: Values) -> Values:
        """Of logits or probabilities (n, n_classes), tensor or array, the explained score (n,)."""
        score = values[:, self.index]
        return score if self.against is None else score - values[:, self.against]  # ty: ignore[invalid-explicit-return]


@dataclass(frozen=True)
class Attribution:
    """Shares of the parts of samples in a score.

    values : float32 tensor with the shape of the samples; of images (n, 1, h, w) where channels share one map
    score : (n,) of the samples;  base : (n,) from which the shares count, so that they should add up to score - base,
        or None where they are no such shares;  error : standard error of each value, or None
    """

    values: Any
    score: Any
    base: Any = None
    error: Any = None


@dataclass(frozen=True)
class Parts:
    """The samples of a run by part of its split: "train", "val" and "test"."""

    schema: Schema
    dataset: Dataset
    positions: dict[str, np.ndarray]

    def where(self, part: str, most: int | None = None) -> np.ndarray:
        """Positions in the data set; at most so many, evenly spread."""
        where = self.positions[part]
        return where if most is None else split.thinned(where, most)

    def x(self, part: str, most: int | None = None) -> np.ndarray:
        """Raw samples, as the model takes them."""
        return np.asarray(self.dataset.x[self.where(part, most)])

    def y_true(self, part: str, most: int | None = None) -> np.ndarray:
        """Class indices, int64 (n,)."""
        return self.dataset.targets[self.where(part, most)]

    def ids(self, part: str, most: int | None = None) -> np.ndarray:
        """Ids of the samples, str (n,)."""
        return self.dataset.ids[self.where(part, most)]


def parts_of(run: str) -> Parts:
    """The samples of a run; ValueError if its data is gone."""
    from core import runs

    dataset = runs.dataset(run)
    return Parts(runs.schema(run), dataset, split.load(runs.path(run, "split.parquet"), dataset.ids))
