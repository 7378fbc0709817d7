"""Warnings of a run in words, when they are due: what was seen, and what to do. From the run folder's rows alone."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core import words

if TYPE_CHECKING:
    from core.config import TrainConfig

SETTLED = 3  # epochs of which a mean is taken
RISE, RISE_LEAST = 0.25, 0.04  # of the validation loss above its lowest, relative and absolute: overfitting
STUCK = 0.01  # share by which a loss must have fallen to have moved
JUMP, JUMP_LEAST = 1.5, 0.3  # of the training loss above its lowest, relative and absolute: a rate too high
WAITING = 0.2  # share of the time that the device may wait for samples
WAITED_SECONDS = 5.0  # in all, below which waiting is nothing to speak of
NAMED = 5  # classes named at most


def warnings(rows: list[dict], steps: list[dict], config: "TrainConfig", classes: Sequence[str]) -> list[str]:
    """Sentences on what goes wrong in a run, the gravest first; none if all is well.

    rows, steps : of history.jsonl and steps.jsonl, so far;  config : a core.config.TrainConfig;  classes : their names
    """
    if broken := _not_finite(rows, steps):
        return [broken]
    if not rows:
        return []
    settings = config.training
    learns_not = _too_high(rows, settings.lr, len(classes)) or _stuck(rows, settings.lr, len(classes))
    found = [learns_not, _overfitting(rows), _starving(rows)]
    found += [] if learns_not else [_never(rows, settings.epochs, classes)]
    return [sentence for sentence in found if sentence]


def _not_finite(rows, steps) -> str | None:
    for row in rows:
        for name, thing in (("train_loss", "training"), ("val_loss", "validation")):
            if not math.isfinite(row[name]):
                return (
                    f"The {thing} loss became {row[name]} in epoch {row['epoch']}. "
                    "Train again with a learning rate ten times lower, or in fp32."
                )
    for row in steps:
        if not math.isfinite(row["loss"]):
            return (
                f"The loss became {row['loss']} at step {row['step']:,}. "
                "Train again with a learning rate ten times lower, or in fp32."
            )
    return None


def _too_high(rows, lr: float, n_classes: int) -> str | None:
    """The training loss is far above a guess's, or jumps up after it had fallen."""
    losses = [row["train_loss"] for row in rows]
    worst = max(losses)
    guess = math.log(max(2, n_classes))
    what = None
    if worst > 2 * guess + 1:
        epoch = rows[losses.index(worst)]["epoch"]
        what = f"The training loss reached {worst:.3g} in epoch {epoch}; a guess has {guess:.2g}"
    elif jumps := _jumps(losses):
        low, high = losses[jumps[0] - 1], losses[jumps[0]]
        what = f"The training loss jumped from {low:.2g} to {high:.2g} in epoch {rows[jumps[0]]['epoch']}"
    elif (n := _turns(losses)) >= 4:
        what = f"The training loss went up in {n} of the last 8 epochs"
    lower = float(f"{lr / 5:.1g}")
    return what and f"{what}: the learning rate {lr:g} is probably too high. Try {lower:g}, or let a search find one."


def _jumps(losses: list[float]) -> list[int]:
    """Where a loss is far above the one before, which was about the lowest so far."""
    lowest = np.minimum.accumulate(losses)
    return [
        i for i in range(1, len(losses)) if losses[i] > JUMP * losses[i - 1] and losses[i] > lowest[i - 1] + JUMP_LEAST
    ]


def _turns(losses: list[float]) -> int:
    """How many of the last 8 losses are clearly above the one before, where there are so many."""
    last = np.array(losses[-9:])
    return int((np.diff(last) > np.maximum(0.05 * last[:-1], 0.05)).sum()) if len(last) == 9 else 0


def _stuck(rows, lr: float, n_classes: int) -> str | None:
    """After some epochs the training loss is what a guess has, or what it was in the first one."""
    if len(rows) < 5:
        return None
    losses = np.array([row["train_loss"] for row in rows])
    high = losses[-1] > 0.5 * math.log(max(2, n_classes))
    still_first = losses.min() > (1 - STUCK) * losses[0]
    still_guess = losses[-3:].min() > 0.97 * math.log(max(2, n_classes)) and np.ptp(losses[-3:]) < 0.05 * losses[-1]
    if not high or not (still_first or still_guess):
        return None
    return (
        f"The training loss has not moved in {words.count(len(rows), 'epoch')}: it is {losses[-1]:.3g}, a guess has "
        f"{math.log(max(2, n_classes)):.3g}. Let a search find a learning rate (now {lr:g}), and check that labels "
        "belong to their samples."
    )


def _overfitting(rows) -> str | None:
    """Validation loss has risen for some epochs, while training loss fell."""
    val = np.array([row["val_loss"] for row in rows])
    train = np.array([row["train_loss"] for row in rows])
    best = int(val.argmin())
    since = len(rows) - 1 - best
    if since < max(2 * SETTLED, len(rows) // 10):
        return None
    first, last = val[best + 1 : best + 1 + SETTLED].mean(), val[-SETTLED:].mean()
    low, learnt = val[best], train[-SETTLED:].mean()
    rises = last > max((1 + RISE) * low, low + RISE_LEAST) and last > first
    if not rises or learnt > 0.9 * train[best]:
        return None
    return (
        f"Overfitting since epoch {rows[best]['epoch']}: the validation loss rose from {low:.3g} to {last:.3g} while "
        f"the training loss fell from {train[best]:.3g} to {learnt:.3g}. The best epoch is kept; for a better one, "
        "add random changes, dropout, weight decay or more data, and stop early (patience) to save time."
    )


def _starving(rows) -> str | None:
    """The device waits for samples."""
    timed = [row for row in rows[-2 * SETTLED :] if row.get("waiting") is not None]
    waited = sum(row["waiting"] * row["seconds"] for row in timed)
    share = waited / max(sum(row["seconds"] for row in timed), 1e-9)
    if share <= WAITING or waited < WAITED_SECONDS:
        return None
    return (
        f"The device waited for data in {share:.0%} of the time. Store images at the side that the net sees, use a "
        "faster disk, or let a Dataset of your own do less for each sample."
    )


def _never(rows, n_epochs: int, classes) -> str | None:
    """Classes that no validation sample was taken for, in each of the last epochs."""
    if len(rows) < min(5, n_epochs):
        return None
    last = [set(row.get("never_predicted") or ()) for row in rows[-SETTLED:]]
    never = [classes[j] for j in sorted(set.intersection(*last)) if j < len(classes)]
    if not never:
        return None
    more = f" and {len(never) - NAMED} more" if len(never) > NAMED else ""
    many = len(never) > 1
    return (
        f"No validation sample was taken for {', '.join(map(str, never[:NAMED]))}{more}, though there are some of "
        f"{'these classes' if many else 'this class'}. Draw rare classes more often (resample), or check "
        f"{'their' if many else 'its'} labels."
    )
