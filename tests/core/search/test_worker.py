"""The process of a search, with runs that are over at once: what becomes of trials, whatever becomes of runs."""

import optuna
import pytest

from core import jobs, processes, runs, search, trash
from core.search import worker
from core.search.spare import Spare
from tests.core.search import toys


@pytest.fixture
def name() -> str:
    return toys.record(values=(), trials=3)


@pytest.fixture
def at_once(monkeypatch):
    """A run that does not listen, having no process, is ended without waiting for it."""
    stop = jobs.stop
    monkeypatch.setattr(jobs, "stop", lambda run: stop(run, timeout=0))


def begun(name: str, run: str | None, machine="here") -> int:
    """A trial that another process left at work; its number."""
    trial = search.study(name).ask({"lr": optuna.distributions.FloatDistribution(0.1, 0.2)})
    if run is not None:
        trial.set_user_attr("where", machine)
        trial.set_user_attr("run", run)
    return trial.number


def test_trials_are_made_until_there_are_enough(name):
    said, spare = toys.work(name)
    assert said == "3 trials made."
    rows = search.trials(name)
    assert [(row["state"], row["value"], row["run"]) for row in rows] == [("done", 0.5, run) for run in spare.started]
    for row in rows:
        status = runs.status(row["run"])
        assert (status["search"], status["trial"]) == (name, row["number"])
        assert runs.config(row["run"]).training.lr == row["params"]["lr"]


def test_a_run_knows_its_search_before_its_process_starts(name):
    seen = []
    toys.work(name, lambda run: seen.append(runs.status(run)["search"]) or toys.finish(run))
    assert seen == [name] * 3


def test_a_run_knows_its_search_before_its_trial_knows_it(name, monkeypatch):
    seen, note = [], optuna.trial.Trial.set_user_attr

    def look(trial, key, value):
        if key == "run":
            seen.append(runs.status(value).get("search"))
        note(trial, key, value)

    monkeypatch.setattr(optuna.trial.Trial, "set_user_attr", look)
    toys.work(name)
    assert seen == [name] * 3


def test_a_trial_that_fails_says_why_and_the_search_goes_on(name):
    said, _ = toys.work(name, lambda run: runs.write_status(run, state="failed", message="The loss is no number."))
    assert said == "3 trials made."
    assert [(row["state"], row["message"]) for row in search.trials(name)] == [("failed", "The loss is no number.")] * 3


def test_a_run_that_was_killed_is_a_failed_trial(name):
    toys.work(name, lambda run: runs.write_status(run, state="running", started=1.0))
    assert all(row["message"].startswith("Its process ended without a word") for row in search.trials(name))


def test_a_run_that_is_deleted_while_it_works_is_a_failed_trial(name):
    toys.work(name, trash.delete)
    rows = search.trials(name)
    assert [row["state"] for row in rows] == ["failed"] * 3 and "There is no run" in rows[0]["message"]


def test_a_run_with_a_damaged_folder_is_a_failed_trial(name):
    toys.work(name, lambda run: runs.path(run, "status.json").write_text("{"))
    assert "status.json" in search.trials(name)[0]["message"]


def test_an_objective_that_is_not_defined_is_a_failed_trial():
    name = toys.record(values=(), trials=1, objective="auroc_macro")
    toys.work(name)  # there is no evaluation
    assert search.trials(name)[0]["message"] == "auroc_macro is not defined on its validation samples."


def test_settings_that_do_not_fit_are_a_failed_trial(name, monkeypatch):
    def refuse(*_):
        raise ValueError("These two do not fit together.")

    monkeypatch.setattr(worker.spaces, "config_of", refuse)
    said, spare = toys.work(name)
    assert (said, spare.started) == ("3 trials made.", [])
    assert {row["message"] for row in search.trials(name)} == {"These two do not fit together."}


def test_data_that_is_deleted_ends_the_search_with_a_sentence(name, monkeypatch):
    def gone(*_):
        raise LookupError("There is no data set iris.")

    monkeypatch.setattr(jobs, "create", gone)
    assert worker.main(str(search.path(name))) == 1
    assert search.status(name)["message"] == "There is no data set iris."
    assert len(search.trials(name)) == 1


@pytest.mark.usefixtures("at_once")
def test_a_run_that_is_worse_than_half_of_the_others_is_ended_early():
    name = toys.record(values=(), trials=6, space={**toys.LR, "epochs": {"kind": "fixed", "value": 8}})
    ended = []

    def outcome(run):
        if len(search.trials(name)) < 6:
            toys.finish(run, 0.9, epochs=3)
        else:
            toys.finish(run, 0.1, epochs=3, state="queued")  # at work, and far behind
            ended.append(run)

    assert toys.work(name, outcome)[0] == "6 trials made."
    last = search.trials(name)[-1]
    assert (last["state"], last["run"]) == ("ended early", ended[0])
    assert jobs.state(ended[0]) == "stopped" and last["message"] == runs.status(ended[0])["message"]


@pytest.mark.usefixtures("at_once")
def test_a_stop_ends_the_run_at_work(name):
    def outcome(run):
        search.path(name, "stop").touch()
        runs.write_status(run, pid=1, pid_created=0.0)

    with pytest.raises(worker.Stopped):
        toys.work(name, outcome)
    (row,) = search.trials(name)
    assert (row["message"], jobs.state(row["run"])) == ("Stopped with the search.", "stopped")


def test_a_run_that_an_earlier_process_left_is_judged(name):
    run = toys.a_run()
    toys.finish(run, 0.8)
    begun(name, run)
    toys.work(name)
    rows = search.trials(name)
    assert (rows[0]["run"], rows[0]["value"], len(rows)) == (run, 0.8, 3)


def test_a_lost_run_of_an_earlier_process_is_resumed(name, monkeypatch):
    run = toys.a_run()
    runs.write_status(run, state="running")
    begun(name, run)
    monkeypatch.setattr(jobs, "resume", lambda run: toys.finish(run, 0.8))
    toys.work(name)
    assert search.trials(name)[0]["value"] == 0.8


def test_a_run_whose_process_was_never_started_is_resumed(name, monkeypatch):
    begun(name, toys.a_run())  # killed between making the run and starting it
    monkeypatch.setattr(processes, "START_SECONDS", 0.5)
    monkeypatch.setattr(jobs, "resume", lambda run: toys.finish(run, 0.8))
    toys.work(name)
    assert search.trials(name)[0]["value"] == 0.8


@pytest.mark.parametrize("run", [None, "2026-01-01-gone-owl"])
def test_a_trial_without_a_run_is_given_up(name, run):
    begun(name, run)
    said, spare = toys.work(name)
    assert (said, len(spare.started)) == ("3 trials made.", 2)
    assert search.trials(name)[0]["state"] == "failed"


def test_a_trial_of_another_machine_is_left_alone(tmp_path):
    shared = f"sqlite:///{tmp_path}/shared.db"
    name = toys.record(values=(), trials=3, storage=shared)
    begun(name, toys.a_run(), machine="there")
    said, spare = toys.work(name)
    assert (said, len(spare.started)) == ("3 trials made.", 2)
    assert [row["state"] for row in search.trials(name)] == ["running", "done", "done"]


def test_a_trial_that_another_machine_made_one_too_many_is_not_counted(tmp_path, monkeypatch):
    name = toys.record(values=(), trials=3, storage=f"sqlite:///{tmp_path}/shared.db")
    others, ask = [], optuna.Study.ask

    def late(study, kinds):
        """Just before the last trial, another machine begins it."""
        if len(worker.studies.counted(study)) == 2:
            others.append(ask(study, kinds).number)
        return ask(study, kinds)

    monkeypatch.setattr(optuna.Study, "ask", late)
    _, spare = toys.work(name)
    assert (others, len(spare.started)) == ([2], 2)
    assert [row["number"] for row in search.trials(name)] == [0, 1, 2]


def test_a_full_disk_is_a_sentence(name, monkeypatch):
    import sqlite3

    from sqlalchemy.exc import OperationalError

    def full(*_):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(optuna.Study, "ask", full)
    assert worker.main(str(search.path(name))) == 1
    assert search.status(name)["message"].endswith(
        "study.db cannot be written (database or disk is full); make room for it, then resume the search."
    )


def test_a_status_that_cannot_be_written_leaves_a_lost_search(name, monkeypatch):
    def full(*_args, **_changes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(search, "write_status", full)
    assert worker.main(str(search.path(name))) == 1


def test_without_a_waiting_process_a_run_starts_as_others_do(monkeypatch):
    started = []
    monkeypatch.setattr(jobs, "start_process", started.append)
    spare = Spare()
    spare.start("one")
    spare.process = DeadProcess()
    spare.start("two")
    spare.close()
    assert started == ["one", "two"]


class DeadProcess:
    def poll(self) -> int:
        return 1
