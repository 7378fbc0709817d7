"""The run that pools the folds of a cross-validation: what they said of the samples they never saw."""

import time

import numpy as np

from core import evaluation, jobs, runs, words
from core.folds import members

POLL_SECONDS = 0.3


def pool(run: str) -> None:
    """Wait for the folds of `run`, then pool their predictions and evaluate them; asked to stop, it stops them too.

    In the test part each sample is there once. In the validation part it is there for each fold that kept it for
    validation, judged each time by a net that did not learn from it.
    Raises ValueError if one of them did not finish, InterruptedError if asked to stop.
    """
    asked, began = members(run), time.monotonic()
    runs.write_status(run, state="running", phase="waiting for its folds", started=time.time(), n_steps=len(asked))
    while working := [member for member in asked if _state(member) in runs.WORKING]:
        if jobs.should_stop(run):
            for member in reversed(working):
                jobs.stop(member)
            raise InterruptedError
        n_over = len(asked) - len(working)
        left = (time.monotonic() - began) / n_over * len(working) if n_over else None
        if runs.status(run).get("step") != n_over:
            runs.write_status(run, step=n_over, seconds_left=left)
        time.sleep(POLL_SECONDS)
    if broken := [member for member in asked if _state(member) != "done"]:
        raise ValueError(
            f"{words.count(len(broken), 'fold')} of {len(asked)} did not finish ({', '.join(broken)}); "
            "resume each of them, then this run."
        )
    runs.write_status(run, step=len(asked), phase="evaluating", seconds_left=None)
    runs.write_status(run, **evaluation.headline(evaluate(run)))


def evaluate(run: str) -> dict:
    """Pool what the folds of `run` said, compute its figures, store and return them; see `evaluation.recorded`."""
    asked = members(run)
    for part in ("val", "test"):
        found = [runs.predictions(member, part) for member in asked]
        runs.write_predictions(run, part, *(np.concatenate(values) for values in zip(*found)))
    records = [runs.evaluation(member) or {} for member in asked]
    facts = {"epoch": None, "epochs": [record.get("epoch") for record in records], "folds": len(asked)}
    return evaluation.recorded(run, {**facts, "pixels": records[0].get("pixels")})


def _state(run: str) -> str:
    """The state of a fold; one that was deleted is "gone"."""
    try:
        return jobs.state(run)
    except LookupError:
        return "gone"
