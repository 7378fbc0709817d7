"""Matthews' correlation coefficient, for any number of classes.

Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient", Computational
Biology and Chemistry 28:367.
"""

import numpy as np

TITLE = "Matthews correlation"
TEXT = "Correlation of decision and truth: 1 is perfect, 0 is a guess."
FORM = "number"
LEAST = -1.0


def of_counts(hit: np.ndarray, support: np.ndarray, called: np.ndarray) -> np.ndarray:
    """The coefficient, float (...), from how often each class was found, occurs and was called, (..., n_classes) each.

    NaN where all samples are of one class, or all are called one.
    """
    n, right = support.sum(axis=-1), hit.sum(axis=-1)
    spread = (n**2 - (support**2).sum(axis=-1)) * (n**2 - (called**2).sum(axis=-1))
    return np.where(spread > 0, (right * n - (support * called).sum(axis=-1)) / np.sqrt(spread), np.nan)
