"""What earlier runs of the same data and net found out: features of a frozen backbone, the fastest precision."""

import contextlib
import hashlib
import json
import pathlib
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.files import read_json, replacing, write_sealed


class Kept:
    """Files in `folder`, named by what they depend on: `key`, a plain value, and what is said for each.

    A damaged file counts as not there. Without a folder nothing is kept.
    """

    def __init__(self, folder: pathlib.Path | None = None, key=()):
        self.folder, self.key = folder, key

    def tensor(self, name: str, also: Any, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What `compute` gives, or gave before with the same name and `also`, on the CPU or where it was computed."""
        if not self.folder:
            return compute()
        path = self.folder / f"{name}-{_hash(self.key, also)}.npy"
        try:
            return torch.from_numpy(np.load(path, allow_pickle=False))
        except (OSError, ValueError, EOFError):
            values = compute()
        with contextlib.suppress(OSError):  # what cannot be kept is computed again
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as beside, open(beside, "wb") as file:
                np.save(file, values.cpu().numpy())
        return values

    def record(self, name: str, also: Any, compute: Callable[[], dict]) -> dict:
        """As `tensor`, but a plain dict, for this machine and version of PyTorch alone."""
        if not self.folder:
            return compute()
        path = self.folder / f"{name}-{_hash(self.key, also, _machine())}.json"
        try:
            return read_json(path)
        except (OSError, ValueError):
            values = compute()
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_sealed(path, values)
        return values


NOTHING_KEPT = Kept()


def _hash(*values) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]


def _machine() -> str:
    """What the speed of arithmetic depends on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return f"{platform.node()} {_processor()} {torch.get_num_threads()} {gpu} {torch.__version__}"


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
