"""Run processes: what is said of them must be true, also after a crash."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from core import config, data, jobs, processes, runs
from tests.core import toys
from tests.core.toys import until


def make(**settings) -> str:
    """A run in state "queued" without a process."""
    asked = config.suggest(toys.table(), **{"device": "cpu", **settings})
    return runs.create(asked, toys.table().schema, "")


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


def outside(code: str) -> str:
    """What another process on this workspace prints."""
    code = f"from core import jobs, runs; {code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


# ---------------------------------------------------------------------------------------------------- state


def test_a_run_that_says_running_and_holds_its_lock_is_running():
    run = make()
    runs.write_status(run, state="running")
    with jobs.alive(run):
        assert jobs.state(run) == "running"


def test_a_run_that_says_running_while_nobody_holds_its_lock_is_lost():
    run = make()
    runs.write_status(run, state="running")
    with jobs.alive(run):
        pass
    assert jobs.state(run) == "lost"


def test_a_run_that_says_running_and_never_had_a_lock_is_lost():
    run = make()
    runs.write_status(run, state="running")
    assert jobs.state(run) == "lost"


def test_a_new_run_is_queued_while_its_process_starts():
    assert jobs.state(make()) == "queued"


def test_a_run_queued_for_long_without_a_process_is_lost():
    run = make()
    runs.write_status(run, queued=time.time() - processes.START_SECONDS - 1)
    assert jobs.state(run) == "lost"


def test_a_run_whose_process_takes_long_to_start_is_queued_until_that_is_gone(monkeypatch):
    run = make()
    slow = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setattr(processes.subprocess, "Popen", lambda *_, **__: slow)
    jobs.start_process(run)
    runs.write_status(run, queued=time.time() - processes.START_SECONDS - 1)
    assert jobs.state(run) == "queued"
    slow.communicate(b"\n")
    assert jobs.state(run) == "lost"


@pytest.mark.parametrize(
    "values", [{"pid": os.getpid(), "created": 1.0}, {"pid": 10**30, "created": 1}, {"pid": "1"}, {}]
)
def test_another_process_with_its_number_is_not_the_run_s(values):
    run = make()
    runs.write_status(run, queued=time.time() - processes.START_SECONDS - 1)
    runs.path(run, processes.STARTED).write_text(json.dumps(values))
    assert jobs.state(run) == "lost"


def test_a_run_queued_for_long_with_a_process_is_queued():
    run = make()
    runs.write_status(run, queued=time.time() - 3600)
    with jobs.alive(run):
        assert jobs.state(run) == "queued"


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_a_run_that_is_over_is_over_whoever_holds_its_lock(state):
    run = make()
    runs.write_status(run, state=state)
    with jobs.alive(run):
        assert jobs.state(run) == state


def test_many_looks_at_once_never_take_a_dead_run_for_a_living_one():
    run = make()
    with jobs.alive(run):
        pass
    runs.write_status(run, state="running")
    seen = set()

    def look():
        for _ in range(200):
            seen.add(jobs.state(run))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"lost"}


def test_another_process_sees_the_same():
    alive, dead = make(), make()
    for run in (alive, dead):
        runs.write_status(run, state="running")
    with jobs.alive(alive):
        assert outside(f"print(jobs.state({alive!r}), jobs.state({dead!r}))") == "running lost"
        assert (jobs.state(alive), jobs.state(dead)) == ("running", "lost")


def test_another_process_lists_the_same(finished):
    make()
    listed = json.loads(outside("import json; print(json.dumps(jobs.summaries()))"))
    assert [row["run"] for row in listed] == runs.names()
    assert listed == json.loads(json.dumps(jobs.summaries()))
    assert set(finished.values()) < {row["run"] for row in listed}


# ---------------------------------------------------------------------------------------------------- lists


def test_a_summary_says_what_runs_on_what():
    row = jobs.summary(make(epochs=7))
    expected = {"state": "queued", "data": "iris", "net": "mlp", "epochs": 7, "seconds": None}
    assert expected.items() <= row.items()


def test_the_summary_of_a_lost_run_says_what_happened_and_how_long_it_ran():
    run = make()
    runs.write_status(run, state="running", started=time.time() - 100)
    row = jobs.summary(run)
    assert (row["state"], round(row["seconds"])) == ("lost", 100)
    assert "ended without a word" in row["message"]


@pytest.mark.parametrize("name", ["status.json", "config.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", None])
def test_a_damaged_run_is_one_damaged_line_and_the_others_are_listed(name, text):
    whole, damaged = make(), make()
    runs.path(damaged, name).unlink() if text is None else runs.path(damaged, name).write_text(text)
    rows = {row["run"]: row for row in jobs.summaries()}
    assert (rows[whole]["state"], rows[damaged]["state"]) == ("queued", "damaged")
    assert name in rows[damaged]["message"]


@pytest.mark.parametrize(
    "status",
    [
        {"state": "done", "started": 5.0},
        {"state": "running", "started": "yesterday"},
        {"state": "queued", "created": "yesterday"},
        {"state": "done", "started": 5.0, "ended": None},
        {"state": None},
    ],
    ids=json.dumps,
)
def test_a_status_that_was_edited_by_hand_cannot_break_the_list(status):
    whole, edited = make(), make()
    runs.path(edited, "status.json").write_text(json.dumps(status))
    assert {whole, edited} == {row["run"] for row in jobs.summaries()}


def test_an_empty_run_folder_is_damaged_and_breaks_nothing():
    whole = make()
    runs.path("2026-01-01-wild-elm").mkdir()
    assert {row["run"]: row["state"] for row in jobs.summaries()} == {
        whole: "queued",
        "2026-01-01-wild-elm": "damaged",
    }
    assert [row["run"] for row in jobs.working()] == [whole]


def test_working_lists_what_is_at_work_the_oldest_first():
    first, over, second, damaged = (make() for _ in range(4))
    runs.write_status(over, state="done")
    runs.path(damaged, "status.json").write_text("")
    for i, run in enumerate((first, over, second, damaged)):
        os.utime(runs.path(run, "config.json"), (1000 + i, 1000 + i))
    assert [row["run"] for row in jobs.working()] == [first, second]


# ---------------------------------------------------------------------------------------------------- queue


def test_the_queue_is_in_order_of_creation_and_for_one_device():
    first, second, other = make(), make(), make(device="cuda")
    runs.write_status(first, queued=time.time() - 1)
    runs.write_status(second, queued=time.time() - 2)
    assert jobs.queue("cpu") == [second, first]
    assert jobs.queue("cuda") == [other]


def test_a_dead_or_damaged_run_holds_up_nobody():
    dead, damaged, waiting = make(), make(), make()
    runs.write_status(dead, queued=time.time() - processes.START_SECONDS - 1)
    runs.path(damaged, "status.json").write_text("{")
    assert jobs.queue("cpu") == [waiting]


def test_one_turn_at_a_time_first_come_first_served():
    order, at_once = [], []
    in_turn = [make() for _ in range(3)]
    for i, run in enumerate(in_turn):
        runs.write_status(run, queued=time.time() - 3 + i)

    def work(run):
        with jobs.alive(run), jobs.turn(run, "cpu"):
            order.append(run)
            runs.write_status(run, state="running")
            at_once.append(sum(runs.status(r)["state"] == "running" for r in in_turn))
            time.sleep(0.2)
            runs.write_status(run, state="done")

    threads = [threading.Thread(target=work, args=(run,)) for run in reversed(in_turn)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (order, at_once) == (in_turn, [1, 1, 1])


def test_whoever_waits_looks_at_those_in_front_and_not_at_every_run_again(monkeypatch):
    for run in (over := [make() for _ in range(20)]):
        runs.write_status(run, state="done")
    first, second, later = make(), make(), make()
    for i, run in enumerate((first, second, later)):
        runs.write_status(run, queued=time.time() - 3 + i)
    looks, status = [], runs.status
    monkeypatch.setattr(runs, "status", lambda run: looks.append(run) or status(run))
    order = []

    def work():
        with jobs.alive(second), jobs.turn(second, "cpu"):
            order.append(second)

    with jobs.alive(first):
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: looks.count(first) > 3)
        assert order == []
        runs.write_status(first, state="done")
        order.append(first)
    thread.join(20)
    assert order == [first, second]
    assert {looks.count(run) for run in over} == {1} and looks.count(later) <= 2


def test_whoever_goes_on_later_has_to_stand_behind():
    first, second = make(), make()
    runs.write_status(first, queued=time.time() - 2)
    line = jobs.queue("cpu")
    runs.write_status(first, queued=time.time() + 1)
    assert (line, jobs.queue("cpu", line)) == ([first, second], [second, first])


def test_whoever_waits_for_a_turn_can_be_stopped():
    first, second = make(), make()
    runs.write_status(first, queued=time.time() - 1)
    runs.path(second, "stop").touch()
    with jobs.alive(second), pytest.raises(InterruptedError), jobs.turn(second, "cpu"):
        pass


def test_a_device_by_name_is_itself():
    assert [jobs.device_lock(name) for name in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]


def test_auto_is_the_device_that_training_would_take():
    from core.training import devices

    assert jobs.device_lock("auto") == devices.best_device("auto").type


# ---------------------------------------------------------------------------------------------------- start, stop


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
    run = make()
    runs.write_status(run, state="done", message="")
    jobs.stop(run)
    assert jobs.state(run) == "done" and not runs.path(run, "stop").exists()


def test_a_queued_run_whose_process_never_comes_can_be_stopped():
    run = make()
    jobs.stop(run, timeout=0.2)
    assert jobs.state(run) == "stopped"


def test_a_process_that_only_shares_the_number_is_not_ended():
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        run = make()
        runs.write_status(run, state="running", pid=innocent.pid, pid_created=time.time() - 3600)
        with jobs.alive(run), pytest.raises(RuntimeError, match=f"The process of run {run} could not be ended"):
            jobs.stop(run, timeout=0.1)
        assert innocent.poll() is None
        assert runs.status(run)["state"] == "running"  # nobody is told that it was stopped
    finally:
        innocent.kill()
        innocent.wait()


def test_a_process_that_does_not_listen_is_ended():
    run = make()
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
def test_stop_ends_a_running_run_within_seconds_and_by_its_own_hand(start):
    run = start(epochs=10_000)
    until(lambda: is_training(run))
    began = time.monotonic()
    jobs.stop(run)
    assert time.monotonic() - began < 6
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


# ---------------------------------------------------------------------------------------------------- going on


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
    run = make()
    for now in ("queued", "done"):
        runs.write_status(run, state=now)
        with pytest.raises(ValueError, match=f"is {now}; only a run that was stopped, failed or lost can be resumed"):
            jobs.resume(run)


def test_a_run_whose_data_is_gone_is_not_resumed():
    run = make()
    runs.write_status(run, state="stopped")
    with pytest.raises(ValueError, match="no longer in the workspace"):
        jobs.resume(run)


def test_again_starts_a_run_with_the_same_config(monkeypatch):
    first = jobs.create(config.suggest(data.get("iris"), epochs=3, device="cpu"))
    monkeypatch.setattr(jobs, "start_process", lambda _run: None)
    second = jobs.again(first)
    assert second != first and runs.config(second) == runs.config(first)
