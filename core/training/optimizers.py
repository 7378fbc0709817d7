"""Optimisers: Adam, AdamW and SGD with Nesterov momentum, with a rate of its own for the backbone."""

import inspect
from collections.abc import Callable

import torch
from torch import nn

from core.config import TrainingConfig


def make_optimizer(net: nn.Module, settings: TrainingConfig) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) or SGD.

    Each group of parameters knows its highest rate as "max_lr". Weights decay; biases, and scales and shifts of norms,
    which have one dimension, do not. The child `backbone` of the net, if there is one, has its share of the rate.
    """
    groups = {}
    for name, parameter in net.named_parameters():
        share = settings.backbone_lr if name.startswith("backbone.") else 1.0
        decay = settings.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    groups = [
        {"params": parameters, "lr": share * settings.lr, "max_lr": share * settings.lr, "weight_decay": decay}
        for (share, decay), parameters in groups.items()
    ]
    fused = all(p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps") for p in net.parameters())
    if settings.optimizer == "sgd":
        return _without_compiler(torch.optim.SGD)(groups, lr=settings.lr, momentum=0.9, nesterov=True, fused=fused)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return _without_compiler(kind)(groups, lr=settings.lr, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float, momentum: float) -> None:
    """Give each group this share of its highest rate, and the optimiser this momentum."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["max_lr"]
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


def _without_compiler(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """The same optimiser, whose methods do not import PyTorch's compiler only to have it leave them alone.

    That takes two thirds of a second in each run, and no run compiles its steps.
    """
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(inspect.unwrap(kind.step))})
