"""Integrated gradients: how much each pixel or column moves the class score, from a neutral input to this one.

Source: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365.
"""

KINDS = ("image", "table")
SCOPE = "sample"
TITLE = "Integrated gradients"
TEXT = (
    "Each pixel's or column's share in the class score, counted from a neutral input (a black image, an average row). "
    "The shares add up to the difference between the two scores."
)
STEPS = 64  # points of the Gauss-Legendre rule along the path


def explain(model, x, target: int):
    """Attribution, float32 with the shape of x, of the logit of class `target`; sums to logit(x) - logit(baseline).

    x : uint8 (n, c, h, w), with a black image as baseline, or float32 (n, n_columns), with the training mean of each
    number and "unknown" for each category as baseline. A category's share is the sum over its embedding.
    """
    import torch
    from captum.attr import IntegratedGradients
    from torch import nn

    from core import preprocessing

    embed = getattr(model.net, "embed", nn.Identity())
    body = getattr(model.net, "body", model.net)
    # for a table, `mean` is the training mean of a number or date, and -1, "unknown", for a category
    neutral = torch.zeros_like(x) if model.schema.kind == "image" else model.preprocess.mean.expand_as(x)
    with torch.no_grad():
        z, baseline = embed(model.preprocess(x)), embed(model.preprocess(neutral))
    shares = IntegratedGradients(body).attribute(z, baselines=baseline, target=target, n_steps=STEPS).detach()
    if not hasattr(embed, "owners"):
        if shares.shape[1] != x.shape[1]:  # a grey image that the net saw in three channels
            shares = shares.sum(dim=1, keepdim=True)
        zoom, cubic = getattr(model.preprocess, "zoom", 1.0), getattr(model.preprocess, "cubic", False)
        shares = shares.float()
        same = shares.shape == x.shape and zoom == 1
        return shares if same else preprocessing.spread(shares, x, zoom, cubic)
    owners = torch.tensor(embed.owners)
    return torch.zeros_like(x).index_add_(1, owners, shares.float())
