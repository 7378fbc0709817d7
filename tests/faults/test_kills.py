"""Processes that are killed: what they left half-written is nowhere shown as whole, and the next try goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from core import config, data, files, jobs, notes, runs, trash
from core.data import imports, store
from tests.core import toys
from tests.core.toys import until
from tests.faults import looking, whole


def killed_at(code: str, moment: str) -> None:
    """Let a process do something until it is about to call `moment` ("os.replace"), where it dies as by kill -9."""
    name, function = moment.rsplit(".", 1)
    dying = (
        f"import os, signal, {name}\n{name}.{function} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n{code}"
    )
    done = subprocess.run([sys.executable, "-c", dying], cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_file_is_the_old_one_if_its_writer_is_killed_before_the_last_step(tmp_path):
    files.write_json(tmp_path / "a.json", {"n": 1})
    killed_at(
        f"import pathlib; from core import files; files.write_json(pathlib.Path({str(tmp_path)!r}, 'a.json'), {{}})",
        "os.replace",
    )
    assert files.read_json(tmp_path / "a.json") == {"n": 1}


def test_a_run_whose_maker_is_killed_is_not_listed(workspace):
    data.get("iris")
    code = (
        "from core import config, data, jobs, runs; d = data.get('iris'); "
        "runs.create(config.suggest(d, device='cpu'), d.schema, d.fingerprint)"
    )
    killed_at(code, "core.runs._named")
    assert jobs.summaries() == []
    assert workspace.is_dir()


@pytest.mark.slow
def test_a_search_whose_maker_is_killed_is_not_listed(workspace):
    killed_at(
        "from core import data, search; search.start(data.get('iris'), None, ['lr=0.001..0.01'], 'small')",
        "core.search._write",
    )
    from core import search

    assert search.names() == []
    assert workspace.is_dir()


@pytest.mark.slow
def test_a_data_set_whose_maker_is_killed_is_not_listed_and_is_made_at_the_next_try(workspace):
    table = whole.csv(workspace.parent / "visits.csv")
    add = f"from core.data import ingest; ingest.add({str(table)!r}, '', {{'target': 'ill'}})"
    for moment in ("core.files.write_sealed", "core.data.store._described"):
        killed_at(add, moment)
        assert all(len(data.get(name)) == 120 for name in store.names()), moment
    from core.data import ingest

    assert len(ingest.add(str(table), "", {"target": "ill"})) == 120
    assert looking.lists()[("data", "visits")].startswith("visits: 120 rows")


@pytest.mark.slow
def test_a_training_that_is_killed_comes_to_the_figures_of_an_undisturbed_one():
    asked = config.suggest(data.get("iris"), epochs=40, device="cpu", seed=3)
    figures = []
    for times in (0, 1):
        run = jobs.start(asked)
        notes.write(run, note="Mine.")
        for _ in range(times):
            before = len(runs.history(run))
            until(lambda run=run, n=before: len(runs.history(run)) > n or jobs.state(run) not in runs.WORKING, 60)
            if jobs.state(run) not in runs.WORKING:
                break
            os.kill(runs.status(run)["pid"], signal.SIGKILL)
            until(lambda run=run: jobs.state(run) == "lost")
            assert looking.lists()[run]["state"] == "lost"
            jobs.resume(run)
        assert jobs.wait(run) == "done", runs.log_tail(run)
        assert notes.read(run).note == "Mine."
        figures.append(([(row["epoch"], row["val_loss"]) for row in runs.history(run)], runs.evaluation(run)))
    assert figures[0] == figures[1]


@pytest.mark.slow
def test_an_import_that_is_killed_is_lost_and_works_at_the_next_try(workspace):
    pictures = whole.photographs(workspace.parent / "shades.zip", n=200, side=48)
    job = imports.start(str(pictures))
    until(lambda: "pid" in imports._read(job), 60)
    os.kill(imports._read(job)["pid"], signal.SIGKILL)
    until(lambda: imports.status(job)["state"] in ("lost", "done"))
    assert all(len(data.get(name)) == 200 for name in store.names())
    again = imports.start(str(pictures))
    until(lambda: imports.status(again)["state"] != "working", 60)
    assert imports.status(again)["state"] == "done", imports.status(again)
    assert len(data.get("shades")) == 200


def test_what_a_killed_process_left_in_a_run_is_removed_by_the_next_one():
    run = runs.create(config.suggest(toys.table()), toys.table().schema, "f00d")
    old, new = (runs.path(run, "checkpoints", f".last.pt.{name}.tmp") for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 60, time.time() - 60))
    runs.clear(run)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.slow
def test_a_process_does_not_bring_a_deleted_run_back():
    run = runs.create(config.suggest(toys.table()), toys.table().schema, "f00d")
    folder = runs.path(run)
    trash.delete(run)
    done = subprocess.run(
        [sys.executable, "-m", "core.training.worker", str(folder)],
        cwd=jobs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not folder.exists()
    assert (runs.names(), trash.names()) == ([], [run])
