"""The process of a search: `python -m core.search.worker FOLDER`. It starts runs one after another, and judges them."""

import contextlib
import math
import os
import pathlib
import platform
import sys
import time
import traceback
import zlib

from core import jobs, processes, runs, search, words
from core.search import space as spaces
from core.search import studies
from core.search.spare import Spare

POLL_SECONDS = 0.2
PRUNED = "pruned"
PRUNING_FROM = 0.25  # share of its epochs after which a run may be ended early: until then the learning rate rises


class Stopped(Exception):
    """Somebody asked the search to stop."""


def main(folder: str) -> int:
    """Do the search in `folder`; returns 0 unless it failed."""
    where = pathlib.Path(folder).resolve()
    os.environ["VITRINE_WORKSPACE"] = str(where.parent.parent)
    name = where.name
    processes.print_in_vain()
    with processes.alive(search.path(name, "lock")), contextlib.closing(Spare()) as spare:
        try:
            search.write_status(name, state="running", message="", pid=os.getpid())
            asked = search.load(name)
            with studies.in_words(asked, search.path(name, "study.db")):
                message = work(name, asked, spare)
            outcome = {"state": "done", "message": message}
        except (Stopped, KeyboardInterrupt):
            outcome = {"state": "stopped", "message": "Stopped by request."}
        except (ValueError, LookupError) as error:  # our own sentences
            traceback.print_exc()
            outcome = {"state": "failed", "message": str(error.args[0]) if error.args else type(error).__name__}
        except Exception as error:
            traceback.print_exc()
            outcome = {"state": "failed", "message": f"{type(error).__name__}: {error}. The log says where."}
        with contextlib.suppress(
            OSError
        ):  # the disk may be full; then the lock, which is dropped, says that it is over
            search.write_status(name, **outcome, ended=time.time())
    return int(outcome["state"] == "failed")


def work(name: str, asked: search.Search, spare: Spare) -> str:
    """Make trials until there are enough or the time is used; returns the sentence on how it ended."""
    dataset, study = search.dataset(asked), search.study(name)
    kinds = spaces.distributions(asked.space)
    fixed = {key: value for key, value in asked.space.items() if key not in kinds}
    study.sampler = _sampler(asked, len(study.get_trials(deepcopy=False)))
    began = time.monotonic()
    for left in _left_behind(study, asked):
        _follow(asked, study, left, left.user_attrs["run"])
    while True:
        n_made = len(studies.counted(study))
        if n_made >= asked.trials:
            return f"{words.count(n_made, 'trial')} made."
        if asked.minutes and time.monotonic() - began >= 60 * asked.minutes:
            return f"The time of {asked.minutes:g} min was used for {words.count(n_made, 'trial')}."
        if search.path(name, "stop").exists():
            raise Stopped
        trial = study.ask(kinds)
        trial.set_user_attr("where", _here(asked))
        before = [other for other in studies.counted(study) if other.number < trial.number]
        if len(before) >= asked.trials:  # another machine began the last one at the same moment
            trial.set_user_attr(studies.SURPLUS, True)
            study.tell(trial, state=_states().FAIL)
            continue
        try:
            run = jobs.create(spaces.config_of(dataset, asked.net, {**fixed, **trial.params}))
        except ValueError as error:
            _tell(study, trial, _states().FAIL, str(error.args[0]))
            continue
        except LookupError as error:  # the data is gone, so that no other trial could work either
            _tell(study, trial, _states().FAIL, str(error.args[0]))
            raise
        runs.write_status(run, search=name, trial=trial.number)  # first: a search that ends here leaves no run unmarked
        trial.set_user_attr("run", run)
        spare.start(run)
        print(f"Trial {trial.number}: {trial.params}, run {run}", flush=True)
        if n_made + 1 < asked.trials:
            spare.get_ready()
        _follow(asked, study, trial, run)


def _follow(asked, study, trial, run: str) -> None:
    """Wait for the run of a trial, report its epochs, end it early if it is worse than half of the others, judge it."""
    try:
        value, message = _watch(asked, study, trial, run)
    except (LookupError, runs.DamagedRun) as error:  # it was deleted, or its files were damaged
        value, message = None, str(error.args[0])
    if message:
        _tell(study, trial, _states().PRUNED if value == PRUNED else _states().FAIL, message)
    else:
        study.tell(trial.number, value)


def _watch(asked, study, trial, run: str) -> tuple[float | str | None, str]:
    """The value of a run that is done, or why there is none; PRUNED and why for one that was ended early."""
    told, sign = 0, -1.0 if asked.maximise else 1.0  # of the loss, so that what is better is so for the objective
    soonest = max(1, round(PRUNING_FROM * runs.config(run).training.epochs))
    while True:
        state = jobs.state(run)  # before its history, which is whole if it is over
        rows = runs.history(run)
        for row in rows[told:]:
            value, loss = row.get(asked.objective), row.get("val_loss")
            if value is None and loss is not None:
                value = loss * sign
            if value is not None:
                trial.report(value, row["epoch"])
        told = len(rows)
        if state not in runs.WORKING:
            break
        if search.path(asked.name, "stop").exists():
            jobs.stop(run)
            _tell(study, trial, _states().FAIL, "Stopped with the search.")
            raise Stopped
        if told >= soonest and trial.should_prune():
            jobs.stop(run)
            message = f"Ended early by search {asked.name}: after epoch {told} worse than half of the trials."
            runs.write_status(run, message=message)
            return PRUNED, message
        time.sleep(POLL_SECONDS)
    value = judged(asked.objective, run) if state == "done" else None
    if value is not None and math.isfinite(value):
        return value, ""
    why = f"{asked.objective} is not defined on its validation samples." if state == "done" else ""
    return None, jobs.summary(run).get("message") or why or f"The run ended as {state}."


def judged(objective: str, run: str) -> float | None:
    """The objective's value on validation at the best epoch of a run that is done; None if it is not defined."""
    if objective in search.HISTORY_OBJECTIVES:
        best = runs.status(run).get("best_epoch")
        return next((row.get(objective) for row in runs.history(run) if row["epoch"] == best), None)
    record = runs.evaluation(run) or {"val": {"metrics": {}}}
    return record["val"]["metrics"].get(objective, {}).get("value")


def _tell(study, trial, state, message: str) -> None:
    trial.set_user_attr("message", message)
    study.tell(trial.number, state=state)


def _states():
    from optuna.trial import TrialState

    return TrialState


def _sampler(asked, n_made: int):
    """What chooses settings; it draws others after a restart, and on each of several machines."""
    import optuna

    elsewhere = zlib.crc32(_here(asked).encode()) if asked.storage else 0
    return optuna.samplers.TPESampler(seed=(asked.seed + 7919 * n_made + elsewhere) % 2**32)


def _left_behind(study, asked) -> list:
    """The trials that an earlier process of this search, on this machine, did not bring to their end."""
    import optuna

    found = []
    for trial in study.get_trials(deepcopy=False):
        where, run = trial.user_attrs.get("where"), trial.user_attrs.get("run")
        mine = where == _here(asked) or (where is None and not asked.storage)
        if trial.state.name != "RUNNING" or not mine:
            continue
        try:
            if run is None:
                raise LookupError("The search ended before its run began.")
            if _state_for_sure(run, asked) == "lost":
                jobs.resume(run)
            found.append(optuna.trial.Trial(study, trial._trial_id))
        except (LookupError, ValueError) as error:  # the run was deleted, or cannot go on
            _tell(study, optuna.trial.Trial(study, trial._trial_id), _states().FAIL, str(error.args[0]))
            print(f"Trial {trial.number} is given up: {error.args[0]}", flush=True)
    return found


def _state_for_sure(run: str, asked) -> str:
    """The state of a run that may have been made without its process having been started: lost, after a while."""
    while (
        (state := jobs.state(run)) == "queued"
        and not processes.is_held(runs.path(run, "lock"))
        and not search.path(asked.name, "stop").exists()
    ):
        time.sleep(POLL_SECONDS)
    return state


def _here(asked) -> str:
    return asked.machine or f"{platform.node()}:{runs.workspace()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
