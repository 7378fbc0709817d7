"""What a training writes down of its steps and epochs, and when a loss is the end of it."""

import numpy as np

STEP_ROWS = 50  # rows of steps.jsonl per epoch, at most


class Diverged(ValueError):
    """The loss is no longer a number; the message says what to try."""


def step_rows(losses: np.ndarray, norms: np.ndarray, rates: list[float], epoch: int, n_batches: int) -> list[dict]:
    """The steps of an epoch, averaged over neighbours down to at most STEP_ROWS rows.

    losses, norms : float (n_steps,), of the loss and of the gradient's length, NaN where it was not looked at
    rates : the learning rate of each step;  epoch : epochs done before this one, of n_batches steps each
    """
    groups = np.array_split(np.arange(len(losses)), min(STEP_ROWS, len(losses)))
    rows = []
    for group in groups:
        row = {
            "step": int(epoch * n_batches + group[-1] + 1),
            "epoch": epoch + float(group[-1] + 1) / n_batches,
            "loss": float(losses[group].mean()),
            "lr": float(np.mean([rates[i] for i in group])),
        }
        if np.isfinite(norms[group]).any():
            row["grad_norm"] = float(np.nanmean(norms[group]))
        rows.append(row)
    return rows


def check(row: dict, lr: float) -> None:
    """Raise Diverged if a loss in this row of history is not a number; `lr` is the learning rate that was asked for."""
    if np.isfinite([row["train_loss"], row["val_loss"]]).all():
        return
    on_train = not np.isfinite(row["train_loss"])
    where, loss = ("", row["train_loss"]) if on_train else (" on validation samples", row["val_loss"])
    raise Diverged(
        f"The loss became {loss} in epoch {row['epoch']}{where}: the learning rate {lr:g} is probably too high. "
        f"Train again with a lower one, for example {lr / 10:g}."
    )
