"""A run's process, run here in this process, on data small enough to be quick."""

import dataclasses
import json

import pytest

from core import config, data, jobs, processes, runs
from core.training import worker
from tests.core import toys


@pytest.fixture
def toy(workspace):  # noqa: ARG001 (it is put there)
    """The toy table in the place of the data set iris."""
    return data.store.put(toys.table())


def work(given, **settings):
    """Do a run here; returns its name and the exit code."""
    run = runs.create(
        config.suggest(given, **{"epochs": 3, "device": "cpu", "batch_size": 8, **settings}),
        given.schema,
        given.fingerprint,
    )
    return run, worker.main(str(runs.path(run)))


def test_a_run_ends_as_done_with_all_its_files(toy):
    run, code = work(toy, epochs=3)
    assert (code, jobs.state(run)) == (0, "done")
    files = "config.json status.json environment.json history.jsonl steps.jsonl split.parquet evaluation.json"
    checks = [*files.split(), "checkpoints/last.pt", "checkpoints/best.pt"]
    checks += ["predictions/val.parquet", "predictions/test.parquet"]
    assert [name for name in checks if not runs.path(run, name).exists()] == []
    assert list(runs.path(run, "tensorboard").glob("events*"))


def test_what_a_run_wrote_is_plain_json_without_nan(toy):
    run, _ = work(toy)

    def refuse(value):
        raise AssertionError(f"{value} is not JSON")

    for file in runs.path(run).glob("*.json*"):
        for text in [file.read_text()] if file.suffix == ".json" else file.read_text().splitlines():
            json.loads(text, parse_constant=refuse)


def test_history_has_a_row_per_epoch_with_the_documented_keys(toy):
    run, _ = work(toy, epochs=3)
    assert [set(row) for row in runs.history(run)] == [set(runs.HISTORY)] * 3
    assert [row["epoch"] for row in runs.history(run)] == [1, 2, 3]


def test_steps_go_up_and_the_last_is_the_last_of_the_run(toy):
    run, _ = work(toy, epochs=3)
    steps = [row["step"] for row in runs.steps(run)]
    assert steps == sorted(set(steps))
    assert steps[-1] == runs.status(run)["n_steps"] == runs.status(run)["step"]


def test_the_environment_names_the_data_the_device_and_the_versions(toy):
    run, _ = work(toy)
    environment = runs.read_json(run, "environment.json")
    assert (environment["fingerprint"], environment["device"]) == (toy.fingerprint, "cpu")
    assert {"torch", "numpy"} <= set(environment["versions"])


def test_a_run_where_there_is_no_git_is_done_all_the_same_and_names_no_commit(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    run, code = work(toy)
    assert (code, runs.read_json(run, "environment.json")["commit"]) == (0, None)


def test_the_status_of_a_done_run_has_its_headline(toy):
    run, _ = work(toy)
    status = runs.status(run)
    assert status["test_accuracy"] == runs.evaluation(run)["test"]["metrics"]["accuracy"]
    assert status["best_epoch"] == runs.evaluation(run)["epoch"]


def test_a_rate_that_makes_the_loss_nan_fails_with_the_sentence(toy):
    run, code = work(toy, optimizer="sgd", lr=100.0, schedule="constant", epochs=20)
    assert (code, jobs.state(run)) == (1, "failed")
    message = runs.status(run)["message"]
    assert message.startswith("The loss became ")
    assert message.endswith("is probably too high. Train again with a lower one, for example 10.")


def test_a_run_keeps_to_its_version_of_the_data_when_there_is_a_newer_one_under_another_name(toy):
    run = runs.create(config.suggest(toy, device="cpu", epochs=1), toy.schema, toy.fingerprint)
    data.store.put(dataclasses.replace(toys.table(), targets=1 - toys.table().targets))
    data.store.rename("iris", "flowers")
    assert worker.main(str(runs.path(run))) == 0
    assert runs.dataset(run).fingerprint == toy.fingerprint


def test_a_run_whose_data_was_deleted_fails_with_a_sentence(toy):
    run = runs.create(config.suggest(toy, device="cpu"), toy.schema, toy.fingerprint)
    data.store.delete("iris")
    assert worker.main(str(runs.path(run))) == 1
    assert runs.status(run)["message"] == (
        f"The version of the data set iris that run {run} was made with is no longer in the workspace; "
        "add the data again, or start a new run."
    )


def test_a_split_without_validation_samples_fails_with_a_sentence():
    run, code = work(data.store.put(toys.table(n=4)))
    assert (code, runs.status(run)["state"]) == (1, "failed")
    assert runs.status(run)["message"].startswith("The val part of the split is empty with 4 samples")


def test_a_run_that_was_stopped_before_its_turn_does_no_work(toy):
    run = runs.create(config.suggest(toy, device="cpu"), toy.schema, toy.fingerprint)
    runs.path(run, "stop").touch()
    assert worker.main(str(runs.path(run))) == 0
    assert (jobs.state(run), runs.history(run)) == ("stopped", [])


def test_the_device_is_free_again_after_a_run(toy):
    work(toy, epochs=1)
    assert work(toy, epochs=1)[1] == 0


def test_a_run_with_a_process_cannot_get_another(toy, monkeypatch):
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.2)
    run = runs.create(config.suggest(toy, device="cpu"), toy.schema, toy.fingerprint)
    with jobs.alive(run), pytest.raises(RuntimeError, match=f"Run {run} has a process already"):
        worker.main(str(runs.path(run)))
