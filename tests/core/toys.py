"""Tiny data sets, schemas and models whose answers are known by hand."""

import time

import numpy as np
import pandas as pd
import torch

from core import config
from core.data.dataset import Column, Dataset, Schema
from core.model import Model

NUMBERS = (Column("a", "number"), Column("b", "number"))
CATEGORIES = (Column("colour", "category", ("blue", "green", "red")), Column("size", "category", ("big", "small")))
MIXED = (NUMBERS[0], CATEGORIES[0], NUMBERS[1])


def table_schema(columns=NUMBERS, classes=("no", "yes")) -> Schema:
    return Schema("table", (len(columns),), classes, columns)


def image_schema(*shape, classes=("no", "yes")) -> Schema:
    return Schema("image", shape, classes)


def table(name="iris", n=20) -> Dataset:
    """Class "yes" where column a is positive; column colour has a missing value in the first row."""
    a = np.where(np.arange(n) % 2, 1.0, -1.0) * (1 + np.arange(n) // 2)
    colours = [None, *(["blue", "green", "red"] * n)][:n]
    frame = pd.DataFrame({"a": a, "colour": colours, "b": np.arange(n, dtype=float)})
    return Dataset(
        name=name,
        kind="table",
        table=frame,
        columns=MIXED,
        targets=(a > 0).astype(np.int64),
        classes=("no", "yes"),
        ids=np.array([f"row-{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
    )


def images(name="digits", n=6) -> Dataset:
    """Black 2x3 pictures of class "dark" and white ones of class "light", in turn."""
    targets = np.arange(n, dtype=np.int64) % 2
    return Dataset(
        name=name,
        kind="image",
        images=np.ones((n, 1, 2, 3), np.uint8) * (255 * targets).astype(np.uint8)[:, None, None, None],
        targets=targets,
        classes=("dark", "light"),
        ids=np.array([f"image-{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
    )


def mlp(columns=NUMBERS, classes=("no", "yes"), seed=0, **options) -> Model:
    """A model for a table, in evaluation mode, whose numbers have mean 0 and deviation 1; layers=0 makes it linear."""
    torch.manual_seed(seed)
    model = Model(table_schema(columns, classes), config.NetConfig("mlp", options))
    model.preprocess.fit(torch.tensor([[-1.0] * len(columns), [1.0] * len(columns)]))
    return model.eval()


def until(condition, seconds=30.0):
    """Wait until `condition()` is true; fail after `seconds`."""
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline, "waited in vain"
        time.sleep(0.02)


def cnn(*shape, classes=("no", "yes"), seed=0, **options) -> Model:
    """A model for images (c, h, w), in evaluation mode, that takes levels as they are divided by 255."""
    torch.manual_seed(seed)
    return Model(image_schema(*shape, classes=classes), config.NetConfig("cnn", options)).eval()
