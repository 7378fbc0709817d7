"""Start, queue, stop and watch run processes. State is what the folder says, checked against a lock."""

import contextlib
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Generator
from dataclasses import replace

import filelock
import psutil

from core import data, notes, processes, runs
from core.config import TrainConfig, check_together, seen_by_net, written_out
from core.processes import ROOT  # noqa: F401 (for those who start their own)

POOL = "folds.json"  # in the folder of a run that pools others, see `folds`
STOP_SECONDS = 3.0  # in which a run that is asked to stop hears of it
STEP_SECONDS = 20.0  # a long step of training may take before it does
COURSE = 60  # epochs in a sparkline, at most
_kept: dict[str, tuple] = {}  # by path: what the files of a run that is over were when read, and what they say


def start(config: TrainConfig) -> str:
    """Make a run for `config` and start its process, detached; returns the run's name at once. Errors as `create`'s."""
    run = create(config)
    start_process(run)
    return run


def create(config: TrainConfig) -> str:
    """Make a run for `config` that waits for its process; returns its name.

    Raises ValueError or LookupError if the config cannot work, and OSError if the workspace cannot be written.
    """
    dataset = data.get(config.data.name, config.data.version)
    config = replace(config, data=replace(config.data, version=dataset.fingerprint[:12]))
    check_together(config, dataset.schema)
    data.parts(dataset, config.data)  # a split that cannot be made is said now, not by the run
    return runs.create(written_out(config), seen_by_net(config, dataset.schema), dataset.fingerprint)


def resume(run: str) -> None:
    """Let a run that was stopped, failed or lost go on from its last checkpoint; ValueError if it is none of these."""
    now = state(run)
    if now not in ("stopped", "failed", "lost"):
        raise ValueError(f"Run {run} is {now}; only a run that was stopped, failed or lost can be resumed.")
    runs.dataset(run)  # ValueError if its data is gone
    runs.path(run, "stop").unlink(missing_ok=True)
    taken = summary(run)["seconds"] or 0
    gone = dict.fromkeys(("started", "ended", "ended_early", "test_accuracy", "test_n"))
    runs.write_status(run, state="queued", message="", queued=time.time(), took=taken, **gone)
    start_process(run)


def again(run: str) -> str:
    """Start a run with the config, and on the very data, of another; returns its name. Errors as those of `start`."""
    runs.dataset(run)
    return start(runs.config_now(run))


def start_process(run: str) -> None:
    """Start the training process of a run that is written already."""
    processes.start("core.training.worker", runs.path(run), runs.path(run, "log.txt"))


def state(run: str, status: dict | None = None) -> str:
    """queued, running, done, failed, stopped, or lost: the folder says it is at work but no process holds its lock."""
    status = status or runs.status(run)
    if status["state"] not in runs.WORKING or processes.is_held(runs.path(run, "lock")):
        return status["state"]
    status = runs.status(run)  # it may have ended between the two looks
    since = status.get("queued", status.get("created", 0))
    if status["state"] == "queued" and processes.is_starting(runs.path(run), since):
        return "queued"
    return "lost" if status["state"] in runs.WORKING else status["state"]


def summary(run: str) -> dict:
    """What a list shows of one run; a run with a damaged file has state "damaged" and says why in `message`.

    The status, with data, net, epochs, seconds; title, tags, star and archived of its notes; seed, folds, fold and
    alike (see `evaluation.groups.alike`) of its config. What is known of a run that is over is kept until its files
    change.
    """
    try:
        place = str(runs.path(run))
    except LookupError as error:
        return {"run": run, "state": "damaged", "message": str(error)}
    return _kept_summary(run, place)


def _kept_summary(run: str, place: str) -> dict:
    """As `summary`, of the run in the folder `place`."""
    stamp = [_stamp(f"{place}/{name}") for name in ("status.json", "config.json", notes.FILE)]
    kept = _kept.get(place)
    if kept is None or kept[0] != stamp:
        row = _summary(run)
        if row["state"] not in ("done", "failed", "stopped"):
            return row
        kept = _kept[place] = (stamp, row)
    return dict(kept[1])


def _summary(run: str) -> dict:
    from core.evaluation import groups

    try:
        status, config = runs.status(run), runs.config(run)
        now = state(run, status)
    except (runs.DamagedRun, LookupError) as error:
        return {"run": run, "state": "damaged", "message": str(error)}
    if now == "lost":
        status["message"] = "Its process ended without a word; the log may say why. Resume it, or train again."
    started = status.get("started")
    ended = time.time() if now == "running" else status.get("ended") or status.get("updated", started)
    said = notes.read(run)
    return {
        **status,
        "run": run,
        "state": now,
        "data": config.data.name,
        "net": config.net.name,
        "epochs": config.training.epochs,
        "seconds": None if started is None else max(0.0, ended - started) + status.get("took", 0),
        "title": said.title,
        "tags": list(said.tags),
        "star": said.star,
        "archived": said.archived,
        "seed": config.training.seed,
        "folds": config.data.folds,
        "fold": config.data.fold,
        "alike": {} if runs.path(run, POOL).exists() else groups.alike(config),
    }


def course(run: str) -> list[float]:
    """Validation accuracy of the last epochs, at most COURSE of them, kept until the history grows."""
    place = str(runs.path(run, "history.jsonl"))
    stamp = _stamp(place)
    if place not in _kept or _kept[place][0] != stamp:
        rows = runs.history(run)[-COURSE:]
        _kept[place] = (stamp, [row["val_accuracy"] for row in rows if "val_accuracy" in row])
    return _kept[place][1]


def _stamp(place: str) -> tuple | None:
    """What a file is: another one has another; None if it is not there."""
    try:
        found = os.stat(place)  # noqa: PTH116 (pathlib takes ten times as long, and lists look at thousands)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def summaries() -> list[dict]:
    """What a list shows of every run, newest first. Nothing in a damaged folder can break it."""
    folder = runs.workspace() / "runs"
    return [_kept_summary(run, f"{folder}/{run}") for run in runs.names()]


def working() -> list[dict]:
    """Summaries of the runs that are queued or running, the oldest first."""
    return [row for row in reversed(summaries()) if row["state"] in runs.WORKING]


def stop(run: str, timeout: float | None = None) -> None:
    """Ask the run to stop; if it has not within `timeout` seconds, end its process. Returns when it is over.

    timeout : STOP_SECONDS if None, or STEP_SECONDS for a run that trains: it hears of it after its step, and keeps a
        checkpoint then
    Raises RuntimeError with a sentence if the process is still there after that.
    """
    if state(run) not in runs.WORKING:
        return
    if timeout is None:
        timeout = STEP_SECONDS if runs.status(run).get("phase") == "training" else STOP_SECONDS
    runs.path(run, "stop").touch()
    deadline = time.monotonic() + timeout
    while state(run) in runs.WORKING and time.monotonic() < deadline:
        time.sleep(0.05)
    if state(run) in runs.WORKING:
        _terminate(runs.status(run))
        if processes.is_held(runs.path(run, "lock")):
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


def alive(run: str) -> contextlib.AbstractContextManager[None]:
    """Hold the run's lock; the operating system drops it when the process dies, however it dies."""
    return processes.alive(runs.path(run, "lock"))


@contextlib.contextmanager
def turn(run: str, device: str) -> Generator[None]:
    """Wait for the device's lock, first come, first served, and hold it. Raises InterruptedError if asked to stop."""
    folder = runs.workspace() / "locks"
    folder.mkdir(exist_ok=True)
    lock = filelock.FileLock(folder / f"{device_lock(device)}.lock")
    line = None
    while True:
        if should_stop(run):
            raise InterruptedError
        line = queue(device, line)
        if line[:1] == [run]:
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(blocking=False)
                break
        # whoever comes later stands behind, so that only those in front are looked at again
        line = line[: line.index(run) + 1] if run in line else None
        time.sleep(0.1)
    with lock:
        yield


def queue(device: str, among: list[str] | None = None) -> list[str]:
    """Runs that wait for the device of this setting, the first in line first; of all runs, or of those in `among`."""
    waiting, wanted = [], device_lock(device)
    for run in runs.names() if among is None else among:
        with contextlib.suppress(runs.DamagedRun, LookupError):
            status = runs.status(run)
            if status["state"] != "queued" or device_lock(runs.config(run).training.device) != wanted:
                continue
            if state(run, status) == "queued":
                waiting.append((status.get("queued", status["created"]), run))
    return [run for _, run in sorted(waiting)]


def device_lock(device: str) -> str:
    """The processor that a device setting means on this machine, found without torch: "cuda", "mps" or "cpu"."""
    if device != "auto":
        return device
    if shutil.which("nvidia-smi") or pathlib.Path("/dev/nvidia0").exists():
        return "cuda"
    return "mps" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"


def _terminate(status: dict) -> None:
    """End the process that `status` names, if it is there and still the same one; `stop` looks whether it helped."""
    process = processes.found(status.get("pid"), status.get("pid_created"))
    if process is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.TimeoutExpired):
        process.terminate()
        try:
            process.wait(2)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(2)
