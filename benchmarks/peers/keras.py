"""Keras on torch: the same net out of its own layers, compile and fit."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers


def net_of(problem):
    """The net of `problem` in layers of Keras, which has channels last."""
    if problem.kind == "table":
        hidden = [layers.Dense(128, "relu"), layers.Dense(64, "relu")]
        return keras.Sequential([*hidden, layers.Dense(problem.n_classes)])
    blocks = []
    for width in (32, 64):
        blocks += [layers.Conv2D(width, 3, padding="same", use_bias=False), layers.BatchNormalization()]
        blocks += [layers.MaxPooling2D(2), layers.ReLU()]
    head = [layers.Flatten(), layers.Dense(128, "relu"), layers.Dropout(0.5), layers.Dense(problem.n_classes)]
    return keras.Sequential([*blocks, *head])


def train(problem, clock, _scratch):
    x = problem.x if problem.kind == "table" else np.ascontiguousarray(problem.x.transpose(0, 2, 3, 1))
    net = net_of(problem)
    net.compile(keras.optimizers.Adam(problem.lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ends = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: clock())
    net.fit(x, problem.y, problem.batch_size, problem.epochs, verbose=0, callbacks=[ends])
