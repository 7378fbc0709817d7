"""Checkpoints: written beside, flushed, then renamed, so that a file is whole or not there."""

import pathlib

import torch

from core import runs


def save(target: pathlib.Path, values: dict) -> None:
    """Write tensors and plain values to `target` at once."""
    with runs.replacing(target) as beside:
        torch.save(values, beside)


def load(path: pathlib.Path) -> dict:
    """Read a checkpoint onto the CPU; tensors and plain values only. ValueError if the file is damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(
            f"The checkpoint {path} cannot be read: it is damaged, or holds more than weights. Train the run again."
        ) from error
