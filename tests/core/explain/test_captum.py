"""The same numbers as captum's, for the methods that it has too."""

import pytest
import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, NoiseTunnel, Occlusion

from core.explain import _maps, gradcam, integrated_gradients, occlusion
from core.explain._base import Target
from tests.core import toys

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
TARGETS = pytest.mark.parametrize("target", [Target(0), Target(1), Target(1, against=0)], ids=["0", "1", "1 not 0"])


class Scored(torch.nn.Module):
    """Whatever `net` takes -> the explained score (n,): captum then needs no target."""

    def __init__(self, net, target):
        super().__init__()
        self.net, self.target = net, Target.of(target)

    def forward(self, x):
        return self.target.score(self.net(x))


@pytest.fixture
def model():
    return toys.cnn(3, 12, 16, width=4, hidden=8).eval()


@pytest.fixture
def x():
    return torch.randint(0, 256, (3, 3, 12, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@TARGETS
@pytest.mark.parametrize("layer", ["backbone.1", "backbone.5"])
def test_gradcam(model, x, target, layer):
    z = _maps.seen(model, x)
    cam = LayerGradCam(Scored(model.net, target), model.net.get_submodule(layer)).attribute(z, relu_attributions=True)
    expected = LayerAttribution.interpolate(cam, z.shape[2:], interpolate_mode="bilinear")
    found = gradcam.explain(model, x, target, gradcam.Options(layer=layer))
    torch.testing.assert_close(found.values, expected.detach(), **CLOSE)


@TARGETS
@pytest.mark.parametrize("baseline", ["mean", "black", "blur"])
def test_integrated_gradients_of_images(model, x, target, baseline):
    z = _maps.seen(model, x)
    neutral = _maps.neutral(model, z, baseline)
    expected = IntegratedGradients(Scored(model.net, target)).attribute(z, neutral, n_steps=16)
    found = integrated_gradients.explain(model, x, target, integrated_gradients.Options(steps=16, baseline=baseline))
    torch.testing.assert_close(found.values, expected.detach().float(), **CLOSE)


def test_integrated_gradients_of_rows():
    model = toys.mlp(layers=2, hidden=8)
    x = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    net = Scored(model.net.body, 1)
    expected = IntegratedGradients(net).attribute(model.preprocess(x), torch.zeros(2, 2), n_steps=32)
    torch.testing.assert_close(integrated_gradients.explain(model, x, 1).values, expected.detach().float(), **CLOSE)


def test_smoothed_integrated_gradients_without_noise(model, x):
    z, net = _maps.seen(model, x), Scored(model.net, 1)
    tunnel = NoiseTunnel(IntegratedGradients(net))
    expected = tunnel.attribute(
        z, nt_type="smoothgrad", nt_samples=3, stdevs=0.0, baselines=torch.zeros_like(z), n_steps=8
    )
    options = integrated_gradients.Options(steps=8, smooth=3, noise=0.0)
    found = integrated_gradients.explain(model, x, 1, options)
    torch.testing.assert_close(found.values, expected.detach().float(), **CLOSE)


@TARGETS
@pytest.mark.parametrize(("share", "window"), [(0.5, (7, 9)), (0.3, (5, 5))])
def test_occlusion(model, x, target, share, window):
    z = _maps.seen(model, x)
    strides = (3, window[0] // 2, window[1] // 2)
    net = Scored(model.net, target)
    expected = Occlusion(net).attribute(z, (3, *window), strides, baselines=torch.zeros_like(z))[:, :1]
    found = occlusion.explain(model, x, target, occlusion.Options(window=share, cover="mean"))
    torch.testing.assert_close(found.values, expected.detach().float(), **CLOSE)
