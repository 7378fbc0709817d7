"""A run is started, stopped, killed and gone on with as a process of its own."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from core import cli, config, data, folds, jobs, processes, runs
from core.training import worker
from tests.core import toys
from tests.core.jobs.waiting import queued
from tests.core.toys import until


@pytest.fixture
def start():
    """Start a real run of iris on the CPU; whatever is still at work at the end is stopped."""
    started = []

    def now(**settings) -> str:
        started.append(jobs.start(config.suggest(data.get("iris"), **{"device": "cpu", **settings})))
        return started[-1]

    yield now
    for run in started:
        with contextlib.suppress(runs.DamagedRun):
            jobs.stop(run)


def is_training(run) -> bool:
    assert jobs.state(run) in runs.WORKING, runs.log_tail(run)
    return runs.status(run).get("phase") == "training"


def test_a_config_that_cannot_work_makes_no_run():
    asked = config.TrainConfig(config.DataConfig("iris"), config.NetConfig("cnn"))
    with pytest.raises(ValueError, match="The net cnn is for images"):
        jobs.start(asked)
    assert runs.names() == []


def test_a_workspace_that_cannot_be_written_starts_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    with pytest.raises(runs.WorkspaceError, match="cannot be written"):
        jobs.start(config.TrainConfig(config.DataConfig("iris"), config.NetConfig("mlp")))


def test_a_run_that_is_over_is_not_stopped():
    run = queued()
    runs.write_status(run, state="done", message="")
    jobs.stop(run)
    assert jobs.state(run) == "done" and not runs.path(run, "stop").exists()


def test_a_queued_run_whose_process_never_comes_can_be_stopped():
    run = queued()
    jobs.stop(run, timeout=0.2)
    assert jobs.state(run) == "stopped"


def test_a_process_that_only_shares_the_number_is_not_ended():
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        run = queued()
        runs.write_status(run, state="running", pid=innocent.pid, pid_created=time.time() - 3600)
        with jobs.alive(run), pytest.raises(RuntimeError, match=f"The process of run {run} could not be ended"):
            jobs.stop(run, timeout=0.1)
        assert innocent.poll() is None
        assert runs.status(run)["state"] == "running"  # nobody is told that it was stopped
    finally:
        innocent.kill()
        innocent.wait()


def test_a_process_that_does_not_listen_is_ended():
    run = queued()
    runs.write_status(run, state="running")
    code = (
        "import sys, time, signal; from core import jobs\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"  # deaf to the polite request too
        f"with jobs.alive({run!r}): print('held', flush=True); time.sleep(60)"
    )
    deaf = subprocess.Popen([sys.executable, "-c", code], cwd=jobs.ROOT, stdout=subprocess.PIPE, text=True)
    threading.Thread(target=deaf.wait, daemon=True).start()
    try:
        assert deaf.stdout.readline() == "held\n"
        runs.write_status(run, pid=deaf.pid, pid_created=psutil.Process(deaf.pid).create_time())
        jobs.stop(run, timeout=0.2)
        assert (jobs.state(run), psutil.pid_exists(deaf.pid)) == ("stopped", False)
    finally:
        deaf.kill()
        deaf.stdout.close()


def test_a_run_in_a_long_step_of_training_is_waited_for(monkeypatch):
    run = queued()
    runs.write_status(run, state="running", phase="training")
    monkeypatch.setattr(jobs, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "_terminate", lambda _: pytest.fail("it was ended, and its step with it"))
    locked, over = threading.Event(), threading.Event()

    def step():
        with jobs.alive(run):
            locked.set()
            over.wait(0.5)
            runs.write_status(run, state="stopped", message="By its own hand.")

    threading.Thread(target=step).start()
    locked.wait()
    jobs.stop(run)
    assert runs.status(run)["message"] == "By its own hand."


@pytest.mark.slow
def test_a_run_killed_in_the_middle_of_an_epoch_is_lost_and_never_running(start):
    run = start(epochs=10_000)
    until(lambda: is_training(run))
    assert jobs.state(run) == "running"
    os.kill(runs.status(run)["pid"], signal.SIGKILL)
    until(lambda: jobs.state(run) == "lost", seconds=5)
    assert runs.status(run)["state"] == "running"  # so says the folder, which nobody could correct
    assert jobs.summary(run)["state"] == "lost"
    assert {jobs.state(run) for _ in range(20)} == {"lost"}
    assert [row["epoch"] for row in runs.history(run)] == list(range(1, len(runs.history(run)) + 1))


@pytest.mark.slow
def test_stop_lets_a_running_run_end_by_its_own_hand(start):
    run = start(epochs=10_000)
    until(lambda: is_training(run))
    jobs.stop(run, timeout=30)  # a full machine may need more than the usual few seconds
    status = runs.status(run)
    assert (jobs.state(run), status["message"]) == ("stopped", "Stopped by request.")
    assert "stopped. Stopped by request." in runs.log_tail(run)  # it said so itself: it was not killed
    until(lambda: not psutil.pid_exists(status["pid"]), seconds=10)


@pytest.mark.slow
def test_the_second_run_on_a_device_waits_until_the_first_is_over(start):
    first = start(epochs=10_000)
    second = start(epochs=1)
    until(lambda: is_training(first))
    until(lambda: "pid" in runs.status(second))
    assert (jobs.state(first), jobs.state(second)) == ("running", "queued")
    jobs.stop(first)
    assert jobs.wait(second) == "done"
    assert runs.status(second)["started"] >= runs.status(first)["ended"] - 0.5  # it ends, then writes that it has


def test_finished_runs_leave_no_zombie(finished):
    of_runs = [runs.status(run) for run in finished.values()]
    until(lambda: not any(map(is_there, of_runs)))  # torch takes a moment to go


def is_there(status: dict) -> bool:
    """Whether the process of a run is there, be it as a zombie."""
    return processes.found(status["pid"], status["pid_created"]) is not None


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_and_is_done(start):
    run = start(epochs=400, batch_size=4)
    until(lambda: is_training(run) and runs.history(run))
    jobs.stop(run)
    n_before = len(runs.history(run))
    assert (jobs.state(run), n_before < 400) == ("stopped", True)
    jobs.resume(run)
    until(lambda: len(runs.history(run)) > n_before, 60)
    epochs = [row["epoch"] for row in runs.history(run)]  # read once, as it goes on
    assert epochs == list(range(1, len(epochs) + 1))
    assert jobs.state(run) == "running"


def test_a_run_that_is_done_or_at_work_is_not_resumed():
    run = queued()
    for now in ("queued", "done"):
        runs.write_status(run, state=now)
        with pytest.raises(ValueError, match=f"is {now}; only a run that was stopped, failed or lost can be resumed"):
            jobs.resume(run)


def test_a_run_whose_data_is_gone_is_not_resumed():
    run = queued()
    runs.write_status(run, state="stopped")
    with pytest.raises(ValueError, match="no longer in the workspace"):
        jobs.resume(run)


def test_a_run_that_goes_on_has_no_test_figures_until_its_end(monkeypatch):
    monkeypatch.setattr(jobs, "start_process", lambda _run: None)
    run = jobs.create(config.suggest(data.get("iris"), epochs=3))
    runs.write_status(run, state="stopped", test_accuracy={"value": 0.9, "low": 0.8, "high": 1.0}, test_n=30)
    jobs.resume(run)
    assert runs.status(run)["state"] == "queued" and "test_accuracy" not in runs.status(run)


def test_again_starts_a_run_with_the_same_config(monkeypatch):
    first = jobs.create(config.suggest(data.get("iris"), epochs=3, device="cpu"))
    monkeypatch.setattr(jobs, "start_process", lambda _run: None)
    second = jobs.again(first)
    assert second != first and runs.config(second) == runs.config(first)


@pytest.mark.parametrize("once_more", [jobs.again, folds.again])
def test_again_finds_data_that_was_renamed(monkeypatch, once_more):
    monkeypatch.setattr(jobs, "start_process", lambda _run: None)
    asked = config.suggest(data.store.put(toys.table("people", 60), {}), epochs=3)
    first = folds.start(asked, 2) if once_more is folds.again else jobs.create(asked)
    data.store.rename("people", "folk")
    second = once_more(first)
    assert (runs.config(second).data.name, runs.dataset(second).name) == ("folk", "folk")
    assert runs.config(second).training == runs.config(first).training


@pytest.mark.parametrize("begin", [lambda _: cli.guarded(lambda: None), worker.main])
def test_what_imports_much_looks_for_garbage_seldom(begin, monkeypatch, workspace):
    asked = []
    monkeypatch.setattr(gc, "set_threshold", lambda *often: asked.append(often))
    monkeypatch.setattr(processes, "print_in_vain", lambda: None)
    with contextlib.suppress(OSError, LookupError):
        begin(str(workspace / "runs" / "none"))
    assert asked == [processes.GARBAGE]
