"""A workspace that cannot be written: one can look, and each attempt to change something is a sentence."""

import errno
import os
import shutil
import tempfile

import pytest

from core import cli, data, jobs, notes, runs, search, workspace
from core.search import studies
from tests.faults import looking


@pytest.fixture
def read_only(little, monkeypatch):
    """Nothing can be made, replaced or moved any more: as root writes wherever it likes, the calls refuse."""

    def refuse(*_args, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(shutil, "rmtree", lambda _path, ignore_errors=False: ignore_errors or refuse())
    for name in ("replace", "rename", "mkdir", "fsync"):
        monkeypatch.setattr(os, name, refuse)
    return little


def test_the_lists_are_there(read_only):
    assert looking.lists()[read_only["run"]]["state"] == "done"


def test_it_is_said_once_that_one_can_only_look(read_only):  # noqa: ARG001
    said = workspace.look_at_workspace()
    assert said.startswith(f"The workspace {runs.workspace()} cannot be written (Read-only file system)")
    assert said.endswith("Until then one can only look.")


def test_a_workspace_that_is_not_there_and_cannot_be_made_is_an_error(read_only, monkeypatch, tmp_path):  # noqa: ARG001
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "none"))
    with pytest.raises(runs.WorkspaceError, match="cannot be written"):
        workspace.look_at_workspace()


@pytest.mark.parametrize("page", ["runs", "live", "evaluate", "data"])
def test_a_page_shows_what_is_there_below_that_sentence(read_only, page):
    seen = looking.page(page, run=read_only["run"])
    assert not seen.faults, seen.faults[0]
    assert "Until then one can only look." in seen.errors[0]


@pytest.mark.parametrize(
    "do",
    [
        lambda run: cli.app(["note", run, "--note", "x"], standalone_mode=False),
        lambda run: cli.app(["delete", run], standalone_mode=False),
        lambda run: cli.app(["again", run], standalone_mode=False),
        lambda run: cli.app(["evaluate", run], standalone_mode=False),
        lambda _run: cli.app(["trash", "--empty"], standalone_mode=False),
        lambda _run: cli.app(["sweep", "lr=0.001..0.01", "--data", "visits"], standalone_mode=False),
        lambda run: notes.tag(run, ("x",)),
        lambda run: runs.write_status(run, phase="x"),
        lambda _run: data.lists.save("visits", "new", ["1"]),
        lambda _run: data.store.rename("visits", "seen"),
    ],
)
def test_a_change_is_refused_in_a_sentence(read_only, do):
    seen = looking.guarded(lambda: do(read_only["run"]))
    assert not seen.faults, seen.faults[0]
    assert seen.errors, "it was not refused"
    assert jobs.summary(read_only["run"])["state"] == "done"


def test_the_record_of_a_search_on_a_read_only_disk_is_not_to_be_deleted(little):
    asked, file = search.load(little["search"]), search.path(little["search"], "study.db")
    with (
        pytest.raises(ValueError, match=r"study\.db cannot be written \(.*Read-only file system.*make room for it"),
        studies.in_words(asked, file, studies.WHILE_OPENING),
    ):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
