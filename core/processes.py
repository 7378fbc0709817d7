"""Processes that outlive the one that starts them, and locks that say whether they are alive."""

import contextlib
import gc
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

import filelock
import psutil

from core import files
from core.workspace import ROOT, workspace

START_SECONDS = 20.0  # in which a process takes its lock, unless the machine is full
LOOK_SECONDS = 10.0  # a look from outside holds a lock for a moment, on a full machine for longer
STARTED = "process.json"  # in the folder of what a process works for: the last one that was started
# Memory that a step gives back is kept for the next one, instead of being fetched from the system anew, page by page:
# the small CNN on photographs trains 1.6 to 2 times as fast so, for some 300 MB. Read by glibc when a process starts.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}

# New objects before the next look for garbage, and such looks before the next one through older objects. With Python's
# own 700, 10, 10 a run spends a tenth of its start with that, an export a sixth: imports make much and leave nothing.
GARBAGE = (20_000, 10, 10)


def look_for_garbage_seldom() -> None:
    """Set how often this process looks for garbage; for one that imports much, and waits for nobody."""
    gc.set_threshold(*GARBAGE)


def start(module: str, folder: pathlib.Path, log: pathlib.Path) -> None:
    """Start `python -m module folder`, detached, what it prints going to `log`.

    It works where the person started, so that relative paths mean the same; -P keeps files there from being taken for
    modules of Python or of the project.
    """
    detached: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with open(log, "ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(folder)],
            env={**KEEP_MEMORY, **os.environ, "VITRINE_WORKSPACE": str(workspace()), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            **detached,
        )
    with contextlib.suppress(OSError, psutil.Error):
        files.write_json(folder / STARTED, {"pid": process.pid, "created": psutil.Process(process.pid).create_time()})
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind


def is_starting(folder: pathlib.Path, asked: float) -> bool:
    """Whether the process asked for at `asked` (seconds since 1970) may yet take its lock.

    So for START_SECONDS, whatever the clock was set to meanwhile; after that as long as the process is there.
    """
    if abs(time.time() - asked) < START_SECONDS:
        return True
    try:
        started = files.read_json(folder / STARTED)
    except (OSError, ValueError):
        return False
    process = found(started.get("pid"), started.get("created"))
    with contextlib.suppress(psutil.Error):
        return process is not None and process.status() != psutil.STATUS_ZOMBIE
    return False


def found(pid: Any, created: Any) -> psutil.Process | None:
    """The process of this number that began then, in seconds since 1970; None if there is none, or these are none."""
    with contextlib.suppress(ValueError, TypeError, OverflowError, psutil.Error):
        process = psutil.Process(int(pid))
        if abs(process.create_time() - created) < 1:
            return process
    return None


def print_in_vain() -> None:
    """From now on what this process prints is lost, and does not end it, where the disk of its log is full."""
    for name in ("stdout", "stderr"):
        if not isinstance(getattr(sys, name), _Forgiving):
            setattr(sys, name, _Forgiving(getattr(sys, name)))


class _Forgiving:
    """A stream whose writes never fail."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


@contextlib.contextmanager
def alive(lock_file: pathlib.Path) -> Generator[None]:
    """Hold a lock that the operating system drops when this process dies, however it dies."""
    if not lock_file.parent.is_dir():  # the lock would make it again
        raise LookupError(f"{lock_file.parent} is not there; it may have been deleted or moved.")
    lock = filelock.FileLock(lock_file)
    try:
        lock.acquire(timeout=LOOK_SECONDS)
    except filelock.Timeout:
        raise RuntimeError(f"Run {lock_file.parent.name} has a process already.") from None
    with lock:
        yield


def is_held(lock_file: pathlib.Path) -> bool:
    """Whether a process holds the lock. Looks share the lock where they can, so that two never see one another."""
    try:
        file = open(lock_file, "rb")
    except PermissionError:  # another user's, who may well be at work
        return True
    except OSError:
        return False
    with file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
            except BlockingIOError:
                return True
    lock = filelock.FileLock(lock_file)
    try:
        with lock.acquire(timeout=0.2):
            return False
    except filelock.Timeout:
        return True
