"""Runs handed to MLflow: to its store in a folder, and to a real server where there is one."""

import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from core import runs
from exports import model_file, tracking

# MLflow's server does not agree with the newest pyarrow, so it has an environment of its own:
#     python -m venv .venv/mlflow && .venv/mlflow/bin/pip install mlflow
PROGRAM = pathlib.Path(sys.prefix, "mlflow", "Scripts" if os.name == "nt" else "bin", "mlflow")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a tracking server with a database and a place for files."""
    if not PROGRAM.exists():
        pytest.skip(
            f"no MLflow server at {PROGRAM}: python -m venv .venv/mlflow && .venv/mlflow/bin/pip install mlflow"
        )
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(PROGRAM), "server", "--port", str(port), "--workers", "1", "--artifacts-destination", "files"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'runs.db'}"]
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=_quiet(), start_new_session=True)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log.txt").read_text()
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _quiet() -> dict:
    return {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def check(run: str, uri: str) -> None:
    """That the store at `uri` holds one run with all that is known of `run`, and a model that answers as its file."""
    import mlflow
    import mlflow.onnx
    import onnxruntime

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name(runs.config(run).data.name)
    (there,) = client.search_runs([experiment.experiment_id])
    assert there.info.status == "FINISHED" and there.info.run_name == run
    assert there.data.params["training.epochs"] == str(runs.config(run).training.epochs)
    assert there.data.params["net.name"] == "mlp"
    wanted = runs.evaluation(run)["test"]["metrics"]["accuracy"]
    assert there.data.metrics["test_accuracy"] == wanted["value"]
    assert there.data.metrics["test_accuracy_low"] == wanted["low"]
    losses = client.get_metric_history(there.info.run_id, "val_loss")
    assert [(one.step, one.value) for one in losses] == [(row["epoch"], row["val_loss"]) for row in runs.history(run)]
    assert {file.path for file in client.list_artifacts(there.info.run_id)} >= {"figures.html"}

    mlflow.set_tracking_uri(uri)
    (model,) = mlflow.search_logged_models(experiment_ids=[experiment.experiment_id], output_format="list")
    told = mlflow.models.get_model_info(model.model_uri).signature
    own = model_file.read(runs.path(run, "exports", "model.onnx"))
    assert told.inputs.input_names() == [one["name"] for one in own.inputs]
    assert told.outputs.input_names() == list(own.outputs)
    session = onnxruntime.InferenceSession(mlflow.onnx.load_model(model.model_uri).SerializeToString())
    feeds = own.columns({one["column"]: [one["example"], None] for one in own.inputs})
    np.testing.assert_array_equal(session.run(["probabilities"], feeds)[0], own.ask(feeds)["probabilities"])


@pytest.mark.slow
def test_a_run_is_handed_to_a_real_server(exported, server):
    run = exported["breast_cancer"]
    address = tracking.log(run, server)
    assert address.startswith(f"{server}/#/experiments/")
    check(run, server)


def test_a_run_is_handed_to_a_folder_that_mlflow_reads(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    tracking.log(exported["breast_cancer"])
    check(exported["breast_cancer"], (tmp_path / "store").as_uri())


def test_the_figures_need_no_network_and_escape_names(exported):
    run = exported["digits"]
    text = tracking.figures(run, runs.evaluation(run))
    assert text.count("<h2>") == 5 and 'src="https://' not in text


def test_a_server_that_is_not_named_or_does_not_answer_is_told(exported, monkeypatch):
    run = exported["breast_cancer"]
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ValueError, match="set MLFLOW_TRACKING_URI"):
        tracking.log(run)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match=rf"No tracking server answers at http://127.0.0.1:{port} ") as refused:
        tracking.log(run, f"http://me:secret@127.0.0.1:{port}")
    assert "secret" not in str(refused.value)


def test_without_mlflow_one_sentence_says_what_to_install(exported, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(RuntimeError, match="pip install mlflow-skinny"):
        tracking.log(exported["breast_cancer"], tmp_path.as_uri())


def test_a_run_without_an_exported_file_is_not_handed_over(finished, tmp_path):
    with pytest.raises(LookupError, match="no exported file yet"):
        tracking.log(finished["digits"], tmp_path.as_uri())


def test_every_setting_has_its_name(exported):
    found = tracking.settings(exported["digits"])
    assert found["data.name"] == "digits" and found["training.lr"] == runs.config(exported["digits"]).training.lr
    assert not any(isinstance(value, dict) for value in found.values())
