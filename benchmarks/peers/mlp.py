"""No peer: the MLP that all train on rows, with 128 and 64 hidden units."""

from torch import nn


def build(n_in: int, n_classes: int) -> nn.Module:
    """float32 (n, n_in) -> logits (n, n_classes)."""
    return nn.Sequential(nn.Linear(n_in, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, n_classes))
