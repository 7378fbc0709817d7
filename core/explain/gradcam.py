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
    from torch import nn

    convolutions = [layer for layer in model.net.modules() if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        raise ValueError("Grad-CAM needs a net with a convolution, and this one has none; use integrated_gradients.")
    z = model.preprocess(x).requires_grad_()
    cam = LayerGradCam(model.net, convolutions[-1]).attribute(z, target=target, relu_attributions=True)
    cam = LayerAttribution.interpolate(cam, x.shape[2:], interpolate_mode="bilinear")  # (n, 1, h, w)
    return cam.detach().expand(*x.shape)
