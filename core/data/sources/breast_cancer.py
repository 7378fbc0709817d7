"""Breast cancer: 569 biopsies, 30 measurements, 2 classes (scikit-learn)."""

from core.data.dataset import Dataset
from core.data.sources import _sklearn

TITLE = "Breast cancer: 569 biopsies, 30 measurements, 2 classes"


def load() -> Dataset:
    """The whole table."""
    return _sklearn.table(
        "breast_cancer", "load_breast_cancer", "Breast Cancer Wisconsin (Diagnostic), UCI, by way of scikit-learn"
    )
