"""torchvision's nets for classification without their last layer, whatever the family calls it."""

import inspect
from typing import Any

import torch
from torch import nn
from torchvision import models


class Backbone(nn.Module):
    """Images float32 (n, 3, h, w), or grey ones (n, 1, h, w) -> pooled features (n, n_features).

    body : torchvision's net, with its last layer, and a dropout just before, replaced by nothing
    last : the name of that layer in torchvision's net, for example "classifier.1"
    """

    def __init__(self, arch: str, shape: tuple[int, ...]):
        super().__init__()
        channels, *size = shape
        if channels not in (1, 3):
            raise ValueError(
                f"{arch} takes grey or colour images, and these have {channels} channels; choose residual_cnn instead."
            )
        self.body = _make(arch, size)
        self.last, self.n_features = _without_last_layer(self.body)
        _check_size(arch, self, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)


def _make(arch: str, size: list[int]) -> nn.Module:
    """torchvision's net with fresh weights, for images of (h, w) where it must know; no auxiliary heads."""
    builder = models.get_model_builder(arch)
    takes = inspect.signature(inspect.signature(builder).return_annotation.__init__).parameters
    arguments: dict[str, Any] = {}
    if "aux_logits" in takes:  # Inception and GoogLeNet: images are scaled as their weights want it, PyTorch's own init
        arguments = {"aux_logits": False, "init_weights": False, "transform_input": True}
    if "image_size" in takes:  # ViT
        if size[0] != size[1]:
            raise ValueError(f"{arch} takes square images, and these are {_text(size)}; set image_size.")
        arguments["image_size"] = size[0]
    if "input_size" in takes:  # MaxViT
        arguments["input_size"] = tuple(size)
    try:
        return builder(weights=None, **arguments)
    except (ValueError, RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{arch} cannot be built for images of {_text(size)} pixels ({_sentence(error)}); "
            f"set image_size to {_trained_at(arch)}, at which it was trained."
        ) from error


def _without_last_layer(body: nn.Module) -> tuple[str, int]:
    """Replace the last layer of `body`; returns its name and the number of features that it took."""
    name, layer = [(n, m) for n, m in body.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1]
    parent = body.get_submodule(name.rpartition(".")[0])
    siblings = list(parent.named_children())
    place = next(i for i, (_, sibling) in enumerate(siblings) if sibling is layer)
    setattr(parent, siblings[place][0], nn.Identity())
    if place and isinstance(siblings[place - 1][1], nn.Dropout):
        setattr(parent, siblings[place - 1][0], nn.Identity())
    return name, layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels


@torch.no_grad()
def _check_size(arch: str, backbone: nn.Module, size: list[int]) -> None:
    """Raise ValueError if the net cannot take images of (h, w), found by a pass that computes nothing."""
    side = _trained_at(arch)
    if min(size) >= side:
        return
    was_training = backbone.training
    states = {name: torch.empty_like(value, device="meta") for name, value in backbone.state_dict().items()}
    try:
        torch.func.functional_call(backbone.eval(), states, (torch.zeros(1, 3, *size, device="meta"),))
    except (RuntimeError, ValueError, AssertionError) as error:
        least = max(models.get_model_weights(arch).DEFAULT.meta["min_size"])  # ty: ignore[missing-attribute]
        raise ValueError(
            f"Images of {_text(size)} pixels are too small for {arch}; "
            f"set image_size to {side}, at which it was trained, or at least to {least}."
        ) from error
    finally:
        backbone.train(was_training)


def _trained_at(arch: str) -> int:
    return models.get_model_weights(arch).DEFAULT.transforms().crop_size[0]  # ty: ignore[missing-attribute]


def _text(size: list[int]) -> str:
    return "x".join(map(str, size))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".!") or type(error).__name__
