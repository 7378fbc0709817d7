"""What the files of a run folder hold: their formats, and the values of a status and of a row of the history."""

from core import shapes

EVALUATION = 2  # format of evaluation.json
PARITY = 2  # of exports/parity.json
WORKING = ("queued", "running")  # states in which a process must be alive
STATES = (*WORKING, "done", "failed", "stopped")
STATUS = {  # what the values of status.json are
    "state": STATES,
    **dict.fromkeys(("created", "queued", "started", "ended", "updated", "took"), shapes.NUMBER),
    **dict.fromkeys(("pid_created", "seconds_left", "val_accuracy", "fraction"), shapes.NUMBER),
    **dict.fromkeys(("pid", "epoch", "step", "n_steps", "n_parameters", "best_epoch", "test_n"), shapes.COUNT),
    **dict.fromkeys(("batch_size", "batch_pieces", "fold", "trial"), shapes.COUNT),
    **dict.fromkeys(("phase", "doing", "device", "precision", "message", "ended_early"), shapes.TEXT),
    **dict.fromkeys(("search", "pool", "instead_of"), shapes.TEXT),
    "test_accuracy": {"value": shapes.NUMBER, "low": shapes.NUMBER, "high": shapes.NUMBER},
}
ROW = dict.fromkeys(("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr"), shapes.NUMBER)
STEP = {"step": shapes.COUNT, **dict.fromkeys(("epoch", "loss", "lr", "grad_norm"), shapes.NUMBER)}  # of steps.jsonl
HISTORY = {  # what a row of history.jsonl says of its epoch
    "epoch": "which one, from 1",
    "train_loss": "mean over the training samples, while the net learnt",
    "train_accuracy": "of the training samples, likewise",
    "val_loss": "mean cross-entropy over the validation samples after the epoch",
    "val_accuracy": "of the validation samples",
    "lr": "learning rate of its last step",
    "grad_norm": "length of the gradient, mean over the steps that were looked at",
    "samples_per_second": "training samples",
    "waiting": "share of the training time in which the device waited for samples",
    "memory_bytes": "at most so far on a GPU, by the process now on a CPU",
    "never_predicted": "classes, by index, of validation samples that no prediction named, at most 20",
    "seconds": "validation included",
}
