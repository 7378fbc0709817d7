"""RISE: masks, a net made by hand, and whether the stated error is true."""

import torch
from torch import nn

from core.explain import rise
from core.explain._base import Target
from core.explain.rise import Options
from tests.core import toys
from tests.core.explain.pictures import NoGradients, Picture


def test_masks_are_smooth_between_0_and_1_and_show_the_chosen_share():
    masks = rise.random_masks(2000, 9, 14, Options(cells=4, shown=0.3), torch.Generator().manual_seed(0))
    assert masks.shape == (2000, 9, 14)
    assert masks.min() >= 0 and masks.max() <= 1
    assert abs(float(masks.mean()) - 0.3) < 0.02
    assert (masks.mean(dim=0) - 0.3).abs().max() < 0.05  # everywhere alike


class Bright(nn.Module):
    """Class 1 has a probability of 1/2 and half of how much of the pixel at the top left is seen."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, z):
        y_prob = 0.5 + 0.49 * z[:, 0, 0, 0] / 100
        return torch.log(torch.stack([1 - y_prob, y_prob], dim=1)) * self.one


X = torch.full((1, 1, 8, 8), 100, dtype=torch.uint8)


def test_the_place_that_decides_stands_out_of_those_that_do_not():
    found = rise.explain(Picture(Bright(), 1, 8, 8), X, 1, Options(masks=2000, cells=8))
    assert int(found.values.argmax()) == 0
    far = found.values[0, 0, 4:, 4:]
    assert found.values[0, 0, 0, 0] > 0.1 and far.abs().max() < 0.05
    torch.testing.assert_close(found.score, torch.tensor([0.99]))


def test_the_stated_error_is_the_deviation_over_other_masks():
    model = Picture(Bright(), 1, 8, 8)
    draws = [rise.explain(model, X, 1, Options(masks=100, cells=8, seed=seed)) for seed in range(40)]
    seen = torch.stack([draw.values for draw in draws]).std(dim=0)
    stated = torch.stack([draw.error for draw in draws]).mean(dim=0)
    ratio = (stated / seen)[0, 0, 2:, 2:]  # where nothing matters, so that the error is all there is
    assert 0.8 < float(ratio.mean()) < 1.25


def test_the_same_seed_gives_the_same_map_and_pictures_together_that_of_each_alone():
    model = toys.cnn(3, 12, 10)
    x = torch.randint(0, 256, (3, 3, 12, 10), dtype=torch.uint8)
    together = rise.explain(model, x, Target(1, against=0), Options(masks=30))
    assert together.values.shape == together.error.shape == (3, 1, 12, 10)
    for i in range(3):
        alone = rise.explain(model, x[i : i + 1], Target(1, against=0), Options(masks=30))
        torch.testing.assert_close(alone.values[0], together.values[i], atol=1e-5, rtol=1e-4)


def test_it_needs_no_gradients():
    x = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    x[0, 0, 1, 1] = 250
    assert rise.explain(Picture(NoGradients(), 1, 8, 8), x, 1, Options(masks=200)).values.any()


def test_a_constant_net_gives_zeros_and_one_pixel_is_enough():
    model = toys.cnn(1, 8, 8)
    model.net.head[-1].weight.data.zero_()
    found = rise.explain(model, torch.randint(0, 256, (1, 1, 8, 8)), 1, Options(masks=20))
    assert not found.values.any() and not found.error.any()
    assert rise.explain(toys.cnn(1, 1, 1), torch.ones(1, 1, 1, 1), 1, Options(masks=20)).values.isfinite().all()
