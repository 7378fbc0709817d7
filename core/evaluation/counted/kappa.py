"""Cohen's kappa.

Source: Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20:37.
"""

import numpy as np

TITLE = "Cohen's kappa"
TEXT = "Agreement with the truth beyond chance: 1 is perfect, 0 is a guess."
FORM = "number"
LEAST = -1.0


def of_counts(hit: np.ndarray, support: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Kappa, float (...), from how often each class was found, occurs and was called, (..., n_classes) each.

    NaN where truth and decisions are one and the same class throughout.
    """
    n, right = support.sum(axis=-1), hit.sum(axis=-1)
    chance = (support * called).sum(axis=-1)
    return np.where(n**2 > chance, (right * n - chance) / (n**2 - chance), np.nan)
