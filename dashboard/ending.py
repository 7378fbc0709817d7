"""Ending all that works on a workspace, as `make stop` does: searches, imports, runs, and the dashboards themselves."""

import contextlib
import json
import pathlib
import time

import psutil

from core import jobs, processes, runs, search, words
from core.data import imports
from core.workspace import workspace

SECONDS = 15.0  # that something may take to end


def leave_note() -> None:
    """Tell the workspace of this process, so that `everything` finds it; on a disk that cannot be written, do not."""
    me = psutil.Process()
    with contextlib.suppress(OSError):
        _notes().mkdir(exist_ok=True)
        (_notes() / f"{me.pid}.json").write_text(json.dumps(me.create_time()), encoding="utf-8")


def everything() -> list[str]:
    """End what works on the workspace, runs with a checkpoint; returns what was ended, in words.

    Raises RuntimeError if something is still there after that.
    """
    searches = [name for name in search.names() if search.status(name)["state"] in runs.WORKING]
    readings = [row["id"] for row in imports.all_jobs() if row["state"] == "working"]
    for name in searches:
        search.stop(name)
    for job in readings:
        imports.stop(job)
    rows = jobs.working()
    at_work = [row["run"] for row in rows]
    at_it = [processes.found(row.get("pid"), row.get("pid_created")) for row in rows]
    for run in at_work:
        jobs.stop(run)
    _wait_for(lambda: [name for name in searches if search.status(name)["state"] in runs.WORKING], "search")
    _wait_for(lambda: [job for job in readings if imports.status(job)["state"] == "working"], "import")
    _still_there([one for one in at_it if one is not None])  # a run is over a moment before its process is
    kinds = {"run": at_work, "search": searches, "import": readings, "dashboard": _end_dashboards()}
    ended = [words.count(len(found), kind) for kind, found in kinds.items() if found]
    return ended or ["Nothing was at work"]


def _wait_for(left, kind: str) -> None:
    """Wait until `left()` is empty; RuntimeError if that takes longer than SECONDS."""
    until = time.monotonic() + SECONDS
    while still := left():
        if time.monotonic() > until:
            raise RuntimeError(f"{kind.capitalize()} {still[0]} has not ended yet; try again in a minute.")
        time.sleep(0.1)


def _end_dashboards() -> list[int]:
    """End the dashboards that left a note, and what they started; returns their process ids."""
    ended = []
    for note in _notes().glob("*.json"):
        if (process := _process_of(note)) is not None:
            family = [process, *process.children(recursive=True)]
            for way in (psutil.Process.terminate, psutil.Process.kill):
                for one in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        way(one)
                family = _still_there(family)
            ended.append(process.pid)
        note.unlink(missing_ok=True)
    return ended


def _still_there(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those of the processes that have not ended within SECONDS; one whose parent only has yet to hear of it has."""
    until = time.monotonic() + SECONDS
    while (left := [one for one in family if not _has_ended(one)]) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _process_of(note: pathlib.Path) -> psutil.Process | None:
    """The process that left the note; None if it is gone, and another one may have its number."""
    with contextlib.suppress(OSError, ValueError):
        return processes.found(note.stem, json.loads(note.read_text(encoding="utf-8")))
    return None


def _notes() -> pathlib.Path:
    return workspace() / "dashboards"
