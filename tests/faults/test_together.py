"""Several at once on one workspace: nobody's words are lost, and who comes too late is told so in a sentence."""

import subprocess
import sys
import threading

import pytest

from core import jobs, notes, runs, trash
from core.data import store
from core.notes import Notes
from tests.dashboard import pages
from tests.faults.looking import guarded


def all_at_once(*functions) -> list:
    """What each function returned, or the error it raised, all of them begun together."""
    found, gate = [None] * len(functions), threading.Barrier(len(functions))

    def one(place, function):
        gate.wait()
        try:
            found[place] = function()
        except Exception as error:
            found[place] = error

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_tags_that_several_processes_add_are_all_there():
    run = pages.make()
    code = "import sys; from core import notes; [notes.tag(sys.argv[1], (f'{sys.argv[2]}{i}',)) for i in range(4)]"
    started = [subprocess.Popen([sys.executable, "-c", code, run, who], cwd=jobs.ROOT) for who in "ab"]
    assert [process.wait() for process in started] == [0, 0]
    assert set(notes.read(run).tags) == {f"{who}{i}" for who in "ab" for i in range(4)}


def test_a_title_and_a_note_written_at_the_same_moment_are_both_there():
    run = pages.make()
    for i in range(10):
        all_at_once(lambda i=i: notes.write(run, title=f"t{i}"), lambda i=i: notes.write(run, note=f"n{i}"))
        assert (notes.read(run).title, notes.read(run).note) == (f"t{i}", f"n{i}")


def test_what_somebody_else_changed_while_a_form_was_open_is_kept():
    run = pages.make()
    before = notes.write(run, title="Old", tags=("a", "b"), note="")
    notes.write(run, title="Theirs", tags=("a", "b", "c"), star=True)
    said = notes.merge(run, before, Notes("Old", ("a", "mine"), "My note."))
    assert said == Notes("Theirs", ("a", "c", "mine"), "My note.", True)


def test_two_notes_on_one_run_are_put_one_below_the_other():
    run = pages.make()
    before = notes.write(run, note="Old.")
    notes.write(run, note="Theirs.")
    assert notes.merge(run, before, Notes(note="Mine.")).note == "Theirs.\n\nMine."
    assert notes.merge(run, Notes(note="Theirs.\n\nMine."), Notes(note="Only mine.")).note == "Only mine."


def test_figures_of_a_run_that_two_write_are_all_there():
    run = pages.make()
    writes = [lambda name=name, i=i: runs.write_status(run, **{name: i}) for i in range(8) for name in ("step", "fold")]
    assert not any(isinstance(found, Exception) for found in all_at_once(*writes))
    assert {"step", "fold"} <= set(runs.status(run))


@pytest.mark.parametrize("times", range(8))
def test_of_two_who_delete_a_run_one_is_told_that_it_is_gone(times):  # noqa: ARG001
    run = pages.make(state="done", ended=1.0)
    found = all_at_once(lambda: trash.delete(run), lambda: trash.delete(run))
    assert sorted(type(one).__name__ for one in found) == ["LookupError", "NoneType"]
    assert trash.names() == [run]
    found = all_at_once(lambda: trash.restore(run), lambda: trash.restore(run))
    assert {type(one) for one in found} <= {type(None), LookupError, ValueError}
    assert runs.names() == [run]


def test_a_data_set_that_two_rename_has_one_of_the_names(little):  # noqa: ARG001
    found = all_at_once(lambda: store.rename("visits", "one"), lambda: store.rename("visits", "two"))
    assert sorted(type(one).__name__ for one in found) == ["LookupError", "NoneType"]
    assert store.names() in (["one"], ["two"])


def test_a_run_deleted_while_somebody_writes_of_it_stays_deleted():
    run = pages.make(state="done", ended=1.0)
    trash.delete(run)
    for write in (lambda: runs.write_status(run, phase="x"), lambda: notes.write(run, note="x")):
        seen = guarded(write)
        assert not seen.faults and seen.errors[0].startswith(f"There is no run {run}")
    assert runs.names() == []
