"""Imports in a process of their own: what is said of one must be true, also after a crash."""

import errno
import json
import os
import signal
import time

import numpy as np
import pytest

from core import data, files, processes
from core.data import imports, ingest, store
from core.data.readers import table
from tests.core import toys


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("height,answer\n" + "".join(f"{i}.5,{'yes' if i % 3 else 'no'}\n" for i in range(40)))
    return str(path)


@pytest.fixture
def here(monkeypatch):
    """here(text, ...) is an import that is done at once and in this process; returns its status."""

    def run(*arguments, before=lambda _: None, **settings):
        monkeypatch.setattr(processes, "start", lambda *_: None)
        job = imports.start(*arguments, **settings)
        before(job)
        code = imports.main(str(imports.folder(job)))
        found = imports.status(job)
        assert code == (found["state"] == "failed")
        return found

    return run


def record(job, **values):
    """An import's record, made by hand."""
    imports.folder(job).mkdir(parents=True)
    files.write_json(imports.folder(job) / "status.json", {"state": "working", "created": time.time(), **values})
    return job


def over(job):
    return imports.status(job)["state"] != "working"


# ---------------------------------------------------------------------------------------------------- in its process


@pytest.mark.slow
def test_an_import_ends_with_the_set_it_has_stored(csv):
    job = imports.start(csv, "Folk", {"target": "answer"})
    assert imports.status(job)["state"] == "working"
    toys.until(lambda: over(job))
    found = imports.status(job)
    assert (found["id"], found["state"], found["name"], found["message"]) == (job, "done", "folk", "")
    assert len(data.get("folk")) == 40


@pytest.mark.slow
def test_relative_paths_mean_what_they_meant_to_the_person(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random.py").write_text("raise SystemExit('not the one of Python')")
    job = imports.start("people.csv", values={"test": "people.csv"})
    toys.until(lambda: over(job))
    assert (imports.status(job)["message"], store.source("people")["where"]) == ("", csv)


@pytest.mark.slow
def test_ones_own_module_is_found_from_where_one_started(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("rows = [([i, i * i % 7], i % 2) for i in range(40)]")
    monkeypatch.chdir(tmp_path)
    job = imports.start("mine:rows")
    toys.until(lambda: over(job), 60)  # it loads PyTorch
    assert imports.status(job)["state"] == "done", imports.status(job)
    assert len(data.get("rows")) == 40


SLOW = """
import time
class Slow:
    def __len__(self): return 100_000
    def __getitem__(self, i): time.sleep(0.001); return [i, 2 * i], i % 2
rows = Slow()
"""


@pytest.fixture
def slow_job(tmp_path, monkeypatch):
    """An import at work, of data that takes minutes to read; ended at the end."""
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    job = imports.start("slow:rows")
    toys.until(lambda: imports.status(job)["phase"] == "Reading the Dataset", 60)
    yield job
    if not over(job):
        os.kill(imports.status(job)["pid"], signal.SIGKILL)


@pytest.mark.slow
def test_an_import_says_how_far_it_is_and_can_be_stopped(slow_job, workspace):
    toys.until(lambda: imports.status(slow_job)["seconds_left"])
    found = imports.status(slow_job)
    assert 0 < found["done"] < found["total"] == 100_000 and found["seconds_left"] > 1
    imports.stop(slow_job)
    toys.until(lambda: over(slow_job))
    found = imports.status(slow_job)
    assert (found["state"], found["message"]) == ("stopped", "Stopped by request.")
    assert not (workspace / "data").exists()


@pytest.mark.slow
def test_an_import_whose_process_is_killed_is_lost(slow_job):
    os.kill(imports.status(slow_job)["pid"], signal.SIGKILL)
    toys.until(lambda: over(slow_job))
    found = imports.status(slow_job)
    assert found["state"] == "lost"
    assert found["message"].startswith("The process that read the data ended without a word")
    assert found["message"].endswith(f"look into {imports.folder(slow_job) / 'log.txt'}.")


# ---------------------------------------------------------------------------------------------------- how it ends


def test_an_import_that_is_done_names_its_set(here, csv):
    found = here(csv)
    assert (found["state"], found["name"], found["message"]) == ("done", "people", "")
    assert found["ended"] >= found["created"]


def test_reading_anew_is_an_import_too(here, csv):
    here(csv)
    found = here("", values={"target": "height"}, again="people")
    assert (found["state"], found["name"]) == ("failed", "")  # it looks like a measurement
    assert "height of people.csv has 40 different numbers" in found["message"]
    assert here("", values={"target": "answer"}, again="people")["state"] == "done"
    assert store.source("people")["options"] == {"target": "answer"}


@pytest.mark.parametrize(
    ("text", "values", "sentence"),
    [
        ("people.csv", {"target": "age"}, 'people.csv has no column "age"; there are height, answer.'),
        ("people.csv", {"size": 3}, "size is no setting of the reader table; the settings are target, "),
        ("nowhere.csv", {}, "nowhere.csv is not there; check the path."),
        ("nothing", {}, "There is no data set 'nothing'; there are "),
        ("no_module:rows", {}, "no_module cannot be imported "),
        ("", {}, "No data is named; name a data set, "),
    ],
)
@pytest.mark.usefixtures("csv")
def test_what_cannot_be_read_fails_with_the_readers_sentence(here, tmp_path, monkeypatch, text, values, sentence):
    monkeypatch.chdir(tmp_path)
    found = here(text, values=values)
    assert (found["state"], found["name"]) == ("failed", "")
    assert sentence in found["message"]
    assert store.names() == []


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (InterruptedError(), "stopped", "Stopped by request."),
        (KeyboardInterrupt(), "stopped", "Stopped by request."),
        (MemoryError(), "failed", "people.csv does not fit into memory; use fewer rows or columns, or a smaller size."),
        (SystemExit(3), "failed", "SystemExit: 3. The log in "),
        (KeyError("x"), "failed", "KeyError: 'x'. The log in "),
        (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero. The log in "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_other_end_is_told_as_well(here, csv, monkeypatch, error, state, message):
    def load(*_):
        raise error

    monkeypatch.setattr(table, "load", load)
    found = here(csv)
    assert (found["state"], found["message"][: len(message)]) == (state, message)
    assert store.names() == []


def test_a_disk_that_fills_is_a_failure_that_says_what_to_do_and_nothing_is_stored(here, csv, monkeypatch, workspace):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "save", full)
    found = here(csv)
    assert found["state"] == "failed"
    assert found["message"] == (
        f"The disk is full: people.csv does not fit into {workspace}; free some space and add it again."
    )
    assert store.names() == [] and list(workspace.glob("data/*")) == []


def test_on_a_disk_without_any_room_the_state_is_written_over_the_old_one(here, csv, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    found = here(csv, before=lambda _: monkeypatch.setattr(files, "write_json", full))
    assert found["state"] == "failed" and found["message"].startswith("The disk is full: people.csv does not fit")


def test_an_import_that_cannot_be_started_leaves_no_record(csv, monkeypatch, workspace):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(OSError) as error:
        imports.start(csv)
    assert error.value.args == (
        f"Reading cannot be started in {workspace} (No space left on device); free some space there.",
    )
    assert imports.all_jobs() == []


def test_a_request_to_stop_is_seen_before_anything_is_read(here, csv, monkeypatch):
    monkeypatch.setattr(table, "load", None)
    assert here(csv, before=imports.stop)["state"] == "stopped"


def test_a_request_to_stop_is_seen_while_the_data_is_read(here, csv, monkeypatch):
    load = table.load

    def slow(where, options, progress):
        progress("Reading", 1, 10)
        imports.stop(imports.all_jobs()[0]["id"])
        progress("Finding the types", 1, 10)
        return load(where, options, progress)

    monkeypatch.setattr(table, "load", slow)
    assert here(csv)["state"] == "stopped" and store.names() == []


def test_a_status_that_cannot_be_written_on_the_way_does_not_end_the_work(here, csv, monkeypatch):
    write = imports._write

    def sometimes(job, changes):
        if changes["state"] == "working":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(job, changes)

    assert here(csv, before=lambda _: monkeypatch.setattr(imports, "_write", sometimes))["state"] == "done"


def test_an_import_that_is_forgotten_at_work_still_stores_its_set(here, csv, monkeypatch):
    add = ingest.add

    def forgotten(*arguments):
        imports.forget(imports.all_jobs()[0]["id"])
        return add(*arguments)

    monkeypatch.setattr(ingest, "add", forgotten)
    assert here(csv)["state"] == "lost" and store.names() == ["people"]


# ---------------------------------------------------------------------------------------------------- how far it is


def test_the_time_left_is_what_was_read_since_the_phase_began(monkeypatch):
    record("job")
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ticker = imports._Ticker("job")
    ticker("Decoding", 40, 100)
    assert imports.status("job")["seconds_left"] is None
    now = 110.0
    ticker("Decoding", np.int64(60), np.int64(100))  # 20 in 10 seconds, 40 are left
    found = imports.status("job")
    assert (found["phase"], found["done"], found["total"], found["seconds_left"]) == ("Decoding", 60, 100, 20.0)
    now = 120.0
    ticker("Decoding", 120, 100)  # more than was thought
    assert imports.status("job")["seconds_left"] == 0
    now = 130.0
    ticker("Storing", 0, 0)
    assert (imports.status("job")["phase"], imports.status("job")["seconds_left"]) == ("Storing", None)


def test_the_status_is_not_written_at_every_step():
    record("job")
    ticker = imports._Ticker("job")
    for i in range(1000):
        ticker("Decoding", i, 1000)
    assert imports.status("job")["done"] == 0


# ---------------------------------------------------------------------------------------------------- the record


def test_an_import_that_has_not_taken_its_lock_is_at_work_for_a_while(monkeypatch):
    record("job")
    assert imports.status("job")["state"] == "working"
    monkeypatch.setattr(processes, "START_SECONDS", -1)
    assert imports.status("job")["state"] == "lost"


def test_an_import_that_had_begun_and_holds_no_lock_is_lost_at_once():
    record("job", pid=1)
    with processes.alive(imports.folder("job") / "lock"):
        assert imports.status("job")["state"] == "working"
    assert imports.status("job")["state"] == "lost"


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "3", "null", "{}", '{"state": "flying"}', '{"state": "done", "total": "many"}', "\x80"],
)
def test_a_damaged_record_is_told_as_such_with_all_that_a_page_shows(text):
    record("job")
    path = imports.folder("job") / "status.json"
    path.unlink() if text is None else path.write_text(text, encoding="latin-1")
    assert imports.status("job") == {
        "id": "job",
        "state": "lost",
        "phase": "",
        "done": 0,
        "total": 0,
        "seconds_left": None,
        "message": "The record of this import cannot be read; add the data again.",
        "name": "",
        "created": 0.0,
    }


def test_a_damaged_request_fails_with_a_sentence(here, csv):
    found = here(csv, before=lambda job: (imports.folder(job) / "request.json").write_text("{"))
    assert found["state"] == "failed" and found["message"]


def test_imports_are_listed_newest_first():
    for name, created in (("b", 3.0), ("a", 5.0), ("c", 4.0)):
        record(name, state="done", created=created)
    (imports.folder("a").parent / "a file").touch()
    assert [row["id"] for row in imports.all_jobs()] == ["a", "c", "b"]


def test_without_imports_the_list_is_empty():
    assert imports.all_jobs() == []


def test_what_is_forgotten_is_gone_and_the_others_stay():
    record("one"), record("two")
    imports.forget("one")
    imports.forget("one")
    assert [row["id"] for row in imports.all_jobs()] == ["two"]


@pytest.mark.parametrize("job", ["", ".", "..", "../data", "a/b", "/", "x" * 61])
def test_what_could_not_be_the_id_of_an_import_touches_no_folder(workspace, job):
    (workspace / "data").mkdir(parents=True)
    for act in (imports.forget, imports.stop, imports.status):
        with pytest.raises(LookupError, match="There is no import"):
            act(job)
    assert [path.name for path in workspace.iterdir()] == ["data"]


def test_stopping_what_is_gone_is_no_error():
    imports.stop("gone")
    assert imports.all_jobs() == []


def test_the_request_is_kept_as_it_was_asked(monkeypatch, csv):
    monkeypatch.setattr(processes, "start", lambda *_: None)
    job = imports.start(csv, "folk", {"types": {"height": "number"}})
    request = json.loads((imports.folder(job) / "request.json").read_text())
    assert request == {"text": csv, "name": "folk", "values": {"types": {"height": "number"}}, "again": ""}
