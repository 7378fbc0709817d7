"""One run at a time on a device, first come first served."""

import threading
import time

import pytest

from core import jobs, processes, runs
from tests.core.jobs.waiting import queued
from tests.core.toys import until


def test_the_queue_is_in_order_of_creation_and_for_one_device():
    first, second, other = queued(), queued(), queued(device="cuda")
    runs.write_status(first, queued=time.time() - 1)
    runs.write_status(second, queued=time.time() - 2)
    assert jobs.queue("cpu") == [second, first]
    assert jobs.queue("cuda") == [other]


def test_a_dead_or_damaged_run_holds_up_nobody():
    dead, damaged, waiting = queued(), queued(), queued()
    runs.write_status(dead, queued=time.time() - processes.START_SECONDS - 1)
    runs.path(damaged, "status.json").write_text("{")
    assert jobs.queue("cpu") == [waiting]


def test_one_turn_at_a_time_first_come_first_served():
    order, at_once = [], []
    in_turn = [queued() for _ in range(3)]
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
    for run in (over := [queued() for _ in range(20)]):
        runs.write_status(run, state="done")
    first, second, later = queued(), queued(), queued()
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
    first, second = queued(), queued()
    runs.write_status(first, queued=time.time() - 2)
    line = jobs.queue("cpu")
    runs.write_status(first, queued=time.time() + 1)
    assert (line, jobs.queue("cpu", line)) == ([first, second], [second, first])


def test_whoever_waits_for_a_turn_can_be_stopped():
    first, second = queued(), queued()
    runs.write_status(first, queued=time.time() - 1)
    runs.path(second, "stop").touch()
    with jobs.alive(second), pytest.raises(InterruptedError), jobs.turn(second, "cpu"):
        pass


def test_a_device_by_name_is_itself():
    assert [jobs.device_lock(name) for name in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]


def test_auto_is_the_device_that_training_would_take():
    from core.training import devices

    assert jobs.device_lock("auto") == devices.best_device("auto").type
