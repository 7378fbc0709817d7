"""Iris: 150 flowers, 4 measurements, 3 species (scikit-learn)."""

from core.data.dataset import Dataset
from core.data.sources import _sklearn

TITLE = "Iris: 150 flowers, 4 measurements, 3 species"


def load() -> Dataset:
    """The whole table."""
    return _sklearn.table("iris", "load_iris", "Iris (Fisher 1936), UCI, by way of scikit-learn")
