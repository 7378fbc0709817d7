"""What the methods for images share: what the net sees, its inner maps with their gradients, and the way back."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.explain._base import Target

AT_ONCE = 2**20  # values of inputs that go through the net together: more do not fit the processor's caches
PREFIX = 8  # tokens before those of the patches, at most: a class token, perhaps registers
SHOWN = 5  # layers that a sentence names


def seen(model: "nn.Module", x: "torch.Tensor") -> "torch.Tensor":
    """What the net sees of raw samples x: preprocessed, float32, without a gradient."""
    import torch

    preprocess = getattr(model, "preprocess", None)
    with torch.no_grad():
        z = x.float() if preprocess is None else preprocess(x)
    wide = z.dim() == 4 and z.shape[1] > 1 and z.shape[2] * z.shape[3] >= 32 * 32
    return z.contiguous(memory_format=torch.channels_last) if wide else z  # twice as fast on a CPU


def answers(model: "nn.Module") -> Callable[["torch.Tensor"], "torch.Tensor"]:
    """A function: what the net sees -> logits (n, n_classes), as the model gives them."""
    net, shift = getattr(model, "net", model), getattr(model, "prior_shift", 0.0)
    return lambda z: net(z) + shift


def at_once(z: "torch.Tensor") -> int:
    """How many inputs like those of z go through the net together."""
    return max(1, min(1024, AT_ONCE // max(1, z[0].numel())))


def gradient(score: "torch.Tensor", of: "torch.Tensor", method: str) -> "torch.Tensor":
    """Gradient of the sum of `score` by the tensor `of`; ValueError with a sentence if the net gives none."""
    import torch

    if score.requires_grad:
        found = torch.autograd.grad(score.sum(), of, allow_unused=True)[0]
        if found is not None:
            return found
    raise ValueError(f"{method} needs gradients, and this net gives none; use occlusion or rise.")


def neutral(model: "nn.Module", z: "torch.Tensor", kind: str) -> "torch.Tensor":
    """Inputs without what they show, with the shape of z: "black", "mean" (of the training images) or "blur"."""
    import torch

    if kind == "blur":
        return blurred(z, max(1.0, min(z.shape[2:]) / 8))
    if kind == "black":
        return black(model, z)
    return torch.zeros_like(z)  # what is preprocessed has mean 0


def black(model: "nn.Module", z: "torch.Tensor") -> "torch.Tensor":
    """A black image as the net sees it, with the shape of z."""
    import torch

    preprocess = getattr(model, "preprocess", None)
    if not hasattr(preprocess, "normalise"):
        return torch.zeros_like(z)
    with torch.no_grad():
        return preprocess.normalise(torch.zeros_like(z))


def blurred(z: "torch.Tensor", sigma: float) -> "torch.Tensor":
    """Images (n, c, h, w) through a Gaussian filter of `sigma` pixels, edges continued."""
    import torch
    from torch.nn import functional

    reach = min(max(1, math.ceil(3 * sigma)), max(1, max(z.shape[2:]) - 1))
    offsets = torch.arange(-reach, reach + 1, dtype=z.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    flat = z.reshape(-1, 1, *z.shape[2:])
    flat = functional.conv2d(functional.pad(flat, (0, 0, reach, reach), mode="replicate"), kernel.view(1, 1, -1, 1))
    flat = functional.conv2d(functional.pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    return flat.view_as(z)


def back(values: "torch.Tensor", model: "nn.Module", x: "torch.Tensor") -> "torch.Tensor":
    """Heights (n, k, h, w) over what the net saw -> (n, k, H, W) over the pixels of x; 0 where it saw nothing."""
    import torch

    from core import preprocessing

    zoom = getattr(getattr(model, "preprocess", None), "zoom", 1.0)
    if values.shape[2:] == x.shape[2:] and zoom == 1:
        return values
    weight = preprocessing.spread(torch.ones_like(values[:1, :1]), x, zoom)
    floor = 1e-3 * weight.max()
    return torch.where(weight > floor, preprocessing.spread(values, x, zoom) / weight.clamp_min(floor), 0.0)


def over_pixels(cam: "torch.Tensor", model: "nn.Module", z: "torch.Tensor", x: "torch.Tensor") -> "torch.Tensor":
    """A coarse map (n, h, w), one value per cell, over the pixels of x: float32 (n, 1, H, W)."""
    from torch.nn import functional

    fine = functional.interpolate(cam[:, None], size=z.shape[2:], mode="bilinear", align_corners=False)
    return back(fine, model, x).float()


# --------------------------------------------------------------------------------------------- maps inside the net


def inner_maps(
    model: "nn.Module", z: "torch.Tensor", target: "Target", layer: str, method: str
) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
    """Of the chosen layer, maps (n, c, h, w) and the gradient of the score by them, and the score (n,).

    layer : its name in the net, or "" for the last one that has maps before they are pooled. Tokens of patches count
        as a map, of the last layer through which they still move the score
    Raises ValueError if the net has none or gives no gradient, LookupError if there is no such layer.
    """
    import torch

    (_, out, grid, prefix), slope, cut, score = _chosen(model, z, target, layer, method)
    maps = as_maps(out.detach(), grid, prefix)
    if slope is None:  # nothing moves the score
        return maps, torch.zeros_like(maps), score
    return maps.relu() if cut else maps, as_maps(slope, grid, prefix), score


def layer_of(model: "nn.Module", z: "torch.Tensor", target: "Target", method: str) -> tuple:
    """The layer that `inner_maps` chooses for "": name, shape of its output, what `as_maps` needs, and whether maps
    are cut off below 0."""
    (name, out, grid, prefix), _, cut, _ = _chosen(model, z, target, "", method)
    return name, tuple(out.shape), grid, prefix, cut


def _chosen(model, z, target, layer: str, method: str) -> tuple:
    """((name, output, grid, n_prefix), gradient of the score by it or None, whether it is cut off below 0, score)."""
    import torch

    net = getattr(model, "net", model)
    names = {module: name for name, module in net.named_modules() if name}
    if layer and layer not in names.values():
        events = _events(net, z[:1].detach().requires_grad_(), names)[0]
        raise LookupError(f"The net has no layer {layer!r}; {_some_layers(events, method)}")
    with torch.enable_grad():
        events, versions, logits = _events(net, z.detach().requires_grad_(), names, layer)
        score = target.score(logits + getattr(model, "prior_shift", 0.0))
    if not score.requires_grad:
        raise ValueError(f"{method} needs gradients, and this net gives none; use occlusion or rise.")
    found = _candidates(events, layer)
    for one in reversed(found[-60:]):
        name, out, grid, prefix = one
        if layer and name != layer:
            continue
        if not layer and out._version > versions[name]:  # what follows wrote into it
            return _chosen(model, z, target, name, method)
        slope = torch.autograd.grad(score.sum(), out, retain_graph=True, allow_unused=True)[0]
        if slope is None:
            continue
        if layer or out.dim() == 4 or as_maps(slope, grid, prefix).any():
            return one, slope, not layer and _cut_off_later(events, out), score.detach()
    if layer:
        raise ValueError(f"The layer {layer!r} has no maps that move the score; {_some_layers(events, method)}")
    if found:
        return found[-1], None, False, score.detach()
    raise ValueError(
        f"{method} needs a net with a convolution, or with tokens of patches, and this one has none; "
        "use integrated_gradients, occlusion or rise."
    )


def _events(net, z, names: dict, layer: str = "") -> tuple[list, dict[str, int], Any]:
    """What each part of the net gave, in order: (name, module, output); how often that had been written; the logits."""
    import torch

    events, versions, hooks = [], {}, []

    def note(module, _, out):
        if torch.is_tensor(out):
            events.append((names[module], module, out))
            versions[names[module]] = out._version
            if names[module] == layer:
                return out.clone()  # what follows may write into it
        return None

    try:
        for module in names:
            hooks.append(module.register_forward_hook(note))
        return events, versions, net(z)
    finally:
        for hook in hooks:
            hook.remove()


def _cut_off_later(events: list, out) -> bool:
    """Whether a map is pooled by its maximum and then cut off below 0, which is the same as the other way round."""
    from torch import nn

    after = next(i for i, event in enumerate(events) if event[2] is out) + 1
    layers = [type(module) for _, module, _ in events[after:] if not list(module.children())][:2]
    return layers == [nn.MaxPool2d, nn.ReLU]


def _candidates(events: list, layer: str = "") -> list[tuple]:
    """Those events that hold maps before they are pooled, or tokens: (name, output, grid or None, n_prefix)."""
    from torch import nn
    from torchvision.ops import Permute

    large = any(out.dim() == 4 and out.shape[2] * out.shape[3] > 1 for _, _, out in events)
    found, size = [], None
    for name, module, out in events:
        if out.dim() == 4:
            grid = tuple(out.shape[2:])
            turned = isinstance(module, Permute) and list(module.dims) == [0, 3, 1, 2]
            if large and math.prod(grid) == 1:
                continue
            if name == layer and isinstance(module, (nn.LayerNorm, nn.Linear)):
                found.append((name, out, tuple(out.shape[1:3]), None))  # (n, h, w, c)
            elif isinstance(module, nn.Conv2d) or turned or grid == size or name == layer:
                size = grid
                found.append((name, out, None, 0))
        elif out.dim() == 3 and (tokens := _grid(out.shape[1], size)):
            found.append((name, out, *tokens))
    return found


def _grid(n_tokens: int, size) -> tuple | None:
    """Height and width of the patches, and how many tokens come before theirs; None if they make no picture."""
    if size and 0 <= n_tokens - math.prod(size) <= PREFIX:
        return size, n_tokens - math.prod(size)
    for prefix in (0, 1):
        side = math.isqrt(n_tokens - prefix)
        if side > 1 and side * side == n_tokens - prefix:
            return (side, side), prefix
    return None


def as_maps(values: "torch.Tensor", grid: tuple[int, int] | None, prefix: int | None) -> "torch.Tensor":
    """Maps as they are, or made from tokens (n, prefix + h * w, c), or from (n, h, w, c): (n, c, h, w)."""
    if grid is None:
        return values
    if prefix is None:
        return values.permute(0, 3, 1, 2)
    return values[:, prefix:].transpose(1, 2).reshape(len(values), -1, *grid)


def _some_layers(events: list, method: str) -> str:
    names = list(dict.fromkeys(name for name, *_ in _candidates(events)))[-SHOWN:]
    if not names:
        return f"it has none with maps, which {method} needs; use integrated_gradients, occlusion or rise."
    return f"choose one with maps, such as {', '.join(names)}."
