"""skorch: a NeuralNetClassifier on arrays."""

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback


class Ends(Callback):
    def __init__(self, clock):
        self.clock = clock

    def on_epoch_end(self, *_, **__):
        self.clock()


def train(problem, clock, _scratch):
    NeuralNetClassifier(
        problem.net(),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=problem.lr,
        batch_size=problem.batch_size,
        max_epochs=problem.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[("ends", Ends(clock))],
        verbose=0,
    ).fit(problem.x, problem.y)
