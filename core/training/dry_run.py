"""A few steps on made-up samples before a run: does the net fit the data, how large is it, how long will it take?"""

import dataclasses
import time
from typing import TYPE_CHECKING

from core.config import AugmentConfig, TrainConfig, TrainingConfig
from core.data.dataset import Schema

if TYPE_CHECKING:
    import numpy as np

    from core.model import Model

STEPS = 4
FEW = 4  # samples that show whether a net works, however large it is
GUESSED = 128  # samples of a batch whose size the run will find
COST_NOTHING = ("lr", "backbone_lr", "schedule", "warmup", "seed", "minutes", "patience")  # settings, in time or memory


def dry_run(config: TrainConfig, schema: Schema, n_train: int) -> dict:
    """What a training costs, from a few steps: a plain record that `seconds` turns into the time of a training.

    {"n_parameters", "epoch_seconds", "once_seconds", "step_bytes"} : the net's size; seconds of an epoch, by what
    `phases` says; seconds before the first; memory that a step takes at its height, None where that cannot be measured
    n_train : training samples of an epoch
    Raises ValueError with a sentence if the net cannot be built for these samples or is too large for the memory.
    """
    import numpy as np
    import torch

    from core.model import Model
    from core.training import devices, dry_run_memory, loop

    settings = config.training
    settings = dataclasses.replace(settings, batch_size=settings.batch_size or GUESSED)
    batch_size = min(settings.batch_size, n_train)
    dtype = schema.dtype if schema.kind == "image" else np.float32
    x = np.zeros((batch_size, *schema.shape), dtype)
    y = np.zeros(batch_size, np.int64)
    where = {"train": np.arange(batch_size), "val": np.arange(batch_size)}
    steps = -(-n_train // settings.batch_size)
    epoch_seconds, once = {}, 0.0
    try:
        model = Model(schema, config.net)
        try_net(model, x[:FEW], config.net.name)
        few = _likely(dataclasses.replace(settings, epochs=STEPS, batch_size=batch_size, minutes=0.0, patience=0))
        device = devices.best_device(settings.device)
        if device.type == "cpu":  # where code counts as memory, but is no part of what a step takes
            _load_code(model, x[:FEW], few, config.augment)
        with dry_run_memory.peak(device) as taken:
            for freeze, _ in phases(settings):
                marks = [time.perf_counter()]
                training = loop.Training(model, x, y, where, dataclasses.replace(few, freeze=freeze), config.augment)
                for _ in training.epochs(lambda *_: marks.append(time.perf_counter())):  # noqa: B023 (used at once)
                    pass
                epoch_seconds[freeze] = float(np.median(np.diff(marks[1:]))) * steps
                if freeze and config.augment == AugmentConfig():  # features of train and val were computed first
                    once += (marks[1] - marks[0]) / 2 * n_train / batch_size
            step_bytes = taken() if config.training.batch_size else None
    except (RuntimeError, MemoryError) as error:
        torch.cuda.empty_cache()
        raise ValueError(f"The net {config.net.name} does not work on this data: {error}") from error
    return {
        "n_parameters": model.n_parameters(),
        "epoch_seconds": epoch_seconds,
        "once_seconds": once,
        "step_bytes": step_bytes,
    }


def _load_code(model: "Model", x: "np.ndarray", settings: TrainingConfig, augment: AugmentConfig) -> None:
    """A step on a few samples, after which a process has loaded what such steps need."""
    import numpy as np

    from core.training import loop

    n = len(x)
    where = {"train": np.arange(n), "val": np.arange(n)}
    once = dataclasses.replace(settings, epochs=1, batch_size=n, freeze=0, accumulate=1)
    for _ in loop.Training(model, x, np.zeros(n, np.int64), where, once, augment).epochs(lambda *_: None):
        pass


def costing(config: TrainConfig) -> TrainConfig:
    """The same training, but for settings on which the answer of `dry_run` does not depend: these are alike for all."""
    freezes = [freeze for freeze, _ in phases(config.training)]
    fewest = {"freeze": freezes[0], "epochs": 1} if len(freezes) == 1 else {"freeze": 1, "epochs": 2}
    alike = {name: getattr(TrainingConfig(), name) for name in COST_NOTHING}
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **fewest, **alike))


def seconds(cost: dict, settings: TrainingConfig) -> float:
    """The estimated time of all epochs, without starting PyTorch, of what `dry_run` answered."""
    whole = cost["once_seconds"] + sum(epochs * cost["epoch_seconds"][freeze] for freeze, epochs in phases(settings))
    return min(whole, 60 * settings.minutes) if settings.minutes else whole


def phases(settings: TrainingConfig) -> list[tuple[int, int]]:
    """What a training with a backbone goes through: (-1, epochs) while that is frozen, (0, epochs) while it learns."""
    frozen = settings.epochs if settings.freeze == -1 else min(settings.freeze, settings.epochs)
    return [(freeze, epochs) for freeze, epochs in ((-1, frozen), (0, settings.epochs - frozen)) if epochs]


def _likely(settings):
    """The settings with the precision that a run will probably choose, so that no trial is needed."""
    import torch

    able = settings.device in ("auto", "cpu") and not torch.cuda.is_available()
    able = able and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return dataclasses.replace(
        settings,
        precision="bf16" if able and settings.precision == "auto" else settings.precision,
        memory_format="channels_last" if settings.memory_format == "auto" else settings.memory_format,
        compile="off",
    )


def try_net(model: "Model", sample: "np.ndarray", name: str) -> None:
    """One step of the model on raw samples, which leaves it as it was. ValueError says what does not work.

    name : what the net is called in that sentence
    """
    import numpy as np
    import torch

    n, n_classes = len(sample), len(model.schema.classes)
    x = torch.from_numpy(np.array(sample))
    states = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        with torch.random.fork_rng(devices=[]):
            logits = model.train()(x)
            if not isinstance(logits, torch.Tensor) or logits.shape != (n, n_classes):
                got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
                raise ValueError(
                    f"The net {name} returned {got} for {n} samples; it must return logits of shape "
                    f"({n}, {n_classes}), one for each class."
                )
            if any(parameter.requires_grad for parameter in model.parameters()):
                logits.float().sum().backward()
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise ValueError(
                f"The net {name} normalises over the batch, and a batch of {n} leaves it one value per channel; "
                "choose a larger batch_size, or larger images."
            ) from error
        raise
    except Exception as error:  # a person's own net may raise anything
        raise ValueError(f"The net {name} does not work on this data: {type(error).__name__}: {error}") from error
    finally:
        model.load_state_dict(states)
        model.zero_grad(set_to_none=True)
