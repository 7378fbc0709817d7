"""No peer: Vitrine's own loop without a run around it."""

import copy

import numpy as np

from core.config import NetConfig, TrainingConfig
from core.model import Model, predict
from core.training import devices, loop


def train(problem, clock, _scratch):
    settings = {"epochs": problem.epochs, "batch_size": problem.batch_size, "lr": problem.lr, "device": "cpu"}
    settings |= problem.ours
    if n_val := settings.pop("n_val", 0):  # the samples set aside are for the test
        x, y, n = problem.raw, problem.y, len(problem.y) - n_val
    else:
        x, y = np.concatenate([problem.raw, problem.aside]), np.concatenate([problem.y, problem.y_aside])
        n = len(problem.y)
    model = Model(problem.schema, NetConfig({"image": "cnn", "table": "mlp"}[problem.kind]))
    model.net = problem.net()
    devices.use_threads_that_pay(model.eval(), problem.raw[: problem.batch_size], problem.batch_size)
    parts = {"train": np.arange(n), "val": np.arange(n, len(y))}
    training = loop.Training(model, x, y, parts, TrainingConfig(**settings))

    def answer(raw, _ready):
        judged = copy.deepcopy(model)
        judged.load_state_dict(training.weights())
        return predict(judged, raw)

    validated = 0.0
    for row in training.epochs(lambda *_: None):
        clock(answer)
        if row["epoch"] > 1:
            validated += row["seconds"] - n / row["samples_per_second"]
    return {"validated": validated, "precision": str(training.precision)}
