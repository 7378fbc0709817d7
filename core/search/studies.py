"""Optuna's record of a search: opened, checked and read, every fault of its storage in a sentence."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Generator
from typing import TYPE_CHECKING

import filelock

from core.search import space as spaces

if TYPE_CHECKING:
    import optuna

    from core.search import Search

PRUNING_STARTS = 5  # trials that go on to their end before others are compared with their median
STATES = {"RUNNING": "running", "COMPLETE": "done", "PRUNED": "ended early", "FAIL": "failed", "WAITING": "waiting"}
UNWRITABLE = ("full", "readonly", "read-only", "unable to open", "permission denied", "no space")  # in a reason
SURPLUS = "surplus"  # mark of a trial that another machine's made one too many
WHILE_OPENING = (ImportError, ValueError, KeyError, RuntimeError, OSError)
SAME = ("version", "net", "space", "objective")  # what searches that share a study have in common


def opened(search: "Search", file: pathlib.Path) -> "optuna.Study":
    """Optuna's study of a search, made if it is not there yet.

    search : core.search.Search;  file : where the study is kept if the search names no storage
    Raises ValueError if the storage cannot be used, or holds a study of that name for something else.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.NopPruner()
    if search.pruning:
        pruner = optuna.pruners.MedianPruner(n_startup_trials=PRUNING_STARTS, n_warmup_steps=1)
    made_by_one = contextlib.nullcontext() if search.storage else filelock.FileLock(file.with_name("making.lock"))
    with in_words(search, file, WHILE_OPENING), made_by_one:  # two that make the file at once break it
        study = optuna.create_study(
            storage=search.storage or f"sqlite:///{file}",
            study_name=search.name,
            direction="maximize" if search.maximise else "minimize",
            pruner=pruner,
            load_if_exists=True,
        )
        if search.storage:
            _check_same(search, study)
    return study


def _check_same(search, study) -> None:
    """ValueError unless the study in a shared storage is about the same data, net, settings and objective."""
    mine = {**dataclasses.asdict(search), "space": spaces.to_dict(search.space)}
    mine = {name: list(what) if isinstance(what, tuple) else what for name, what in mine.items() if name in SAME}
    known = study.user_attrs.get("asked")
    if known is None:
        study.set_user_attr("asked", mine)
        return
    if other := [name for name in SAME if _plain(known.get(name)) != _plain(mine[name])]:
        names = {"version": "version of the data", "space": "settings"}
        raise Refused(
            f"The storage holds a search {search.name} already with another "
            f"{' and '.join(names.get(name, name) for name in other)}; choose another name, or ask for the same."
        )


def _plain(value):
    """As JSON gives it back."""
    if isinstance(value, dict):
        return {name: _plain(what) for name, what in value.items()}
    return [_plain(what) for what in value] if isinstance(value, (list, tuple)) else value


class Refused(ValueError):
    """A sentence of ours, not to be put into another."""


@contextlib.contextmanager
def in_words(search: "Search", file: pathlib.Path, others: tuple[type[Exception], ...] = ()) -> Generator[None]:
    """Turn what goes wrong with the storage of a search into a ValueError of one sentence, without its password.

    others : errors that can only come from the storage here, besides those of the database
    """
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except Refused:
        raise
    except (OptunaError, SQLAlchemyError, *others) as error:
        cause = error if getattr(error, "orig", None) else error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).strip().split("\n")[0].rstrip(".")
        if search.storage:
            if isinstance(error, ImportError):
                reason = "the package that speaks with such a database is not installed"
            raise ValueError(
                f"The storage {_without_password(search.storage)} cannot be used ({reason}); give the URL of a "
                "database that can be reached, for example sqlite:////folder/searches.db."
            ) from error
        if any(word in reason.lower() for word in UNWRITABLE):
            raise ValueError(
                f"{file} cannot be written ({reason}); make room for it, then resume the search."
            ) from error
        raise ValueError(
            f"{file.name} of search {search.name} cannot be read ({reason}); delete {file} to begin its trials anew, "
            "its runs stay."
        ) from error


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, slashes, who = head.partition("://")
    return f"{scheme}{slashes}{who.partition(':')[0]}{at}{tail}" if at else url


def counted(study: "optuna.Study") -> list:
    """Optuna's trials that count: begun, and not one too many."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name != "WAITING" and not trial.user_attrs.get(SURPLUS)
    ]


def rows(study: "optuna.Study") -> list[dict]:
    """One row per trial: number, state (running, done, ended early, failed), value, params, run, message, seconds."""
    return [
        {
            "number": trial.number,
            "state": STATES[trial.state.name],
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "params": dict(trial.params),
            "run": trial.user_attrs.get("run"),
            "message": trial.user_attrs.get("message", ""),
            "seconds": trial.duration.total_seconds() if trial.duration else None,
        }
        for trial in counted(study)
    ]
