"""A search: trials are ordinary runs, judged on validation; it can be stopped, killed, and goes on."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest
from typer.testing import CliRunner

from core import cli, data, jobs, processes, runs, search, trash
from core.search import cli as search_cli
from tests.core.search import toys
from tests.core.toys import table

QUICK = ["lr=0.001..0.1", "epochs=2", "device=cpu", "batch_size=32"]
WAIT = 90


def over(name: str) -> dict:
    """The status of a search once it has ended."""
    deadline = time.time() + WAIT
    while (status := search.status(name))["state"] in runs.WORKING and time.time() < deadline:
        time.sleep(0.1)
    return status


@pytest.fixture
def none_left(workspace):  # noqa: ARG001 (it must be there when this ends)
    """Searches and runs that a test started are ended."""
    yield
    for name in search.names():
        search.stop(name)
        over(name)
    for run in runs.names():
        jobs.stop(run)


@pytest.mark.slow
@pytest.mark.usefixtures("none_left")
def test_a_whole_search_killed_in_its_middle_goes_on_to_its_end():
    name = search.start(data.get("iris"), "mlp", QUICK, trials=2)
    deadline = time.time() + WAIT
    while not (rows := search.trials(name)) or not rows[0]["run"]:
        assert time.time() < deadline
        time.sleep(0.05)
    psutil.Process(search.status(name)["pid"]).kill()
    while search.status(name)["state"] != "lost":
        time.sleep(0.05)
    search.resume(name)
    assert over(name)["message"] == "2 trials made."
    rows, first = search.trials(name), rows[0]["run"]
    assert [row["state"] for row in rows] == ["done"] * 2 and rows[0]["run"] == first
    for row in rows:
        status = runs.status(row["run"])
        assert (status["state"], status["search"]) == ("done", name)
        assert row["value"] == status["val_accuracy"]
        assert runs.config(row["run"]).training.lr == row["params"]["lr"]
        assert runs.log_tail(row["run"]).endswith("done. ")  # also of a process that waited for its run
    best = search.best(rows, maximise=True)
    assert best["value"] == max(row["value"] for row in rows)
    sentence = search.sentence(search.load(name), search.status(name), rows)
    assert sentence.startswith("Best of 2 trials: val_accuracy ") and "its test accuracy is" in sentence
    with pytest.raises(ValueError, match=f"Search {name} has made its 2 trials; ask for more in all"):
        search.resume(name)


@pytest.fixture
def unstarted(monkeypatch) -> list:
    """Searches are made without a process; the modules that would have started."""
    started = []
    monkeypatch.setattr(processes, "start", lambda module, *_: started.append(module))
    return started


def test_a_range_that_cannot_work_is_refused_before_anything_is_started():
    with pytest.raises(ValueError, match="lr is"):
        search.start(data.get("iris"), "mlp", ["lr=0.1..1000.0"])
    assert search.names() == [] and runs.names() == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"objective": "luck"}, "There is no objective 'luck'; there are accuracy"),
        ({"trials": 0}, "trials is 0; it must be at least 1"),
        ({"minutes": -1.0}, "minutes is -1"),
        ({"name": "../up"}, "is no name for a search"),
    ],
)
def test_what_cannot_be_searched_is_said(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        search.start(data.get("iris"), "mlp", ["lr=0.001..0.1"], **asked)
    assert search.names() == []


def test_a_search_that_is_not_there_names_those_that_are():
    with pytest.raises(LookupError, match="There is no search nowhere; there are none"):
        search.load("nowhere")


def test_the_best_is_the_highest_accuracy_or_the_lowest_loss():
    rows = search.trials(toys.record())
    assert search.best(rows, True)["params"] == {"lr": 0.15}
    assert search.best(rows, False)["params"] == {"lr": 0.1}
    assert search.best([], True) is None


def test_log_loss_is_minimised_and_auroc_maximised():
    assert not search.load(toys.record(objective="log_loss")).maximise
    import dataclasses

    assert dataclasses.replace(search.load("by-hand"), objective="auroc_macro").maximise


def test_a_damaged_record_is_named():
    name = toys.record()
    search.path(name, "search.json").write_text("{")
    with pytest.raises(ValueError, match=r"search\.json of search by-hand is damaged"):
        search.load(name)


def test_importance_of_too_few_trials_is_none():
    assert search.importances(toys.record()) in ({}, {"lr": 1.0})


def test_the_command_prints_json(capsys):
    toys.record()
    search_cli.show("by-hand", as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["search"] == "by-hand" and [row["value"] for row in facts["trials"]] == [0.9, 0.8, 0.7]


def test_a_command_with_a_bad_setting_ends_with_a_sentence():
    result = CliRunner().invoke(cli.app, ["sweep", "lr=1..0", "--data", "iris"])
    assert isinstance(result.exception, ValueError) and "first end must lie below" in str(result.exception)
    assert search.names() == []


# ------------------------------------------------------------------------------------------------- going on


def test_going_on_keeps_the_number_of_trials_unless_another_is_asked_for(unstarted):
    name = toys.record(trials=5)
    CliRunner().invoke(cli.app, ["sweep", "--resume", name, "--no-wait"], catch_exceptions=False)
    assert (search.load(name).trials, search.status(name)["state"]) == (5, "queued")
    search.write_status(name, state="done")
    search.resume(name, 8)
    assert (search.load(name).trials, len(unstarted)) == (8, 2)


def test_a_search_that_is_done_asks_how_many_more(unstarted):
    name = toys.record(trials=3)
    with pytest.raises(ValueError, match="Search by-hand has made its 3 trials; ask for more in all"):
        search.resume(name)
    assert (unstarted, search.status(name)["state"]) == ([], "done")


def test_a_search_at_work_is_not_resumed_nor_changed(unstarted):
    name = toys.record(trials=5, state="running")
    with processes.alive(search.path(name, "lock")):
        with pytest.raises(ValueError, match="Search by-hand is at work already"):
            search.resume(name, 9)
        search.path(name, "status.json").write_text("{")  # whatever happens to its status
        with pytest.raises(ValueError, match="Search by-hand is at work already"):
            search.resume(name, 9)
    assert (search.load(name).trials, unstarted) == (5, [])


def test_settings_for_a_search_that_goes_on_are_refused():
    name = toys.record(trials=5)
    result = CliRunner().invoke(cli.app, ["sweep", "lr=1..2", "--resume", name])
    assert str(result.exception) == "A search goes on with its own settings; leave out lr=1..2, or --resume."


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"state": "running", "created": "yesterday"}', None])
def test_a_status_that_is_damaged_is_a_lost_search_that_can_go_on(unstarted, text):
    name = toys.record(trials=5)
    file = search.path(name, "status.json")
    file.unlink() if text is None else file.write_text(text)
    assert search.status(name)["state"] == "lost"
    search.resume(name)
    assert search.status(name)["state"] == "queued" and unstarted == ["core.search.worker"]


def test_ctrl_c_stops_the_search_and_waits_for_its_end(monkeypatch):
    name = toys.record(trials=5, state="running")
    monkeypatch.setattr(search_cli.time, "sleep", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    states = iter(["running", "done"])
    monkeypatch.setattr(search, "status", lambda _: {"state": next(states)})
    search_cli.watch(name, quiet=True)
    assert search.path(name, "stop").exists() and next(states, None) is None


# ------------------------------------------------------------------------------------------------- its storage


def test_a_name_that_is_taken_is_said(unstarted):
    toys.record()
    with pytest.raises(ValueError, match="There is a search by-hand already; choose another name, or resume it"):
        search.start(data.get("iris"), "mlp", QUICK, "by-hand")
    assert unstarted == []


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        ("postgresql://nobody:secret@nowhere/none", r"postgresql://nobody@nowhere/none cannot be used \(the package"),
        ("wish://nowhere", r"wish://nowhere cannot be used \(Can't load plugin"),
        ("nowhere", r"nowhere cannot be used \(Could not parse"),
        ("sqlite:////no/such/folder/x.db", r"cannot be used \(unable to open database file\); give the URL"),
    ],
)
def test_a_storage_that_cannot_be_used_is_said_before_anything_is_started(unstarted, storage, sentence):
    with pytest.raises(ValueError, match=sentence) as said:
        search.start(data.get("iris"), "mlp", QUICK, storage=storage)
    assert "secret" not in str(said.value) and "\n" not in str(said.value)
    assert (unstarted, search.names(), runs.names()) == ([], [], [])


@pytest.mark.usefixtures("unstarted")
def test_a_file_as_storage_is_the_same_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = search.start(data.get("iris"), "mlp", QUICK, storage="sqlite:///shared.db")
    assert search.load(name).storage == f"sqlite:///{tmp_path}/shared.db" and (tmp_path / "shared.db").exists()


@pytest.mark.usefixtures("unstarted")
def test_a_study_of_something_else_in_a_shared_storage_is_refused(tmp_path, monkeypatch):
    asked = {"name": "ours", "storage": f"sqlite:///{tmp_path}/shared.db"}
    search.start(data.get("iris"), "mlp", QUICK, **asked)
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "elsewhere"))
    with pytest.raises(ValueError, match="a search ours already with another objective; choose another name"):
        search.start(data.get("iris"), "mlp", QUICK, objective="val_loss", **asked)
    with pytest.raises(ValueError, match="with another version of the data and net and settings; choose"):
        search.start(data.get("digits"), "cnn", ["lr=0.001,0.01"], **asked)
    assert search.names() == []
    assert search.start(data.get("iris"), "mlp", QUICK, **asked) == "ours"


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_study_is_a_sentence(content):
    name = toys.record(state="stopped")
    search.path(name, "study.db").write_bytes(content)
    for look in (search.trials, search.study, search.resume):
        with pytest.raises(ValueError, match=r"study\.db of search by-hand cannot be read \(.*\); delete ") as said:
            look(name)
        assert "\n" not in str(said.value)


def test_a_study_that_is_deleted_begins_anew():
    name = toys.record()
    search.path(name, "study.db").unlink()
    assert search.trials(name) == []


def test_the_best_run_may_be_deleted_or_damaged():
    name = toys.record(values=())
    trial = search.study(name).ask()
    trial.set_user_attr("run", run := toys.a_run())
    search.study(name).tell(trial.number, 0.9)
    runs.path(run, "status.json").write_text("{")
    for _ in range(2):
        sentence = search.sentence(search.load(name), search.status(name), search.trials(name))
        assert sentence.startswith("Best of 1 trial: val_accuracy 0.9000")
        if run in runs.names():
            trash.delete(run)


ONE_OF_TWO = """
import sys, time
from core import search
from tests.core.search import toys
from tests.core.toys import table
def slowly(run):
    time.sleep(0.1)
    toys.finish(run)
print(len(toys.work("ours", slowly)[1].started))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("unstarted")
def test_two_machines_make_the_trials_of_one_study_together(tmp_path, monkeypatch):
    asked = {"name": "ours", "storage": f"sqlite:///{tmp_path}/shared.db", "trials": 8}
    places = [str(tmp_path / place) for place in ("one", "two")]
    for place in places:
        monkeypatch.setenv("VITRINE_WORKSPACE", place)
        search.start(data.get("iris"), "mlp", QUICK, **asked)
    at_work = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO],
            cwd=processes.ROOT,
            env={**os.environ, "VITRINE_WORKSPACE": place},
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in places
    ]
    n_made = [int(process.communicate(timeout=WAIT)[0].split()[-1]) for process in at_work]
    assert sum(n_made) == 8
    rows = search.trials("ours")
    assert len(rows) == 8 and {row["state"] for row in rows} == {"done"}
    here = set(runs.names())
    assert len(here) == n_made[1] and here <= {row["run"] for row in rows}


def test_a_study_that_several_open_at_once_is_made_once():
    import concurrent.futures

    name = toys.record()
    search.path(name, "study.db").unlink()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: search.study(name).study_name, range(4)))
    assert found == [name] * 4


def test_a_search_finds_data_that_was_renamed():
    people = data.store.put(table("people", 60), {})
    asked = search.Search("any", "people", people.fingerprint[:12], "mlp", {})
    data.store.rename("people", "folk")
    assert search.dataset(asked).name == "folk"
