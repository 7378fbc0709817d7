"""The disk is full: a sentence that names the file, nothing half-written, and all is well once there is room."""

import errno
import os

import pytest

from core import cli, config, data, files, jobs, notes, runs, search
from core.data import imports, ingest
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from core.training import worker
from tests.core import toys
from tests.faults import whole
from tests.faults.looking import guarded

SENTENCE = r"^The disk of .* is full \(no space left on device\); make room there, then do this again\.$"


@pytest.fixture
def full():
    """From its call on nothing can be flushed to the disk; what it returns makes room."""
    patch = pytest.MonkeyPatch()

    def no_room(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill():
        patch.setattr(os, "fsync", no_room)
        return patch.undo

    yield fill
    patch.undo()


CHANGES = {
    "a run": lambda: runs.create(config.suggest(toys.table()), toys.table().schema, "f00d"),
    "notes": lambda: notes.write(runs.names()[0], note="New."),
    "an operating point": lambda: points.save(runs.names()[0], OperatingPoint(abstain_below=0.9, name="sure")),
    "a list": lambda: data.lists.save("visits", "more", ["1"]),
    "predictions": lambda: runs.write_predictions(runs.names()[0], "val", *_four()),
    "a search": lambda: search._make_folder(search.Search("other", "visits", "0" * 12, "mlp", {})),
}


def _four():
    ids, targets, logits = runs.predictions(runs.names()[0], "test")
    return ids, targets, logits


def content(folder) -> dict:
    """What every file holds but for locks and what is hidden."""
    found = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {file: file.read_bytes() for file in found}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_for_which_there_is_no_room_is_a_sentence_and_changes_nothing(workspace, little, full, what):  # noqa: ARG001
    before = content(workspace)
    make_room = full()
    with pytest.raises(files.NotWritten, match=SENTENCE):
        CHANGES[what]()
    assert content(workspace) == before
    assert not list(workspace.rglob("*.tmp"))
    make_room()
    CHANGES[what]()
    assert content(workspace) != before


def test_the_command_line_says_it_in_one_line(little, full):
    make_room = full()
    seen = guarded(lambda: cli.app(["note", little["run"], "--note", "New."], standalone_mode=False))
    assert not seen.faults
    assert seen.errors[0].startswith("The disk of ")
    make_room()


@pytest.mark.slow
def test_a_run_that_finds_the_disk_full_is_failed_with_the_sentence_and_can_be_resumed(full):
    dataset = data.get("iris")
    run = jobs.create(config.suggest(dataset, epochs=1, device="cpu"))
    make_room = full()
    assert worker.main(str(runs.path(run))) == 1
    row = jobs.summary(run)
    assert row["state"] == "failed"
    assert row["message"].startswith("The disk of ") and "make room there" in row["message"]
    make_room()
    assert jobs.summary(run)["state"] == "failed"
    runs.write_status(run, state="queued")
    assert worker.main(str(runs.path(run))) == 0
    assert jobs.summary(run)["state"] == "done"


def test_an_import_that_finds_the_disk_full_says_so_and_leaves_nothing(workspace, full, monkeypatch):
    table = whole.csv(workspace.parent / "visits.csv")
    monkeypatch.setattr(imports.processes, "start", lambda *_args: None)
    job = imports.start(str(table), "", {"target": "ill"})
    make_room = full()
    assert imports.main(str(imports.folder(job))) == 1
    status = imports.status(job)
    assert status["state"] == "failed"
    assert "disk is full" in status["message"]
    assert data.store.names() == []
    make_room()
    assert len(ingest.add(str(table), "", {"target": "ill"})) == 120


def test_what_a_process_prints_is_lost_where_its_log_is_full(capsys):
    class Full:
        def write(self, _text):
            raise OSError(errno.ENOSPC, "No space left on device")

        flush = write

    from core import processes

    forgiving = processes._Forgiving(Full())
    print("lost", file=forgiving)
    assert forgiving.write("abc") == 3
    assert capsys.readouterr().out == ""
