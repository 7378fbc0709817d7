"""HiResCAM of nets made by hand."""

import torch
from torch import nn

from core.explain import gradcam, hirescam
from tests.core import toys
from tests.core.explain.pictures import Picture, two_maps

X = torch.tensor([[[[0, 4], [8, 0]]]], dtype=torch.uint8)


def test_where_every_place_has_the_same_gradient_it_is_gradcam():
    torch.testing.assert_close(hirescam.explain(two_maps(), X, 1).values, gradcam.explain(two_maps(), X, 1).values)


def test_what_speaks_against_the_class_is_below_zero():
    torch.testing.assert_close(hirescam.explain(two_maps(), X, 0).values, X / -4)


def test_each_place_counts_by_its_own_gradient():
    conv, head = nn.Conv2d(1, 1, 1, bias=False), nn.Linear(4, 2, bias=False)
    conv.weight.data.fill_(1)
    head.weight.data = torch.tensor([[0.0] * 4, [1.0, 2.0, -3.0, 0.0]])
    model = Picture(nn.Sequential(conv, nn.Flatten(), head), 1, 2, 2)
    found = hirescam.explain(model, X, 1)
    torch.testing.assert_close(found.values, torch.tensor([[[[0.0, 8.0], [-24.0, 0.0]]]]))
    torch.testing.assert_close(found.values.sum(dim=(1, 2, 3)), found.score)  # exact where a linear layer follows


def test_a_constant_net_gives_zeros():
    model = toys.cnn(1, 8, 8)
    model.net.head[-1].weight.data.zero_()
    assert not hirescam.explain(model, torch.ones(2, 1, 8, 8), 1).values.any()
