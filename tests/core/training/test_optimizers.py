"""Groups of parameters with rates and decays of their own."""

import subprocess
import sys
from collections import OrderedDict

import pytest
import torch
from torch import nn

from core import jobs
from core.config import TrainingConfig
from core.training.optimizers import make_optimizer, set_rate

OF_PYTORCH = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def net():
    parts = {"backbone": nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "head": nn.Linear(3, 2)}
    return nn.Sequential(OrderedDict(parts))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_biases_and_norms_do_not_decay(optimizer):
    groups = make_optimizer(net(), TrainingConfig(optimizer=optimizer, weight_decay=0.1)).param_groups
    decays = {parameter.dim(): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert decays == {2: 0.1, 1: 0.0}


def test_the_backbone_has_its_share_of_the_rate():
    made = net()
    groups = make_optimizer(made, TrainingConfig(lr=0.5, backbone_lr=0.1)).param_groups
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    assert {rates[id(p)] for p in made.backbone.parameters()} == {0.05}
    assert {rates[id(p)] for p in made.head.parameters()} == {0.5}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_rate_is_a_share_of_each_groups_highest(optimizer):
    made = make_optimizer(net(), TrainingConfig(lr=0.5, backbone_lr=0.1, optimizer=optimizer))
    set_rate(made, 0.5, 0.8)
    assert {group["lr"] for group in made.param_groups} == {0.25, 0.025}
    assert {group.get("momentum", group.get("betas", (0,))[0]) for group in made.param_groups} == {0.8}


def test_a_step_of_the_fused_optimiser_is_that_of_the_plain_one():
    torch.manual_seed(0)
    made = nn.Linear(3, 2)
    plain = nn.Linear(3, 2)
    plain.load_state_dict(made.state_dict())
    optimizer, wanted = make_optimizer(made, TrainingConfig(lr=0.1)), torch.optim.Adam(plain.parameters(), lr=0.1)
    for _ in range(3):
        for one, how in ((made, optimizer), (plain, wanted)):
            how.zero_grad()
            one(torch.ones(4, 3)).square().sum().backward()
            how.step()
    torch.testing.assert_close(made.weight, plain.weight)


@pytest.mark.parametrize("kind", OF_PYTORCH)
def test_it_steps_as_pytorch_s_own_and_takes_its_state(kind):
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    mine = make_optimizer(ours, TrainingConfig(optimizer=kind, lr=0.1, weight_decay=0.0))
    more = {"momentum": 0.9, "nesterov": True} if kind == "sgd" else {}
    other = OF_PYTORCH[kind](theirs.parameters(), lr=0.1, weight_decay=0.0, fused=True, **more)
    for x in torch.randn(3, 5, 3):
        for net, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    assert torch.equal(ours.weight, theirs.weight)
    again = make_optimizer(ours, TrainingConfig(optimizer=kind))
    again.load_state_dict(mine.state_dict())
    assert again.state_dict()["state"].keys() == mine.state_dict()["state"].keys() == {0, 1}


def test_a_training_does_not_wait_for_a_compiler_that_it_does_not_use():
    code = (
        "import sys, torch; from core.config import TrainingConfig\n"
        "from core.training import optimizers, precision\n"
        "net = torch.nn.Linear(2, 2); optimizer = optimizers.make_optimizer(net, TrainingConfig())\n"
        "assert precision.operations(net, torch.ones(3, 2)) == 24\n"
        "net(torch.ones(3, 2)).sum().backward(); optimizer.step(); optimizer.zero_grad()\n"
        "optimizer.load_state_dict(optimizer.state_dict()); print('torch._dynamo' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
