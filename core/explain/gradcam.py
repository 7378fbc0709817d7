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

    z = model.preprocess(x).requires_grad_()
    layer = last_feature_map(model.net, z)
    cam = LayerGradCam(model.net, layer).attribute(z, target=target, relu_attributions=True)
    cam = LayerAttribution.interpolate(cam, x.shape[2:], interpolate_mode="bilinear")  # (n, 1, h, w)
    return cam.detach().expand(*x.shape)


def last_feature_map(net, z):
    """The layer of `net` that gives the last map (n, c, h, w) after a convolution, before it is pooled."""
    from torch import nn

    seen, hooks = [], []
    for layer in net.modules():
        if not list(layer.children()):
            hooks.append(layer.register_forward_hook(lambda layer, _, out: seen.append((layer, out.dim()))))
    try:
        net(z)
    finally:
        for hook in hooks:
            hook.remove()
    found = None
    for layer, n_dimensions in seen:
        follows = found and n_dimensions == 4 and isinstance(layer, (nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.SiLU))
        if isinstance(layer, nn.Conv2d) or follows:
            found = layer
    if found is None:
        raise ValueError("Grad-CAM needs a net with a convolution, and this one has none; use integrated_gradients.")
    return found
