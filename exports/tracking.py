"""A finished run handed to an MLflow tracking server: settings, figures of every epoch, test figures, and the model."""

import contextlib
import dataclasses
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from core import evaluation, progress, runs, words
from exports import parity, report
from exports.folders import without_folders

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    from exports.model_file import ModelFile

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"  # no network
INSTALL = "pip install mlflow-skinny"
AT_ONCE = 1000  # metrics of one request: MLflow takes no more
PARAMS_AT_ONCE = 100
LONGEST = 500  # letters of a setting's value that every server takes
PATIENCE = 5  # seconds for a server to say that it is there
SETTINGS = {  # of MLflow while it works for us
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def log(run: str, uri: str | None = None) -> str:
    """Hand a run to the tracking server at `uri`, or MLFLOW_TRACKING_URI, and return where it is to be seen there.

    Its experiment has the name of the data set, or MLFLOW_EXPERIMENT_NAME. Raises LookupError if the run has no figures
    or no exported file, ValueError with a sentence if there is no server or it refuses, RuntimeError without MLflow.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise ValueError("No tracking server is named; set MLFLOW_TRACKING_URI, for example to http://127.0.0.1:5000.")
    record = runs.evaluation(run)
    if record is None:
        raise LookupError(f"Run {run} has no figures yet; wait until it is done, or evaluate it first.")
    runs.exported(run)
    _there(uri)
    with _settings():
        try:
            import mlflow
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise RuntimeError(f"MLflow is not installed ({error}); install it: {INSTALL}") from None
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(uri)
        try:
            return _logged(mlflow.MlflowClient(uri), run, record, uri)
        except MlflowException as error:
            problem = str(error).splitlines()[0][:300].rstrip(".")
            raise ValueError(f"The tracking server at {_shown(uri)} does not take the run ({problem}).") from error
        finally:
            mlflow.set_tracking_uri(before)


def _logged(client, run: str, record: dict, uri: str) -> str:
    config, status = runs.config(run), runs.status(run)
    progress.report(0, 4)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or config.data.name
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    start, end = (int(1000 * status.get(when, time.time())) for when in ("started", "ended"))
    end = max(start, end)  # the clock may have been set back between
    sentence = evaluation.sentence(record["test"], runs.schema(run).sample_word)
    tags = {
        "vitrine.run": run,
        "vitrine.data_fingerprint": runs.fingerprint(run),
        "vitrine.certificate": (parity.stored(run) or {}).get("verdict", "none"),
        "mlflow.note.content": words.markdown(sentence),
        "mlflow.source.name": "Vitrine",
    }
    there = client.create_run(experiment, start_time=start, tags=tags, run_name=run).info.run_id
    try:
        _log_numbers(client, there, run, record, start)
        progress.report(1, 4)
        client.log_text(there, figures(run, record), "figures.html")
        held = report.holds(run)
        if held is not None and not held["samples"] and report.is_current(run):  # single samples stay where they are
            client.log_artifact(there, str(runs.path(run, "exports", "report.html")))
        progress.report(2, 4)
        _log_model(there, run)
        progress.report(3, 4)
    except BaseException:
        with contextlib.suppress(Exception):
            client.set_terminated(there, "FAILED")
        raise
    client.set_terminated(there, "FINISHED", end_time=end)
    progress.report(4, 4)
    return f"{_shown(uri).rstrip('/')}/#/experiments/{experiment}/runs/{there}" if uri.startswith("http") else there


def _log_numbers(client, there: str, run: str, record: dict, start: int) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(name, without_folders(str(value))[:LONGEST]) for name, value in settings(run).items()]
    metrics, moment = [], float(start)
    for row in runs.history(run):
        moment += 1000 * row.get("seconds", 0)
        numbers = {name: value for name, value in row.items() if name != "epoch" and isinstance(value, (int, float))}
        metrics += [Metric(name, value, int(moment), row["epoch"]) for name, value in numbers.items()]
    for name, value in tested(record).items():
        metrics.append(Metric(name, value, int(moment), record["epoch"]))
    for at in range(0, len(params), PARAMS_AT_ONCE):
        client.log_batch(there, params=params[at : at + PARAMS_AT_ONCE])
    for at in range(0, len(metrics), AT_ONCE):
        client.log_batch(there, metrics=metrics[at : at + AT_ONCE])


def settings(run: str) -> dict:
    """Every setting of a run by its name, such as training.lr or net.options.hidden."""
    found = {}

    def add(prefix: str, values: dict) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                add(f"{prefix}{name}.", value)
            else:
                found[f"{prefix}{name}"] = value

    add("", {name: value for name, value in dataclasses.asdict(runs.config(run)).items() if name != "format"})
    return found


def tested(record: dict) -> dict[str, float]:
    """Test figures and the ends of their intervals, those that are defined."""
    found = {}
    for name, figure in record["test"]["metrics"].items():
        for end, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
            if figure.get(end) is not None:
                found[f"test_{name}{suffix}"] = float(figure[end])
    return found | {"test_n": float(record["test"]["n"]), "temperature": float(record["temperature"])}


def figures(run: str, record: dict) -> str:
    """One HTML page with the run's interactive figures, which needs no network."""
    import html

    from exports import charts
    from exports.charts import confusion as confusion_charts
    from exports.charts import curves as curve_charts

    test, rows = record["test"], runs.history(run)
    classes = test["classes"]
    areas = {name: curve_charts.areas(test, name) for name in ("auroc", "average_precision")}
    drawn = {
        "Loss": charts.learning_curve(rows, "loss", record["epoch"]),
        "Accuracy": charts.learning_curve(rows, "accuracy", record["epoch"]),
        "Confusion matrix": confusion_charts.confusion_matrix(test["confusion"], classes),
        "ROC": curve_charts.roc(test["roc"], areas["auroc"], classes),
        "Precision and recall": curve_charts.precision_recall(
            test["precision_recall"], areas["average_precision"], classes
        ),
    }
    parts = [
        f"<h2>{name}</h2>{figure.to_html(full_html=False, include_plotlyjs=i == 0)}"
        for i, (name, figure) in enumerate(drawn.items())
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{html.escape(run)}</title>'
        f"{''.join(parts)}</html>"
    )


def signature(model: "ModelFile") -> "ModelSignature":
    """What a file (exports.model_file.ModelFile) takes and gives, as mlflow.models.ModelSignature.

    A table's columns are tensors by name, as MLflow hands a data frame's text on to onnxruntime only then.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from exports.serving import tensors

    def ends(described: list[dict]):
        found = []
        for one in described:
            shape = [side if isinstance(side, int) else -1 for side in one["shape"]]
            found.append(TensorSpec(np.dtype("str" if one["type"] == "string" else one["type"]), shape, one["name"]))
        return Schema(found)

    inputs, outputs = tensors.described(model.session)
    return ModelSignature(ends(inputs), ends(outputs))


def _log_model(there: str, run: str) -> None:
    import importlib.metadata

    import mlflow.onnx
    import onnx

    from exports import model_file

    path = runs.path(run, "exports", "model.onnx")
    model = model_file.read(path)
    needs = [f"{name}=={importlib.metadata.version(name)}" for name in ("onnx", "onnxruntime", "numpy")]
    with mlflow.start_run(run_id=there):
        mlflow.onnx.log_model(
            onnx.load(path),
            name="model",
            signature=signature(model),
            pip_requirements=needs,
            save_as_external_data=False,
            metadata={"vitrine.run": run, "classes": list(model.classes)},
        )


def _there(uri: str) -> None:
    """ValueError with a sentence if a server does not answer: MLflow itself would go on asking for minutes."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{_shown(uri).rstrip('/')}/health", timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return  # it answers, be it that it wants to know who asks
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        said = f"No tracking server answers at {_shown(uri)} ({reason}); start one, or name another one."
        raise ValueError(said) from None


def _shown(uri: str) -> str:
    """The address without a name and password in it."""
    head, at, tail = uri.rpartition("@")
    return f"{head.partition('://')[0]}://{tail}" if at else uri


@contextlib.contextmanager
def _settings():
    """MLflow's own settings while we use it, where the person has made none."""
    ours = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
