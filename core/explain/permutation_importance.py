"""Permutation importance: how much accuracy a column is worth to the model, measured by shuffling it.

Source: Breiman 2001, "Random Forests", Machine Learning 45:5, in the model-agnostic form of scikit-learn.
"""

import numpy as np

KINDS = ("table",)
SCOPE = "model"
TITLE = "Permutation importance"
TEXT = (
    "The accuracy lost on validation rows when one column is shuffled, 10 times over. "
    "Columns that say the same can stand in for one another, and then each seems unimportant."
)
REPEATS = 10


def explain(model, x: np.ndarray, y_true: np.ndarray):
    """Mean and standard deviation, float64 (n_columns,), of the loss of accuracy over the repeats, as fractions."""
    from sklearn.inspection import permutation_importance

    from core.model import predict

    def accuracy(_, x, y):
        return float((predict(model, x).argmax(axis=1) == y).mean())

    result = permutation_importance(_Fitted(), x, y_true, scoring=accuracy, n_repeats=REPEATS, random_state=0)
    return result.importances_mean, result.importances_std


class _Fitted:
    """What scikit-learn asks of an estimator; the scoring does the work."""

    def fit(self, *_):
        return self
