"""Models for pictures around nets made by hand, which see the levels of a picture as they are."""

import torch
from torch import nn

from core.preprocessing import ImagePreprocess
from tests.core import toys


class Picture(nn.Module):
    """A model whose net sees the levels of pictures (c, h, w) as they are."""

    def __init__(self, net, *shape, classes=("no", "yes")):
        super().__init__()
        self.schema = toys.image_schema(*shape, classes=classes)
        self.preprocess = ImagePreprocess(self.schema)
        self.preprocess.std.fill_(1 / 255)
        self.net = net.eval()

    def forward(self, x):
        return self.net(self.preprocess(x))


def two_maps(*shape) -> Picture:
    """A net with maps x and 2x, whose means are weighed -1, 0 for class 0 and 3, -1 for class 1."""
    conv, head = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(2, 2, bias=False)
    conv.weight.data = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    head.weight.data = torch.tensor([[-1.0, 0.0], [3.0, -1.0]])
    return Picture(nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head), *(shape or (1, 2, 2)))


def linear(weight) -> Picture:
    """A net whose logits are 0 and the sum of weight (h, w) times level."""
    weight = torch.as_tensor(weight, dtype=torch.float32)
    net = nn.Sequential(nn.Flatten(), nn.Linear(weight.numel(), 2, bias=False))
    net[1].weight.data = torch.stack([torch.zeros(weight.numel()), weight.flatten()])
    return Picture(net, 1, *weight.shape)


class NoGradients(nn.Module):
    """A net that decides by whole numbers, which have no gradient: class 1 gets the number of bright pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, z):
        n_bright = (z > 100).flatten(1).sum(dim=1).float()
        return torch.stack([torch.zeros_like(n_bright), n_bright], dim=1)
