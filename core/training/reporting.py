"""What a run's process tells while it trains: its status, and checkpoints. Read without torch."""

import time
from typing import Any

from core import files, jobs, runs

STATUS_SECONDS = 0.5  # between two looks at the stop file, and two writes of the status, within an epoch
SAVE_SECONDS = 5.0  # between two checkpoints at the ends of epochs, at least
SAVE_WITHIN = 120.0  # seconds after which a checkpoint is made within an epoch
SAVE_SHARE = 40  # a checkpoint is not made before this many times its own time has passed


class Status:
    """Writes the run's status, if this process is the one that does, and looks for a request to stop."""

    def __init__(self, run: str, writes: bool):
        self.run, self.writes = run, writes
        self.looked = 0.0

    def write(self, **changes: Any) -> None:
        """Change these fields of the run's status, in the process that writes."""
        if self.writes:
            runs.write_status(self.run, **changes)

    def busy(self, text: str, fraction: float) -> None:
        """Told before training: what is done and how far it is. Raises InterruptedError if asked to stop."""
        now = time.monotonic()
        if not self.writes or (now - self.looked < STATUS_SECONDS and fraction < 1):
            return
        self.looked = now
        if jobs.should_stop(self.run):
            raise InterruptedError
        self.write(phase="preparing", doing=text, fraction=fraction)


class Keeper:
    """Keeps the best weights, and makes checkpoints when one is due."""

    def __init__(self, run: str, training):
        self.run, self.training = run, training
        self.best = {"val_loss": float("inf"), "epoch": 0}
        self.weights = None  # of the best epoch, until they are in a file
        self.saved, self.took = time.monotonic(), 0.0

    def look_at(self, row: dict) -> bool:
        """Keep the weights if the validation loss, which is finer than accuracy, is the best so far."""
        if row["val_loss"] >= self.best["val_loss"]:
            return False
        self.best = {"val_loss": row["val_loss"], "epoch": row["epoch"]}
        if self.training.world.writes:
            self.weights = {name: value.detach().clone() for name, value in self.training.weights().items()}
        return True

    def save_if_due(self, seconds: float) -> None:
        """Make a checkpoint if the last one is `seconds` old, and its cost is small beside that."""
        due = time.monotonic() - self.saved >= max(seconds, SAVE_SHARE * self.took)
        if self.training.world.first(due):
            self.save()

    def save(self) -> None:
        """Make a checkpoint: the best weights first, so that those of a killed run are never behind."""
        from core.training import checkpoint, resuming

        began = time.monotonic()
        state = {**resuming.state(self.training), "best": self.best}
        if self.training.world.writes:
            folder = runs.path(self.run, "checkpoints")
            if self.weights is not None:
                checkpoint.save(folder / "best.pt", {"model": self.weights, "epoch": self.best["epoch"]})
                files.not_before(folder / "best.pt", runs.path(self.run, "exports", "model.onnx"))  # of other weights
                self.weights = None
            checkpoint.save(folder / "last.pt", state, before=folder / "previous.pt")
        self.saved = time.monotonic()
        self.took = self.saved - began


class Ticker:
    """Called after each step: twice a second it looks for a request to stop and says how far the run is."""

    def __init__(self, run: str, training, keeper, status):
        self.run, self.training, self.keeper, self.status = run, training, keeper, status
        self.began = self.looked = time.monotonic()
        self.start = training.progress()
        self.also = {}  # what the next write of the status says besides
        self.frozen = training.frozen
        self.told = 0  # how many precisions, one while the backbone is frozen and one after, are written down
        self.agree_every = 1 if training.world.size == 1 else 16

    def __call__(self, epoch: int, step: int) -> None:
        training = self.training
        now = time.monotonic()
        if step % self.agree_every:
            return
        if training.world.size == 1 and now - self.looked < STATUS_SECONDS and self.looked != self.began:
            return
        if training.world.first(jobs.should_stop(self.run)):
            raise InterruptedError
        if len(training.precisions) > self.told and self.status.writes:
            self.told = len(training.precisions)
            runs.write_record(self.run, "precision.json", list(training.precisions.values())[-1])
        self.keeper.save_if_due(SAVE_WITHIN)
        self.looked = now
        if training.frozen != self.frozen:  # from here on a step takes another time
            self.frozen, self.began, self.start = training.frozen, now, training.progress()
        self.status.write(phase="training", epoch=epoch, **self.facts())

    def facts(self) -> dict:
        """How far the run is, and in which way it trains."""
        training, progress = self.training, self.training.progress()
        passed = time.monotonic() - self.began
        return {
            "step": training.epoch * training.n_batches + training.step,
            "n_steps": training.n_steps,
            "seconds_left": passed * (1 - progress) / max(progress - self.start, 1e-9),
            "precision": str(training.precision),
            "batch_pieces": training.pieces if training.pieces > 1 else None,
            **self.also,
        }
