"""Grad-CAM: where in the picture the last convolution finds what speaks for a class.

Source: Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
arXiv:1610.02391.
"""

KINDS = ("image",)
SCOPE = "sample"
TITLE = "Grad-CAM"
TEXT = (
    "Warm regions hold what the last convolution found in favour of the class. "
    "It is coarse: one value per cell of the last feature map."
)


def explain(model, x, target: int):
    """Attribution float32 (n, c, h, w) >= 0, the same in every channel, for images x uint8 (n, c, h, w).

    Raises ValueError if the net has no convolution.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    from core import preprocessing

    z = model.preprocess(x).requires_grad_()
    layer = last_feature_map(model.net, z)
    cam = LayerGradCam(model.net, layer).attribute(z, target=target, relu_attributions=True)
    cam = LayerAttribution.interpolate(cam, z.shape[2:], interpolate_mode="bilinear").detach()  # (n, 1, h, w)
    zoom = getattr(model.preprocess, "zoom", 1.0)
    if z.shape[2:] != x.shape[2:] or zoom != 1:  # the net saw a part around the centre
        cam = preprocessing.spread(cam, x, zoom)
    return cam.expand(*x.shape)


def last_feature_map(net, z):
    """The layer of `net` that gives the last map (n, c, h, w) after a convolution, before it is pooled.

    Some nets keep maps as (n, h, w, c) between their blocks; what counts there is the last that is turned back.
    """
    from torch import nn
    from torchvision.ops import Permute

    seen, hooks = [], []
    for layer in net.modules():
        if not list(layer.children()):
            hooks.append(layer.register_forward_hook(lambda layer, _, out: seen.append((layer, out.shape))))
    try:
        net(z)
    finally:
        for hook in hooks:
            hook.remove()
    found = shape = None
    for layer, out in seen:
        follows = out == shape and isinstance(layer, (nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.SiLU))
        turned = isinstance(layer, Permute) and list(layer.dims) == [0, 3, 1, 2]
        if len(out) == 4 and (isinstance(layer, nn.Conv2d) or follows or turned):
            found, shape = layer, out
        elif len(out) == 3:  # what was a map goes on as a row of pieces
            found = shape = None
    if found is None:
        raise ValueError(
            "Grad-CAM needs a net with a convolution at its end, and this one has none; use integrated_gradients."
        )
    return found
