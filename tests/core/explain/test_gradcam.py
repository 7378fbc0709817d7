"""Grad-CAM of nets made by hand, and of every kind of net on offer."""

import pytest
import torch
from torch import nn

from core import model as models
from core.config import NetConfig
from core.explain import gradcam, hirescam
from core.explain._base import Target
from tests.core import toys
from tests.core.explain.pictures import NoGradients, Picture, two_maps

X = torch.tensor([[[[0, 4], [8, 0]]]], dtype=torch.uint8)


def test_it_is_the_sum_of_maps_weighed_by_their_mean_gradient():
    # each map's weight is its part in the mean, so the map is relu(3/4 x - 1/4 2x) = x / 4
    found = gradcam.explain(two_maps(), X, 1)
    torch.testing.assert_close(found.values, X / 4)
    torch.testing.assert_close(found.score, torch.tensor([3.0]))  # 3 times the mean, 3, less the mean of 2x, 6
    assert found.base is None


def test_it_shows_nothing_where_all_speaks_against_the_class():
    torch.testing.assert_close(gradcam.explain(two_maps(), X, 0).values, torch.zeros(1, 1, 2, 2))


def test_the_difference_of_two_classes_is_that_of_their_weights():
    # 3 - (-1) for x and -1 - 0 for 2x: relu(4/4 x - 1/4 2x) = x / 2
    found = gradcam.explain(two_maps(), X, Target(1, against=0))
    torch.testing.assert_close(found.values, X / 2)
    torch.testing.assert_close(found.score, torch.tensor([6.0]))


def test_pictures_together_are_explained_as_each_alone(monkeypatch):
    monkeypatch.setattr("core.explain._maps.AT_ONCE", 2 * 3 * 16 * 12)
    model = toys.cnn(3, 16, 12)
    x = torch.randint(0, 256, (5, 3, 16, 12), dtype=torch.uint8)
    together = gradcam.explain(model, x, 1)
    assert together.values.shape == (5, 1, 16, 12) and (together.values >= 0).all()
    for i in range(5):
        torch.testing.assert_close(gradcam.explain(model, x[i : i + 1], 1).values[0], together.values[i])


def test_a_chosen_layer_is_taken_also_where_what_follows_writes_into_it():
    conv = nn.Conv2d(1, 1, 1, bias=False)
    conv.weight.data.fill_(-1)
    head = nn.Linear(1, 2, bias=False)
    head.weight.data = torch.tensor([[0.0], [-4.0]])
    net = nn.Sequential(conv, nn.LeakyReLU(0.5, inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    x = torch.full((1, 1, 2, 2), 6, dtype=torch.uint8)
    # the maps are -6 and, after the layer that follows, -3; the weights -1/2 and -1
    for layer, value in (("0", 3.0), ("1", 3.0), ("", 3.0)):
        found = gradcam.explain(Picture(net, 1, 2, 2), x, 1, gradcam.Options(layer=layer))
        torch.testing.assert_close(found.values, torch.full((1, 1, 2, 2), value))


@pytest.mark.parametrize(
    ("name", "layer", "cells"), [("cnn", "backbone.5", 64 * 4 * 4), ("residual_cnn", "backbone.4", 64 * 4 * 4)]
)
def test_the_last_maps_before_they_are_pooled_are_found_by_themselves(name, layer, cells):
    model = models.Model(toys.image_schema(1, 8, 8), NetConfig(name)).eval()
    x = torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8)
    sizes = {}
    model.net.get_submodule(layer).register_forward_hook(lambda *call: sizes.update(n=call[2].numel()))
    by_itself = hirescam.explain(model, x, 1).values
    torch.testing.assert_close(hirescam.explain(model, x, 1, hirescam.Options(layer=layer)).values, by_itself)
    assert sizes["n"] == cells


def test_maps_that_are_pooled_by_their_maximum_and_then_cut_off_count_as_cut_off():
    conv, head = nn.Conv2d(1, 1, 1, bias=False), nn.Linear(1, 2, bias=False)
    conv.weight.data.fill_(-1)
    head.weight.data = torch.tensor([[0.0], [-1.0]])
    x = torch.tensor([[[[9, 2], [4, 6]]]], dtype=torch.uint8)
    for rest in ([nn.MaxPool2d(2), nn.ReLU()], [nn.ReLU(), nn.MaxPool2d(2)]):  # the same net
        net = nn.Sequential(conv, *rest, nn.Flatten(), head)
        assert not gradcam.explain(Picture(net, 1, 2, 2), x, 1).values.any()


def test_a_layer_that_is_not_there_is_refused_with_those_that_fit():
    with pytest.raises(LookupError, match=r"no layer 'backbone.99'; choose one with maps, such as .*backbone\.5"):
        gradcam.explain(toys.cnn(1, 8, 8), torch.zeros(1, 1, 8, 8), 1, gradcam.Options(layer="backbone.99"))


def test_a_layer_without_maps_is_refused_with_those_that_fit():
    with pytest.raises(ValueError, match=r"'head.0' has no maps that move the score; choose one with maps, such as"):
        gradcam.explain(toys.cnn(1, 8, 8), torch.zeros(1, 1, 8, 8), 1, gradcam.Options(layer="head.0"))


def test_a_net_without_maps_is_refused_with_the_methods_that_fit():
    model = Picture(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), 1, 2, 2)
    with pytest.raises(
        ValueError, match=r"needs a net with a convolution.*use integrated_gradients, occlusion or rise"
    ):
        gradcam.explain(model, X, 1)


def test_a_net_without_gradients_is_refused_with_the_methods_that_fit():
    with pytest.raises(ValueError, match="Grad-CAM needs gradients, and this net gives none; use occlusion or rise"):
        gradcam.explain(Picture(nn.Sequential(nn.Identity(), NoGradients()), 1, 2, 2), X, 1)


class Tokens(nn.Module):
    """Each pixel is a token after one for the class, which looks at the pixels and then answers alone."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 2, 1, bias=False)
        self.patches.weight.data = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
        self.look, self.after = nn.Identity(), nn.Identity()
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[-1.0, 0.0], [3.0, -1.0]])

    def forward(self, z):
        tokens = self.patches(z).flatten(2).transpose(1, 2)
        tokens = self.look(torch.cat([torch.zeros_like(tokens[:, :1]), tokens], dim=1))
        first = tokens[:, 1:].mean(dim=1, keepdim=True)
        return self.head(self.after(torch.cat([first, tokens[:, 1:]], dim=1))[:, 0])


def test_tokens_count_as_a_map_where_they_last_move_the_score():
    # after the class token has looked at the others, these move nothing any more
    found = gradcam.explain(Picture(Tokens(), 1, 2, 3), torch.arange(6).view(1, 1, 2, 3), 1)
    torch.testing.assert_close(found.values, torch.arange(6).view(1, 1, 2, 3) / 6)  # (3 x - 2x) / 6


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (1, 2, 3)])
@pytest.mark.parametrize("net", ["cnn", "residual_cnn"])
def test_the_smallest_pictures_have_a_map(net, shape):
    model = models.Model(toys.image_schema(*shape), NetConfig(net)).eval()
    found = gradcam.explain(model, torch.full((2, *shape), 9, dtype=torch.uint8), 1)
    assert found.values.shape == (2, 1, *shape[1:]) and found.values.isfinite().all()


def test_a_picture_of_another_size_than_the_net_sees_is_explained_pixel_by_pixel():
    x = torch.randint(0, 256, (1, 3, 40, 56), dtype=torch.uint8)
    assert gradcam.explain(toys.cnn(3, 16, 16), x, 1).values.shape == (1, 1, 40, 56)


def test_a_constant_map_is_as_high_on_a_larger_picture_as_on_what_the_net_saw():
    x = torch.full((1, 1, 12, 12), 8, dtype=torch.uint8)
    torch.testing.assert_close(gradcam.explain(two_maps(1, 4, 4), x, 1).values, torch.full((1, 1, 12, 12), 0.5))


def test_of_a_part_around_the_centre_nothing_outside_is_shown():
    model = toys.cnn(3, 16, 16)
    model.preprocess.zoom = 2.0
    x = torch.randint(0, 256, (1, 3, 40, 40), dtype=torch.uint8)
    cam = next(c for c in (gradcam.explain(model, x, target).values for target in (0, 1)) if c.any())
    assert not cam[..., :8, :].any() and not cam[..., -8:].any()


LAYERS = {  # torchvision's nets whose ends differ: cells of the map at 64 pixels
    "squeezenet1_1": (3, 3),
    "densenet121": (2, 2),
    "swin_t": (2, 2),
    "convnext_tiny": (2, 2),
    "vit_b_32": (2, 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("arch", LAYERS)
def test_every_family_of_nets_has_maps(arch):
    from core.explain import _maps

    torch.manual_seed(0)
    model = models.Model(toys.image_schema(1, 64, 64), NetConfig("pretrained", {"arch": arch})).eval()
    x = torch.randint(0, 256, (1, 1, 64, 64), dtype=torch.uint8)
    maps, slopes, _ = _maps.inner_maps(model, _maps.seen(model, x), Target(1), "", "Grad-CAM")
    assert tuple(maps.shape[2:]) == LAYERS[arch] and slopes.any()
    assert gradcam.explain(model, x, 1).values.shape == (1, 1, 64, 64)
