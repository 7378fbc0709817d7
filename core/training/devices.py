"""The processor that a training runs on: which, with how many threads, and the memory taken there."""

import numpy as np
import psutil
import torch
from torch import nn

from core.training import precision

SMALL_STEP = 2e8  # floating-point operations of a forward pass over a batch, below which one thread is as fast as two


def best_device(setting: str) -> torch.device:
    """The processor for a device setting; "auto" takes a GPU where there is one. ValueError if it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        setting = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[setting]:
        raise ValueError(f"There is no {setting} device on this machine; choose auto, or cpu.")
    return torch.device(setting, torch.cuda.current_device()) if setting == "cuda" else torch.device(setting)


def use_threads_that_pay(model: nn.Module, x: np.ndarray, batch_size: int) -> int:
    """Let PyTorch use one CPU thread if a step on a batch of samples like `x` is small, else all; returns how many.

    Threads that share little work wait for one another more than they gain, and much more so beside another process.
    Counted in operations rather than timed, so that a run repeated takes the same number and gives the same weights.
    """
    if precision.operations(model, torch.from_numpy(np.array(x))) * batch_size / len(x) < SMALL_STEP:
        torch.set_num_threads(1)
    return torch.get_num_threads()


def memory_taken(device: torch.device) -> int:
    """Bytes taken on the device: at most so far on a GPU, by this process now on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return psutil.Process().memory_info().rss
