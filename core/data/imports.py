"""Reading data in a process of its own: it shows how far it is, can be stopped, and outlives the browser.

workspace/imports/<id>/request.json   what was asked: text, name, values, and the set to read anew if there is one
workspace/imports/<id>/status.json    state (working, done, failed, stopped), phase, done, total, message, name
workspace/imports/<id>/lock           held by the process while it lives;  log.txt: what it printed
"""

import contextlib
import os
import pathlib
import re
import shutil
import sys
import time
import traceback
import uuid

from core import files, processes, shapes
from core.workspace import check_workspace, workspace

SECONDS = 0.3  # between two writes of the status
ID = re.compile(r"[\w-]{1,60}")
STATES = ("working", "done", "failed", "stopped")
STATUS = {
    "state": STATES,
    **dict.fromkeys(("done", "total", "created"), shapes.NUMBER),
    **dict.fromkeys(("phase", "message", "name"), shapes.TEXT),
}
BLANK = {"phase": "", "done": 0, "total": 0, "seconds_left": None, "message": "", "name": "", "created": 0.0}


def start(text: str, name: str = "", values: dict | None = None, again: str = "") -> str:
    """Start reading what `text` names (or the stored set `again` anew, with `values`); returns the import's id."""
    check_workspace()
    job = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    request = {"text": text, "name": name, "values": values or {}, "again": again}
    try:
        folder(job).mkdir(parents=True)
        files.write_json(folder(job) / "request.json", request)
        _write(job, {**BLANK, "state": "working", "phase": "Starting", "created": time.time()})
        processes.start("core.data.imports", folder(job), folder(job) / "log.txt")
    except OSError as error:
        forget(job)
        raise OSError(
            f"Reading cannot be started in {workspace()} ({error.strerror}); free some space there."
        ) from error
    return job


def folder(job: str) -> pathlib.Path:
    """The folder of an import; LookupError if the id could not be one's."""
    if not ID.fullmatch(job):
        raise LookupError(f"There is no import {job!r}; the Data page starts one.")
    return workspace() / "imports" / job


def status(job: str) -> dict:
    """How far it is: id, state, phase, done, total, seconds_left, message, name, created.

    state : working, done, failed, stopped, or "lost" if its process is gone or its record cannot be read
    """
    values = _read(job)
    if values["state"] == "working" and not processes.is_held(folder(job) / "lock"):
        values = _read(job)  # it may have ended between the two looks
        began = "pid" in values or not processes.is_starting(folder(job), values["created"])
        if values["state"] == "working" and began:
            log = folder(job) / "log.txt"
            values |= {
                "state": "lost",
                "message": "The process that read the data ended without a word, as one does that is killed, for "
                f"instance when memory runs out; try again, or look into {log}.",
            }
    return {"id": job, **values}


def all_jobs() -> list[dict]:
    """The status of every import that is kept, the newest first."""
    try:
        names = [
            entry.name for entry in (workspace() / "imports").iterdir() if ID.fullmatch(entry.name) and entry.is_dir()
        ]
    except OSError:
        return []
    return sorted((status(name) for name in names), key=lambda row: (row["created"], row["id"]), reverse=True)


def stop(job: str) -> None:
    """Ask it to stop, if it is there; what it has decoded so far is kept for the next time."""
    with contextlib.suppress(FileNotFoundError):
        (folder(job) / "stop").touch()


def forget(job: str) -> None:
    """Remove the record of an import that is over."""
    shutil.rmtree(folder(job), ignore_errors=True)


def main(where: str) -> int:
    """Do the import in the folder `where`; returns 0 if it is done or was stopped."""
    path = pathlib.Path(where).resolve()
    os.environ["VITRINE_WORKSPACE"] = str(path.parent.parent)
    job = path.name
    processes.print_in_vain()
    with processes.alive(path / "lock"):
        outcome = _do(job)
        with contextlib.suppress(FileNotFoundError):  # somebody has forgotten it meanwhile
            _write(job, {**outcome, "ended": time.time()})
    return int(outcome["state"] == "failed")


def _do(job: str) -> dict:
    """Read the data; returns the changes to the status."""
    try:
        request = files.read_json(folder(job) / "request.json")
        ticker = _Ticker(job)
        ticker("Starting", 0, 0)
        from core.data import ingest

        if request["again"]:
            made = ingest.again(request["again"], request["values"], ticker)
        else:
            made = ingest.add(request["text"], request["name"], request["values"], ticker)
        _look_ahead(made.name, made.fingerprint[:12], ticker)
        return {"state": "done", "name": made.name, "message": ""}
    except (InterruptedError, KeyboardInterrupt):
        return {"state": "stopped", "message": "Stopped by request."}
    except BaseException as error:  # a person's own module may even call sys.exit
        traceback.print_exc()
        ours = isinstance(error, (ValueError, LookupError, OSError)) and not isinstance(error, (KeyError, IndexError))
        if ours:
            return {"state": "failed", "message": str(error.args[0]) if len(error.args) == 1 else str(error)}
        where = folder(job) / "log.txt"
        return {"state": "failed", "message": f"{type(error).__name__}: {error}. The log in {where} says where."}


def _look_ahead(name: str, version: str, ticker) -> None:
    """Compute what the Data page shows first, so that it opens at once; the data is stored whatever comes of it."""
    from core.data import insight

    with contextlib.suppress(Exception):  # the page computes it again, and then says what is wrong
        ticker("Checking", 0, 0)
        insight.findings(name, version)
        insight.profile(name, version)


class _Ticker:
    """Called with phase, done and total: writes the status now and then, and looks for a request to stop."""

    def __init__(self, job: str):
        self.job, self.phase, self.began, self.looked = job, None, 0.0, 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase != self.phase:
            self.phase, self.began, self.first = phase, now, done
        elif now - self.looked < SECONDS:
            return
        self.looked = now
        if (folder(self.job) / "stop").exists():
            raise InterruptedError
        read = done - self.first
        left = float((now - self.began) * max(0, total - done) / read) if total and read > 0 else None
        found = {"phase": phase, "done": int(done), "total": int(total), "seconds_left": left, "pid": os.getpid()}
        with contextlib.suppress(OSError):  # that it cannot be told is no reason to end the work
            _write(self.job, {**found, "state": "working"})


def _read(job: str) -> dict:
    """The status as it is kept, whole; state "lost" if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        values = {**BLANK, **files.read_json(folder(job) / "status.json")}
        if not shapes.misfit(values, STATUS, ("state",)):
            return values
    return {**BLANK, "state": "lost", "message": "The record of this import cannot be read; add the data again."}


def _write(job: str, changes: dict) -> None:
    """Change some of the status."""
    path = folder(job) / "status.json"
    files.write_even_if_full(path, {**(_read(job) if path.exists() else {}), **changes})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
