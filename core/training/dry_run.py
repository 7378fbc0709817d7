"""A few steps on made-up samples before a run: does the net fit the data, how large is it, how long will it take?"""

import dataclasses
import time

from core.config import TrainConfig
from core.data.dataset import Schema

STEPS = 4


def dry_run(config: TrainConfig, schema: Schema, n_train: int) -> dict:
    """{"n_parameters", "seconds"}: the net's size, and the estimated time of all epochs without starting PyTorch.

    n_train : training samples of an epoch
    Raises ValueError with a sentence if the net cannot be built for these samples or is too large for the memory.
    """
    import numpy as np
    import torch

    from core.model import Model
    from core.training import loop

    batch_size = min(config.training.batch_size, n_train)
    if schema.kind == "image":
        x = np.zeros((batch_size, *schema.shape), schema.dtype)
    else:
        x = np.zeros((batch_size, *schema.shape), np.float32)
    y = np.zeros(batch_size, np.int64)
    where = {"train": np.arange(batch_size), "val": np.arange(batch_size)}
    try:
        model = Model(schema, config.net)
        few = dataclasses.replace(config.training, epochs=STEPS, batch_size=batch_size)
        training = loop.Training(model, x, y, where, few, config.augment)
        marks = []
        for _ in training.epochs(lambda *_: marks.append(time.perf_counter())):
            pass
    except (RuntimeError, MemoryError) as error:
        torch.cuda.empty_cache()
        raise ValueError(f"The net {config.net.name} does not work on this data: {error}") from error
    step = float(np.median(np.diff(marks)))
    steps = -(-n_train // config.training.batch_size)
    return {"n_parameters": model.n_parameters(), "seconds": step * steps * config.training.epochs}
