"""Wine: 178 chemical analyses, 13 measurements, 3 growers (scikit-learn)."""

from core.data.dataset import Dataset
from core.data.sources import _sklearn

TITLE = "Wine: 178 chemical analyses, 13 measurements, 3 growers"


def load() -> Dataset:
    """The whole table."""
    return _sklearn.table("wine", "load_wine", "Wine, UCI, by way of scikit-learn")
