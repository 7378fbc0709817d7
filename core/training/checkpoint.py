"""Checkpoints: written beside, flushed, then renamed, so that a file is whole or not there."""

import os
import pathlib

import torch

from core import files, runs


def save(target: pathlib.Path, values: dict, before: pathlib.Path | None = None) -> None:
    """Write tensors and plain values to `target` at once; what was there moves to `before`, if that is given.

    Raises files.NotWritten if it cannot be written, for instance as the disk is full; then `target` stays what it was.
    """
    try:
        with runs.replacing(target) as beside:
            torch.save(values, beside)
            if before and target.exists():
                os.replace(target, before)
    except (OSError, RuntimeError) as error:  # torch's writer has its own words for a full disk
        raise files.NotWritten(
            f"The checkpoint {target} could not be written ({_reason(error)}); the last good one is still there. "
            "Make room and resume the run."
        ) from error


def load(path: pathlib.Path) -> dict:
    """Read a checkpoint onto the CPU; tensors and plain values only. ValueError if the file is damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(
            f"The checkpoint {path} cannot be read: it is damaged, or holds more than weights. Train the run again."
        ) from error


def newest(run: str) -> dict | None:
    """The newest checkpoint of `run` that can be read, to go on from; None if it has not got so far.

    Raises ValueError if there are some and none can be read.
    """
    found = [runs.path(run, "checkpoints", name) for name in ("last.pt", "previous.pt")]
    found = [path for path in found if path.exists()]
    for path in found:
        try:
            return load(path)
        except ValueError as error:
            damage = error
            print(f"{error} Trying the one before.", flush=True)
    if found:
        raise damage
    return None


def _reason(error: Exception) -> str:
    found = (getattr(one, "strerror", None) for one in (error, error.__cause__))
    return next(filter(None, found), None) or str(error).splitlines()[0]
