"""The course of the learning rate, as a function of how far the training is: nothing to store, nothing to restore."""

import math
from collections.abc import Sequence

from core.config import TrainingConfig

START, END = 1 / 25, 1 / 250_000  # shares of the highest rate at both ends of one cycle
STEPS = (0.5, 0.75)  # how far the training is when the schedule "step" divides the rate by ten
PATIENCE, DROP = 3, 0.3  # epochs without a better validation loss, after which "plateau" multiplies the rate
FEW_STEPS = 8  # a training of fewer steps has no time to rise and fall


def rate(settings: TrainingConfig, progress: float, val_losses: Sequence[float] = ()) -> float:
    """The learning rate as a share of its highest, in [0, 1].

    progress : how far the training is, from 0 to 1;  val_losses : those of the epochs so far, for "plateau"
    one_cycle: Smith and Topin 2017, arXiv:1708.07120;  cosine: Loshchilov and Hutter 2016, arXiv:1608.03983.
    """
    rise = settings.warmup
    if settings.schedule == "one_cycle":
        if progress < rise:
            return _wave(START, 1.0, progress / rise)
        return _wave(1.0, END, (progress - rise) / (1 - rise))
    warm = min(1.0, START + progress / rise) if rise else 1.0
    if settings.schedule == "cosine":
        return warm * _wave(1.0, 0.0, max(0.0, progress - rise) / (1 - rise))
    if settings.schedule == "step":
        return warm * 0.1 ** sum(progress >= place for place in STEPS)
    if settings.schedule == "plateau":
        return warm * DROP ** n_plateaus(val_losses)
    return warm


def momentum(settings: TrainingConfig, progress: float) -> float:
    """The share of the last step that is kept: in one cycle it falls while the rate rises, elsewhere it is 0.9."""
    if settings.schedule != "one_cycle":
        return 0.9
    rise = settings.warmup
    return _wave(0.95, 0.85, progress / rise) if progress < rise else _wave(0.85, 0.95, (progress - rise) / (1 - rise))


def n_plateaus(val_losses: Sequence[float]) -> int:
    """How often the validation loss did not get better for PATIENCE epochs in a row."""
    best, waited, found = math.inf, 0, 0
    for loss in val_losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == PATIENCE:
            found, waited = found + 1, 0
    return found


def _wave(first: float, last: float, progress: float) -> float:
    """From the first value to the last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * min(1.0, max(0.0, progress)))) / 2
