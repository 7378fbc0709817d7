"""scikit-learn's MLPClassifier. It cannot say when an epoch ends: its whole fit counts, one epoch fewer."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


def train(problem, clock, _scratch):
    net = MLPClassifier(
        (128, 64),
        batch_size=problem.batch_size,
        learning_rate_init=problem.lr,
        max_iter=problem.epochs - 1,
        n_iter_no_change=problem.epochs,
    )
    clock()
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        net.fit(problem.x, problem.y)
    clock()
