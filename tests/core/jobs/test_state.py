"""What is said of a run must be true, also after a crash: its state, and its line in the lists."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from core import jobs, processes, runs
from tests.core.jobs.waiting import queued


def outside(code: str) -> str:
    """What another process on this workspace prints."""
    code = f"from core import jobs, runs; {code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_run_that_says_running_and_holds_its_lock_is_running():
    run = queued()
    runs.write_status(run, state="running")
    with jobs.alive(run):
        assert jobs.state(run) == "running"


def test_a_run_that_says_running_while_nobody_holds_its_lock_is_lost():
    run = queued()
    runs.write_status(run, state="running")
    with jobs.alive(run):
        pass
    assert jobs.state(run) == "lost"


def test_a_run_that_says_running_and_never_had_a_lock_is_lost():
    run = queued()
    runs.write_status(run, state="running")
    assert jobs.state(run) == "lost"


def test_a_new_run_is_queued_while_its_process_starts():
    assert jobs.state(queued()) == "queued"


def test_a_run_queued_for_long_without_a_process_is_lost():
    run = queued()
    runs.write_status(run, queued=time.time() - processes.START_SECONDS - 1)
    assert jobs.state(run) == "lost"


def test_a_run_whose_process_takes_long_to_start_is_queued_until_that_is_gone(monkeypatch):
    run = queued()
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
    run = queued()
    runs.write_status(run, queued=time.time() - processes.START_SECONDS - 1)
    runs.path(run, processes.STARTED).write_text(json.dumps(values))
    assert jobs.state(run) == "lost"


def test_a_run_queued_for_long_with_a_process_is_queued():
    run = queued()
    runs.write_status(run, queued=time.time() - 3600)
    with jobs.alive(run):
        assert jobs.state(run) == "queued"


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_a_run_that_is_over_is_over_whoever_holds_its_lock(state):
    run = queued()
    runs.write_status(run, state=state)
    with jobs.alive(run):
        assert jobs.state(run) == state


def test_many_looks_at_once_never_take_a_dead_run_for_a_living_one():
    run = queued()
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
    alive, dead = queued(), queued()
    for run in (alive, dead):
        runs.write_status(run, state="running")
    with jobs.alive(alive):
        assert outside(f"print(jobs.state({alive!r}), jobs.state({dead!r}))") == "running lost"
        assert (jobs.state(alive), jobs.state(dead)) == ("running", "lost")


def test_another_process_lists_the_same(finished):
    queued()
    listed = json.loads(outside("import json; print(json.dumps(jobs.summaries()))"))
    assert [row["run"] for row in listed] == runs.names()
    assert listed == json.loads(json.dumps(jobs.summaries()))
    assert set(finished.values()) < {row["run"] for row in listed}


def test_a_summary_says_what_runs_on_what():
    row = jobs.summary(queued(epochs=7))
    expected = {"state": "queued", "data": "iris", "net": "mlp", "epochs": 7, "seconds": None}
    assert expected.items() <= row.items()


def test_the_summary_of_a_lost_run_says_what_happened_and_how_long_it_ran():
    run = queued()
    runs.write_status(run, state="running", started=time.time() - 100)
    row = jobs.summary(run)
    assert (row["state"], round(row["seconds"])) == ("lost", 100)
    assert "ended without a word" in row["message"]


@pytest.mark.parametrize("name", ["status.json", "config.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", None])
def test_a_damaged_run_is_one_damaged_line_and_the_others_are_listed(name, text):
    whole, damaged = queued(), queued()
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
    whole, edited = queued(), queued()
    runs.path(edited, "status.json").write_text(json.dumps(status))
    assert {whole, edited} == {row["run"] for row in jobs.summaries()}


def test_an_empty_run_folder_is_damaged_and_breaks_nothing():
    whole = queued()
    runs.path("2026-01-01-wild-elm").mkdir()
    assert {row["run"]: row["state"] for row in jobs.summaries()} == {
        whole: "queued",
        "2026-01-01-wild-elm": "damaged",
    }
    assert [row["run"] for row in jobs.working()] == [whole]


def test_working_lists_what_is_at_work_the_oldest_first():
    first, over, second, damaged = (queued() for _ in range(4))
    runs.write_status(over, state="done")
    runs.path(damaged, "status.json").write_text("")
    for i, run in enumerate((first, over, second, damaged)):
        os.utime(runs.path(run, "config.json"), (1000 + i, 1000 + i))
    assert [row["run"] for row in jobs.working()] == [first, second]
