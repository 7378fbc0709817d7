"""K-fold cross-validation: a run for each fold, and one that pools them, see `evaluation.pooled`."""

import contextlib
import dataclasses
import shutil
from collections.abc import Generator

from core import jobs, runs
from core.config import TrainConfig

FILE = jobs.POOL


def start(config: TrainConfig, folds: int) -> str:
    """Start `folds` runs, each with another fold as test part, and the run that pools them; returns its name.

    Raises ValueError or LookupError if the config cannot work, before anything is started.
    """
    if not 2 <= folds <= 50:
        raise ValueError(f"folds is {folds}; it must be from 2 to 50.")
    configs = [
        dataclasses.replace(config, data=dataclasses.replace(config.data, folds=folds, fold=fold))
        for fold in range(folds)
    ]
    with _whole_or_none() as made:
        for one in (*configs, configs[0]):
            made.append(jobs.create(one))
        *members, pool = made
        runs.write_json(runs.path(pool, FILE), {"format": 1, "members": members})
        for fold, member in enumerate(members):
            runs.write_status(member, pool=pool, fold=fold)
    for run in (*members, pool):
        jobs.start_process(run)
    return pool


@contextlib.contextmanager
def _whole_or_none() -> Generator[list[str]]:
    """A list for the runs that are made together; if that fails midway, none of them stays."""
    made: list[str] = []
    try:
        yield made
    except BaseException:
        for run in made:
            shutil.rmtree(runs.path(run), ignore_errors=True)
        raise


def again(run: str) -> str:
    """Start the folds of `run`, and the run that pools them, once more on the same data; returns the new one's name."""
    runs.dataset(run)  # ValueError if its data is gone
    return start(runs.config_now(run), len(members(run)))


def members(run: str) -> list[str]:
    """The runs that `run` pools, a fold each; [] for a run that trained itself."""
    return list(runs.read_json(run, FILE)["members"]) if runs.path(run, FILE).exists() else []
