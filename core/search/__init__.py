"""Search: many runs, each with settings that a sampler chooses, judged on validation. Optuna chooses.

A search is a folder `workspace/searches/<name>`: search.json says what was asked, status.json how far it is, study.db
is Optuna's own record, unless another storage is named. Its runs are ordinary runs.
"""

import dataclasses
import math
import os
import pathlib
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import data, files, processes, runs, shapes, words
from core.config import default_net
from core.data.dataset import Dataset
from core.search import space as spaces
from core.search import studies
from core.workspace import check_workspace, workspace

if TYPE_CHECKING:
    import optuna

HISTORY_OBJECTIVES = {"val_loss": False, "val_accuracy": True}  # by name, whether more is better
STATUS = {
    "state": runs.STATES,
    "message": shapes.TEXT,
    **dict.fromkeys(("created", "ended", "pid"), shapes.NUMBER),
}
ASKED = {"name": shapes.TEXT, "data": shapes.TEXT, "version": shapes.TEXT, "space": shapes.OBJECT}  # at least
HERE = "sqlite:///"  # the storage is a file; a fourth stroke begins a whole path


@dataclass(frozen=True)
class Search:
    """What was asked: settings to choose for a net on a data set, and how long.

    objective : "val_loss", "val_accuracy", or a metric of `core.evaluation.metrics.METRICS`, on validation
    trials, minutes : when it ends, whichever is first; 0 minutes is no limit
    storage : a URL of Optuna's storage that several machines share; "" is a file in the search's own folder
    machine : drawn at random, tells its trials from those of searches that share the storage
    """

    name: str
    data: str
    version: str
    net: str | None
    space: dict
    objective: str = "val_accuracy"
    trials: int = 30
    minutes: float = 0.0
    pruning: bool = True
    seed: int = 0
    storage: str = ""
    machine: str = ""

    @property
    def maximise(self) -> bool:
        """Whether more of the objective is better."""
        if self.objective in HISTORY_OBJECTIVES:
            return HISTORY_OBJECTIVES[self.objective]
        from core.evaluation.metrics import METRICS

        return METRICS[self.objective].higher_is_better


def start(dataset: Dataset, net: str | None, settings: list[str], name: str = "", **asked: Any) -> str:
    """Start a search in a process of its own and return its name.

    dataset : core.data.Dataset;  settings : as `core.search.space.parse` takes them;  asked : fields of `Search`
    Raises ValueError or LookupError with a sentence if one of the settings, or an end of a range, cannot work.
    """
    from core.evaluation.metrics import METRICS

    space = spaces.parse(settings)
    net = net or (None if "net" in space else default_net(dataset.kind))
    spaces.check(space, net)
    for values in spaces.corners(space):
        spaces.config_of(dataset, net, values)
    fields: dict[str, Any] = {**asked, "storage": _whole(asked.get("storage", ""))}
    search = Search(
        name or _free_name(dataset.name),
        dataset.name,
        dataset.fingerprint[:12],
        net,
        space,
        machine=secrets.token_hex(8),
        **fields,
    )
    _check(search, {*HISTORY_OBJECTIVES, *METRICS})
    check_workspace()
    if path(search.name).exists():
        raise ValueError(f"There is a search {search.name} already; choose another name, or resume it.")
    if search.storage:
        studies.opened(search, path(search.name, "study.db"))  # one that cannot be used is said before the start
    _make_folder(search)
    _start_process(search.name)
    return search.name


def _make_folder(search: Search) -> None:
    """The folder of a new search, whole or not at all; ValueError if there is one of the name."""
    beside = path(search.name).with_name(f".{secrets.token_hex(8)}")
    try:
        with files.in_a_sentence(beside):
            beside.mkdir(parents=True)
        _write(search, beside)
        files.write_json(beside / "status.json", {"format": 1, "state": "queued", "created": time.time()})
        beside.rename(path(search.name))
    except OSError as error:
        if error.errno not in files.IN_THE_WAY:
            raise
        raise ValueError(f"There is a search {search.name} already; choose another name, or resume it.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check(search: Search, objectives: set) -> None:
    if not runs.NAME.fullmatch(search.name):
        raise ValueError(f"{search.name!r} is no name for a search; use letters, digits and hyphens.")
    if search.objective not in objectives:
        raise ValueError(f"There is no objective {search.objective!r}; there are {', '.join(sorted(objectives))}.")
    if search.trials < 1:
        raise ValueError(f"trials is {search.trials}; it must be at least 1.")
    if not 0 <= search.minutes < math.inf:
        raise ValueError(f"minutes is {search.minutes}; it must be a number from 0 on, which is no limit.")


def _whole(storage: str) -> str:
    """The URL of a storage; a file gets its whole path, as other processes may work in other folders."""
    if storage.startswith(HERE) and (file := storage.removeprefix(HERE)):
        return HERE + str(pathlib.Path(file).resolve())
    return storage


def _write(search: Search, where: pathlib.Path) -> None:
    stored = {"format": 1, **dataclasses.asdict(search), "space": spaces.to_dict(search.space)}
    files.write_json(where / "search.json", stored)


def path(name: str, *parts: str) -> pathlib.Path:
    """A path in the folder of a search; LookupError if the name could not be one."""
    if not runs.NAME.fullmatch(name):
        raise LookupError(f"{words.quoted(name)} is not the name of a search; it has letters, digits and hyphens only.")
    return workspace() / "searches" / name / pathlib.Path(*parts)


def names() -> list[str]:
    """All searches, newest first."""
    folder = workspace() / "searches"
    if not folder.is_dir():
        return []
    found = [entry for entry in os.scandir(folder) if runs.NAME.fullmatch(entry.name) and entry.is_dir()]
    return [entry.name for entry in sorted(found, key=lambda entry: entry.stat().st_ctime, reverse=True)]


def load(name: str) -> Search:
    """What was asked of the named search; LookupError if there is none, ValueError if its file is damaged."""
    try:
        values = files.read_json(path(name, "search.json"))
        values.pop("format", None)
        if problem := shapes.misfit(values, ASKED, tuple(ASKED)):
            raise ValueError(f"it {problem}")
        fields: dict[str, Any] = {**values, "space": spaces.from_dict(values["space"])}
        return Search(**fields)
    except files.Newer:
        raise
    except FileNotFoundError:
        if path(name).is_dir():
            raise ValueError(f"search.json of search {name} is missing; delete {path(name)}.") from None
        raise LookupError(f"There is no search {name}; there are {', '.join(names()) or 'none'}.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"search.json of search {name} is damaged ({error}); delete {path(name)}.") from error


def status(name: str) -> dict:
    """How far the search is: state (queued, running, done, stopped, failed or lost), message, times."""
    try:
        values = _without_none(files.read_json(path(name, "status.json")))
        if problem := shapes.misfit(values, STATUS, ("state",)):
            raise ValueError(problem)
        working, created = values["state"] in runs.WORKING, values.get("created", 0)
    except (OSError, ValueError):
        if processes.is_held(path(name, "lock")):
            return {"state": "running", "message": "Its status.json cannot be read."}
        return {"state": "lost", "message": "Its status.json cannot be read; resume it to write a new one."}
    if working and not processes.is_held(path(name, "lock")):
        waiting = values["state"] == "queued" and processes.is_starting(path(name), created)
        if not waiting:
            values |= {"state": "lost", "message": "Its process ended without a word; resume it."}
    return values


def _without_none(values: dict) -> dict:
    return {name: value for name, value in values.items() if value is not None}


def write_status(name: str, **changes) -> None:
    """Replace the status by one with these changes; None takes a name out."""
    with files.alone(path(name, "status.json")):
        try:
            values = files.read_json(path(name, "status.json"))
        except (OSError, ValueError):
            values = {}
        files.write_even_if_full(path(name, "status.json"), _without_none({**values, **changes}))


def stop(name: str) -> None:
    """Ask the search to stop; its run at work is stopped too."""
    load(name)
    path(name, "stop").touch()


def resume(name: str, trials: int | None = None) -> None:
    """Let a search that was stopped, lost or done go on, to `trials` in all if they are named.

    Raises ValueError if it is at work, has made its trials already, or its storage cannot be used.
    """
    search = load(name)
    if status(name)["state"] in runs.WORKING:
        raise ValueError(f"Search {name} is at work already.")
    if trials is not None:
        search = dataclasses.replace(search, trials=trials)
        _check(search, {search.objective})
    made = [trial for trial in studies.counted(study(name)) if trial.state.is_finished()]
    if len(made) >= search.trials:
        raise ValueError(f"Search {name} has made its {words.count(search.trials, 'trial')}; ask for more in all.")
    _write(search, path(name))
    path(name, "stop").unlink(missing_ok=True)
    write_status(name, state="queued", message="", created=time.time(), ended=None)
    _start_process(name)


def study(name: str) -> "optuna.Study":
    """Optuna's study of the search, which other libraries take too; made if it is not there yet.

    Raises ValueError with a sentence if its storage cannot be used.
    """
    return studies.opened(load(name), path(name, "study.db"))


def trials(name: str, known: "optuna.Study | None" = None) -> list[dict]:
    """One row per trial: number, state (running, done, ended early, failed), value, params, run, message, seconds.

    known : the study, for those who look often.  Raises ValueError if its storage cannot be read.
    """
    search, file = load(name), path(name, "study.db")
    known = known or studies.opened(search, file)
    with studies.in_words(search, file, studies.WHILE_OPENING):
        return studies.rows(known)


def best(rows: list[dict], maximise: bool) -> dict | None:
    """The row of `trials` with the best value, or None."""
    done = [row for row in rows if row["value"] is not None]
    return (max if maximise else min)(done, key=lambda row: row["value"]) if done else None


def sentence(asked: Search, status: dict, rows: list[dict]) -> str:
    """What a search came to, in words."""
    top = best(rows, asked.maximise)
    start = {"done": "", "running": "So far: ", "queued": "Queued. "}.get(status["state"], f"{status['state']}: ")
    start = start.capitalize()
    if top is None:
        return f"{start}{'no' if start.endswith(': ') else 'No'} trial is done yet. {status.get('message', '')}".strip()
    n_done = sum(row["value"] is not None for row in rows)
    counts = [(sum(row["state"] == state for row in rows), state) for state in ("ended early", "failed")]
    others = ", ".join(f"{n} {state}" for n, state in counts if n)
    best_of = "best of" if start.endswith(": ") else "Best of"
    text = (
        f"{start}{best_of} {words.count(n_done, 'trial')}{f' ({others})' if others else ''}: {asked.objective} "
        f"{top['value']:.4f} with {settings_text(top)}."
    )
    test = _test_accuracy(top["run"])
    if test and n_done > 1:
        text += f" The best of many looks better on validation than it is; its test accuracy is {words.interval(test)}."
    return text


def _test_accuracy(run: str | None) -> dict | None:
    """Of a run that may be on another machine, deleted or damaged; then None."""
    try:
        return runs.status(run).get("test_accuracy") if run else None
    except (LookupError, runs.DamagedRun):
        return None


def settings_text(row: dict) -> str:
    """The settings of a trial: "lr=0.0123, optimizer=adam"."""
    shown = {key: f"{value:.3g}" if isinstance(value, float) else value for key, value in row["params"].items()}
    return ", ".join(f"{key}={value}" for key, value in shown.items())


def importances(name: str) -> dict[str, float]:
    """How much of the differences between trials each setting explains, the most important first; {} if too few.

    Source: Watanabe et al. 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
    arXiv:2304.10255, as Optuna computes it.
    """
    import warnings

    from optuna import importance

    with warnings.catch_warnings(action="ignore"):
        try:
            return importance.get_param_importances(study(name), evaluator=importance.PedAnovaImportanceEvaluator())
        except (ValueError, RuntimeError):  # fewer than two trials are done, or all are alike
            return {}


def dataset(search: Search) -> Dataset:
    """The data of a search, in the version it began with, whatever it is called now."""
    return data.get(data.store.find(search.version, search.data) or search.data, search.version)


def _start_process(name: str) -> None:
    processes.start("core.search.worker", path(name), path(name, "log.txt"))


def _free_name(data_name: str) -> str:
    base, taken = f"{time.strftime('%Y-%m-%d')}-{data_name}"[:90], set(names())
    return next(name for i in range(1, 10_000) if (name := base if i == 1 else f"{base}-{i}") not in taken)
