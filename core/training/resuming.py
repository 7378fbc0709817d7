"""The state of a training as plain values and tensors, and a training that goes on from it to the bit."""

import time
from typing import TYPE_CHECKING

import torch

from core.training import randomness

if TYPE_CHECKING:
    from core.training.loop import Training


def state(training: "Training") -> dict:
    """Everything that the rest of a `loop.Training` depends on. Several processes must ask for it together."""
    training.look_at_answers()
    return {
        "format": 2,
        "model": training.model.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "average": training.average.state_dict() if training.average else None,
        "scaler": training.scaler.state_dict() if training.scaler else None,
        "precisions": training.precisions,
        "threads": torch.get_num_threads(),
        "epoch": training.epoch,
        "step": training.step,
        "losses": training.losses,
        "norms": training.norms,
        "n_right": training.n_right,
        "rates": training.rates,
        "val_losses": training.val_losses,
        "seconds": time.monotonic() - training.began,
        "time_share": training.time_share,
        "pieces": training.pieces,
        "order": training.order_state,
        "random": training.world.all(randomness.state(training.device, _generator(training))),
    }


def load(training: "Training", state: dict) -> None:
    """Let a training go on from the `state` of one with the same settings; ValueError if it does not fit."""
    try:
        training.model.load_state_dict(state["model"])
        training.optimizer.load_state_dict(state["optimizer"])
        if training.average:
            training.average.load_state_dict(state["average"])
        training.losses.copy_(state["losses"])
        training.norms.copy_(state["norms"])
        training.n_right.copy_(state["n_right"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        said = "The checkpoint does not fit this run; it was made by another version. Train again."
        raise ValueError(said) from error
    torch.set_num_threads(state["threads"])
    training.precisions, training.pieces = state["precisions"], state["pieces"]
    training.epoch, training.step, training.rates = state["epoch"], state["step"], state["rates"]
    training.val_losses, training.time_share = state["val_losses"], state["time_share"]
    training.began = time.monotonic() - state["seconds"]
    training.order_state = state["order"]
    training.order.set_state(training.order_state)
    if not training.is_over():
        training.thaw_or_freeze()
        if training.scaler:
            training.scaler.load_state_dict(state["scaler"])
    randoms = state["random"]
    mine = randoms[training.world.rank if len(randoms) == training.world.size else 0]
    randomness.restore(mine, training.device, _generator(training))


def _generator(training) -> torch.Generator | None:
    """What random changes of images are drawn from."""
    return training.augment.generator if training.augment else None
