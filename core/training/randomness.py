"""The state of every random generator that a training draws from, as plain values and tensors."""

import random

import numpy as np
import torch


def state(device: torch.device, own: torch.Generator | None) -> dict:
    """The states of PyTorch's generators, of Python's and NumPy's, which a net of one's own may use, and of `own`."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "own": own.get_state() if own else None,
        "python": list(random.getstate()[1]),
        "numpy": [name, keys.tolist(), *rest],  # ty: ignore[missing-attribute]
    }


def restore(state: dict, device: torch.device, own: torch.Generator | None) -> None:
    """Set the generators to what `state` gave."""
    torch.set_rng_state(state["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
    if own:
        own.set_state(state["own"])
    random.setstate((3, tuple(state["python"]), None))
    np.random.set_state(tuple(state["numpy"]))
