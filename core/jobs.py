"""Start, queue, stop and watch run processes. State is what the folder says, checked against a lock."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import filelock
import psutil

from core import data, runs
from core.config import TrainConfig, check_together, written_out

START_SECONDS = 20.0  # a process that has not taken its lock by then never will
ROOT = pathlib.Path(__file__).resolve().parent.parent


def start(config: TrainConfig) -> str:
    """Make a run for `config` and start its process, detached; returns the run's name at once.

    Raises ValueError or LookupError if the config cannot work, and OSError if the workspace cannot be written.
    """
    dataset = data.get(config.data.name)
    check_together(config, dataset.schema)
    run = runs.create(written_out(config), dataset.schema, dataset.fingerprint)
    with open(runs.path(run, "log.txt"), "ab") as log:
        detached = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "core.training.worker", str(runs.path(run))],
            cwd=ROOT,
            env={**os.environ, "VITRINE_WORKSPACE": str(runs.workspace())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **detached,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
    return run


def state(run: str, status: dict | None = None) -> str:
    """queued, running, done, failed, stopped, or lost: the folder says it is at work but no process holds its lock."""
    status = status or runs.status(run)
    if status["state"] not in runs.WORKING or _is_held(runs.path(run, "lock")):
        return status["state"]
    status = runs.status(run)  # it may have ended between the two looks
    if status["state"] == "queued" and time.time() - status.get("created", 0) < START_SECONDS:
        return "queued"
    return "lost" if status["state"] in runs.WORKING else status["state"]


def summary(run: str) -> dict:
    """What a list shows of one run; a run with a damaged file has state "damaged" and says why in `message`."""
    try:
        status, config = runs.status(run), runs.config(run)
        now = state(run, status)
    except (runs.DamagedRun, LookupError) as error:
        return {"run": run, "state": "damaged", "message": str(error)}
    if now == "lost":
        status["message"] = "Its process ended without a word; the log may say why. Train again."
    started = status.get("started")
    ended = time.time() if now == "running" else status.get("ended", status.get("updated", started))
    return {
        **status,
        "run": run,
        "state": now,
        "data": config.data.name,
        "net": config.net.name,
        "epochs": config.training.epochs,
        "seconds": None if started is None else ended - started,
    }


def summaries() -> list[dict]:
    """What a list shows of every run, newest first. Nothing in a damaged folder can break it."""
    return [summary(run) for run in runs.names()]


def working() -> list[dict]:
    """Summaries of the runs that are queued or running, the oldest first."""
    found = []
    for run in runs.names():
        with contextlib.suppress(runs.DamagedRun, LookupError):
            if runs.status(run)["state"] in runs.WORKING:
                found.append(summary(run))
    return [row for row in reversed(found) if row["state"] in runs.WORKING]


def stop(run: str, timeout: float = 3.0) -> None:
    """Ask the run to stop; if it has not within `timeout` seconds, end its process. Returns when it is over.

    Raises RuntimeError with a sentence if the process is still there after that.
    """
    if state(run) not in runs.WORKING:
        return
    runs.path(run, "stop").touch()
    deadline = time.time() + timeout
    while state(run) in runs.WORKING and time.time() < deadline:
        time.sleep(0.05)
    if state(run) in runs.WORKING:
        _terminate(runs.status(run))
        if _is_held(runs.path(run, "lock")):
            raise RuntimeError(
                f"The process of run {run} could not be ended; it may belong to another user or machine."
            )
    if state(run) in (*runs.WORKING, "lost"):
        runs.write_status(run, state="stopped", message="Stopped by request.", ended=time.time())


def wait(run: str, poll: float = 0.1) -> str:
    """Block until the run is over; returns its final state."""
    while (now := state(run)) in runs.WORKING:
        time.sleep(poll)
    return now


def should_stop(run: str) -> bool:
    """Whether somebody asked the run to stop."""
    return runs.path(run, "stop").exists()


# ------------------------------------------------------------------------------------- for the run's own process


@contextlib.contextmanager
def alive(run: str):
    """Hold the run's lock; the operating system drops it when the process dies, however it dies."""
    lock = filelock.FileLock(runs.path(run, "lock"))
    try:
        lock.acquire(timeout=2)  # a look from outside holds it for a moment
    except filelock.Timeout:
        raise RuntimeError(f"Run {run} has a process already.") from None
    with lock:
        yield


@contextlib.contextmanager
def turn(run: str, device: str):
    """Wait for the device's lock, first come, first served, and hold it. Raises InterruptedError if asked to stop."""
    folder = runs.workspace() / "locks"
    folder.mkdir(exist_ok=True)
    lock = filelock.FileLock(folder / f"{device_lock(device)}.lock")
    while True:
        if should_stop(run):
            raise InterruptedError
        if queue(device)[:1] == [run]:
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(blocking=False)
                break
        time.sleep(0.1)
    with lock:
        yield


def queue(device: str) -> list[str]:
    """Runs that wait for the device of this setting, the first in line first."""
    waiting = []
    for run in runs.names():
        with contextlib.suppress(runs.DamagedRun, LookupError):
            status = runs.status(run)
            same = device_lock(runs.config(run).training.device) == device_lock(device)
            if same and status["state"] == "queued" and state(run, status) == "queued":
                waiting.append((status["created"], run))
    return [run for _, run in sorted(waiting)]


def device_lock(device: str) -> str:
    """The processor that a device setting means on this machine, found without torch: "cuda", "mps" or "cpu"."""
    if device != "auto":
        return device
    if shutil.which("nvidia-smi") or pathlib.Path("/dev/nvidia0").exists():
        return "cuda"
    return "mps" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"


def _is_held(lock_file: pathlib.Path) -> bool:
    """Whether a process holds the lock. Looks share the lock where they can, so that two never see one another."""
    try:
        file = open(lock_file, "rb")
    except FileNotFoundError:
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


def _terminate(status: dict) -> None:
    """End the process that `status` names, if it is there and still the same one; `stop` looks whether it helped."""
    with contextlib.suppress(KeyError, psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(status["pid"])
        if abs(process.create_time() - status["pid_created"]) > 1:
            return
        process.terminate()
        try:
            process.wait(2)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(2)
