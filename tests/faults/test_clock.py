"""The clock is set back between two writes: no negative time, no wait for ever, nothing old taken for new."""

import os
import time

import pytest

from core import files, jobs, notes, runs, search, words
from core.data import imports
from tests.dashboard import pages
from tests.faults import looking

HOUR = 3600.0


@pytest.fixture
def set_back(monkeypatch):
    """Set the clock back by so many seconds."""

    def by(seconds: float) -> None:
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() - seconds)

    return by


def test_a_run_never_took_less_than_no_time(set_back):
    run = pages.make(state="running", started=time.time())
    set_back(HOUR)
    runs.write_status(run, state="done", ended=time.time())
    assert jobs.summary(run)["seconds"] == 0
    with pages.at_work() as working:
        runs.write_status(working, started=time.time() + HOUR)
        assert jobs.summary(working)["seconds"] == 0


def test_what_a_run_took_before_it_was_resumed_is_kept(set_back):
    run = pages.make(state="done", started=time.time(), took=7.0)
    set_back(HOUR)
    runs.write_status(run, ended=time.time())
    assert jobs.summary(run)["seconds"] == 7


def test_a_run_whose_process_never_came_is_lost_and_not_queued_for_an_hour(set_back):
    run = pages.make()
    assert jobs.state(run) == "queued"
    set_back(HOUR)
    assert jobs.state(run) == "lost"
    assert run not in jobs.queue("cpu")


def test_a_search_and_an_import_whose_process_never_came_are_lost_too(set_back, workspace):
    search.path("small").mkdir(parents=True)
    search.write_status("small", state="queued", created=time.time())
    imports.folder("a").mkdir(parents=True)
    imports._write("a", {**imports.BLANK, "state": "working", "created": time.time()})
    assert (search.status("small")["state"], imports.status("a")["state"]) == ("queued", "working")
    set_back(HOUR)
    assert (search.status("small")["state"], imports.status("a")["state"]) == ("lost", "lost")
    assert workspace.is_dir()


def test_runs_of_a_day_are_listed_all_the_same(set_back):
    first = pages.make(state="done", started=2.0, ended=3.0)
    set_back(HOUR)
    second = pages.make(state="done", started=2.0, ended=3.0)
    assert {row["run"] for row in jobs.summaries()} == {first, second}


def test_what_is_made_from_a_file_is_newer_than_it_whatever_the_clock_says(tmp_path):
    weights, model = tmp_path / "best.pt", tmp_path / "model.onnx"
    for file, moment in ((weights, 2000.0), (model, 1000.0)):
        file.write_bytes(b"x")
        os.utime(file, (moment, moment))
    files.not_before(model, weights)
    assert model.stat().st_mtime_ns > weights.stat().st_mtime_ns
    before = weights.stat().st_mtime_ns
    files.not_before(weights, model)
    assert weights.stat().st_mtime_ns > model.stat().st_mtime_ns > before


def test_what_is_newer_keeps_its_time(tmp_path):
    for name, moment in (("old", 1000.0), ("new", 2000.0)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (moment, moment))
    files.not_before(tmp_path / "new", tmp_path / "old")
    files.not_before(tmp_path / "new", tmp_path / "gone")
    assert (tmp_path / "new").stat().st_mtime == 2000.0


@pytest.mark.parametrize("moment", [1e300, -1e300, 1e14])
def test_a_time_of_no_calendar_is_left_out(moment):
    assert words.when(moment) == ""


def test_notes_written_before_and_after_are_both_there(set_back):
    run = pages.make()
    notes.write(run, title="Before")
    set_back(HOUR)
    notes.write(run, note="After.")
    assert (notes.read(run).title, notes.read(run).note) == ("Before", "After.")


def test_the_live_page_shows_a_run_of_the_future(set_back):
    with pages.at_work(2, step=3, n_steps=9, epoch=2, seconds_left=4.0, phase="training") as run:
        set_back(HOUR)
        seen = looking.page("live", run=run)
    assert not seen.faults, seen.faults[0]
