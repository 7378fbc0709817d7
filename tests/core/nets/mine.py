"""Nets as a person might write them, named by module in the tests."""

import torch
from torch import nn


class Pixels(nn.Module):
    """A linear layer on all pixels; it is told the shape of an image and how many classes there are."""

    def __init__(self, input_shape, n_classes):
        super().__init__()
        channels, height, width = input_shape
        self.linear = nn.Linear(channels * height * width, n_classes)

    def forward(self, x):
        return self.linear(x.flatten(1))


def rows(input_shape, num_classes, width=8):
    """A net for tables with one hidden layer."""
    return nn.Sequential(nn.Linear(*input_shape, width), nn.ReLU(), nn.Linear(width, num_classes))


class TooMany(nn.Module):
    """Returns one value more than there are classes."""

    def __init__(self, input_shape, n_classes):
        super().__init__()
        self.linear = nn.Linear(input_shape[0], n_classes + 1)

    def forward(self, x):
        return self.linear(x)


class Raises(TooMany):
    def forward(self, x):
        raise KeyError(f"no {len(x)} things")


class NotMade(nn.Module):
    def __init__(self):
        raise OSError("the disk is gone")


def no_module():
    return torch.zeros(3)


def no_parameters():
    return nn.Flatten()


READY = nn.Linear(2, 2)
NUMBER = 7
