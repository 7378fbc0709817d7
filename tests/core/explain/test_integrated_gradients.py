"""Integrated gradients of nets made by hand: the answers are weights times ways."""

import pytest
import torch
from torch import nn

from core import model as models
from core.config import NetConfig
from core.explain import integrated_gradients
from core.explain._base import Target
from core.explain.integrated_gradients import Options
from tests.core import toys
from tests.core.explain.pictures import NoGradients, Picture, linear

X = torch.tensor([[[[0, 4], [8, 0]]]], dtype=torch.uint8)
WEIGHT = torch.tensor([[1.0, -2.0], [0.5, 3.0]])


def test_of_a_linear_net_they_are_weight_times_way():
    model = toys.mlp(layers=0)
    model.preprocess.fit(torch.tensor([[0.0, 5.0], [4.0, 9.0]]))  # means 2 and 7, deviations 2 and 2
    x = torch.tensor([[5.0, 6.0], [2.0, 7.0]])
    expected = model.net.body[0].weight[1].detach() * (x - torch.tensor([2.0, 7.0])) / 2
    torch.testing.assert_close(integrated_gradients.explain(model, x, 1).values, expected)


def test_they_start_from_black_or_from_the_mean_of_the_training_images():
    model = linear(WEIGHT)
    model.preprocess.mean.fill_(2 / 255)  # black is then not zero to the net
    for baseline, way in (("black", X.float()), ("mean", X.float() - 2)):
        found = integrated_gradients.explain(model, X, 1, Options(baseline=baseline))
        torch.testing.assert_close(found.values, WEIGHT * way)
        torch.testing.assert_close(found.values.sum(dim=(1, 2, 3)), found.score - found.base)


def test_from_the_blurred_picture_a_picture_without_detail_has_no_shares():
    flat = torch.full((1, 1, 2, 2), 7, dtype=torch.uint8)
    found = integrated_gradients.explain(linear(WEIGHT), flat, 1, Options(baseline="blur"))
    torch.testing.assert_close(found.values, torch.zeros(1, 1, 2, 2), atol=1e-5, rtol=0)
    assert integrated_gradients.explain(linear(WEIGHT), X, 1, Options(baseline="blur")).values.abs().max() > 1


class Square(nn.Module):
    """Logits 0 and the product of the two pixels."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, z):
        a, b = z.flatten(1).T
        return torch.stack([0 * a, self.one * a * b], dim=1)


def test_two_that_act_together_share_alike():
    # the gradient along the way is (b, a) times alpha, whose mean is 1/2: a b / 2 for each
    found = integrated_gradients.explain(Picture(Square(), 1, 1, 2), torch.tensor([[[[3, 5]]]]), 1, Options(steps=1))
    torch.testing.assert_close(found.values, torch.tensor([[[[7.5, 7.5]]]]))


def test_the_difference_of_two_classes_is_the_difference_of_their_shares():
    model = toys.cnn(1, 8, 8)
    x = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    one, other = (integrated_gradients.explain(model, x, target).values for target in (1, 0))
    both = integrated_gradients.explain(model, x, Target(1, against=0))
    torch.testing.assert_close(both.values, one - other, atol=1e-5, rtol=1e-4)


def test_smoothing_leaves_a_linear_net_nearly_as_it_is_and_is_the_same_again():
    options = Options(smooth=200, noise=0.1)
    found, again = (integrated_gradients.explain(linear(WEIGHT), X, 1, options).values for _ in range(2))
    assert torch.equal(found, again)
    # the mean of 200 draws has a deviation of 0.1 * 8 / sqrt(200) = 0.057, times the weight
    torch.testing.assert_close(found, WEIGHT * X.float(), atol=0.057 * 3 * 4, rtol=0)
    assert not torch.equal(found, WEIGHT * X.float())


@pytest.mark.parametrize("columns", [toys.NUMBERS, toys.CATEGORIES, toys.MIXED], ids=["numbers", "categories", "both"])
def test_there_is_a_share_per_column_and_they_add_up_to_the_difference_of_the_scores(columns):
    model = toys.mlp(columns, layers=2, hidden=16)
    x = torch.tensor([[0.5 if c.type == "number" else 1.0 for c in columns], [1.0] * len(columns)])
    found = integrated_gradients.explain(model, x, 1)
    assert found.values.shape == x.shape
    with torch.no_grad():
        score, base = model(x)[:, 1], model(torch.full_like(x, float("nan")))[:, 1]
    torch.testing.assert_close(found.score, score)
    torch.testing.assert_close(found.base, base)
    torch.testing.assert_close(found.values.sum(dim=1), score - base, atol=5e-3, rtol=0)


def test_the_share_of_a_category_is_that_of_its_whole_embedding():
    model = toys.mlp(toys.MIXED, layers=0)
    weight, rows = model.net.body[0].weight[1].detach(), model.net.embed.table(0)
    # features are a, b and the two of colour; colour "red" is code 2, row 3 of the embedding; row 0 is "unknown"
    expected = torch.stack([weight[0] * 0.5, weight[2:] @ (rows[3] - rows[0]), weight[1] * -2.0])[None]
    found = integrated_gradients.explain(model, torch.tensor([[0.5, 2.0, -2.0]]), 1)
    torch.testing.assert_close(found.values, expected)


@pytest.mark.parametrize("columns", [toys.NUMBERS, toys.MIXED], ids=["numbers", "both"])
def test_what_is_missing_or_unknown_has_no_share(columns):
    x = torch.tensor([[float("nan") if c.type == "number" else -1.0 for c in columns]])
    found = integrated_gradients.explain(toys.mlp(columns), x, 1)
    torch.testing.assert_close(found.values, torch.zeros_like(x))


def test_shares_of_a_larger_picture_than_the_net_sees_have_the_same_sum():
    x = torch.randint(0, 256, (1, 3, 40, 56), dtype=torch.uint8)
    found = integrated_gradients.explain(toys.cnn(3, 16, 16), x, 1, Options(steps=128))
    assert found.values.shape == x.shape
    torch.testing.assert_close(found.values.sum().view(1), found.score - found.base, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("arch", ["squeezenet1_1", "shufflenet_v2_x0_5"])
def test_a_grey_image_that_a_net_saw_in_colour_is_explained_in_grey(arch):
    model = models.Model(toys.image_schema(1, 64, 64), NetConfig("pretrained", {"arch": arch})).eval()
    x = torch.randint(0, 256, (1, 1, 64, 64), dtype=torch.uint8)
    assert integrated_gradients.explain(model, x, 1, Options(steps=2)).values.shape == x.shape


@pytest.mark.parametrize("baseline", ["mean", "black", "blur"])
def test_one_pixel_is_enough(baseline):
    x = torch.full((1, 1, 1, 1), 9, dtype=torch.uint8)
    assert integrated_gradients.explain(toys.cnn(1, 1, 1), x, 1, Options(baseline=baseline)).values.isfinite().all()


def test_a_net_without_gradients_is_refused_with_the_methods_that_fit():
    with pytest.raises(ValueError, match="gradients, and this net gives none; use occlusion or rise"):
        integrated_gradients.explain(Picture(NoGradients(), 1, 2, 2), X, 1)
