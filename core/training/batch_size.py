"""The batch size, found: the largest that fits into the memory and still makes training faster."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.config import TrainingConfig
from core.training import precision
from core.training.trunk import Trunk

if TYPE_CHECKING:
    from core.model import Model

SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
GAIN = 1.05  # how much faster a size twice as large must be
SHARE = 4  # an epoch has at least this many batches


def find(
    model: "Model", x: np.ndarray, y: np.ndarray, where: np.ndarray, settings: TrainingConfig, device: torch.device
) -> tuple[int, str]:
    """The batch size for training samples, and a sentence that says why; a few steps are tried with each size.

    x : raw samples, array (n, ...);  y : int64 (n,);  where : positions of the training samples
    The model is left as it was, but on `device`.
    """
    trunk = Trunk(model.to(device))
    change = (lambda batch: batch) if trunk.is_image else model.preprocess
    sizes = [size for size in SIZES if size * SHARE <= len(where)] or [max(2, len(where) // SHARE)]
    best, fastest = sizes[0], 0.0
    why = f"larger ones leave fewer than {SHARE} batches in an epoch"
    for size in sizes:
        try:
            few = change(torch.from_numpy(np.array(x[where[:size]])).to(device))
            if trunk.is_image and few.shape[1:] != model.schema.shape:
                few = model.preprocess.sized(few)
            wanted = torch.from_numpy(np.asarray(y)[where[:size]]).to(device)
            seconds = precision.trial(trunk, few, wanted, settings, precision.Precision())["seconds_per_step"]
        except (RuntimeError, MemoryError) as error:
            if not precision.is_out_of_memory(error):
                raise
            torch.cuda.empty_cache()
            why = "larger ones do not fit into the memory"
            break
        if size / seconds < GAIN * fastest:
            why = "larger ones are not faster"
            break
        best, fastest = size, size / seconds
    return best, f"The batch size is {best}: {why}."
