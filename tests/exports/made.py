"""Exported files and toys that the tests of exports and dashboard share."""

import functools
import shutil

import numpy as np
import onnx
import pandas as pd
import torch

from core import config, runs
from core.data.dataset import Column, Dataset
from core.evaluation import summary
from core.model import Model
from exports import pipeline
from tests.workspaces import once, workspace_of


@functools.cache
def export(folder, run: str) -> dict[str, bytes]:
    """What exports/ of `run` holds after export and proof, by file name; the workspace `folder` stays as it is."""
    copy = folder.with_name(f"exported-{run}")

    def build() -> None:
        shutil.copytree(folder / "runs" / run, copy / "runs" / run)
        shutil.copytree(folder / "data", copy / "data")
        with workspace_of(copy):
            pipeline.export_and_prove(run)

    once(copy, build)
    return {path.name: path.read_bytes() for path in (copy / "runs" / run / "exports").iterdir()}


def put(run: str, files: dict[str, bytes]) -> None:
    """Write what `export` gave into the run of this workspace."""
    for name, content in files.items():
        runs.path(run, "exports", name).write_bytes(content)


def change(run: str, **initializers) -> None:
    """Change arrays in exports/model.onnx of `run`: change(run, name_of_the_end_of_it=function of the old array)."""
    path = runs.path(run, "exports", "model.onnx")
    proto = onnx.load(path)
    for name, function in initializers.items():
        (found,) = [tensor for tensor in proto.graph.initializer if tensor.name.endswith(name.replace("__", "."))]
        before = onnx.numpy_helper.to_array(found)
        after = np.ascontiguousarray(function(before), dtype=before.dtype)
        found.CopyFrom(onnx.numpy_helper.from_array(after, found.name))
    onnx.save(proto, path)


def table(rows: list[dict], columns: tuple[Column, ...], targets=None, classes=("no", "yes")) -> Dataset:
    """A table made by hand; sample ids are row-0, row-1, and so on."""
    return Dataset(
        name="toy",
        kind="table",
        table=pd.DataFrame(rows, columns=[column.name for column in columns]),
        columns=columns,
        targets=np.zeros(len(rows), np.int64) if targets is None else np.array(targets),
        classes=classes,
        ids=np.array([f"row-{i}" for i in range(len(rows))]),
        origin="made by hand",
        licence="none",
    )


def linear(dataset: Dataset, weight, bias) -> Model:
    """A model without hidden layers on numbers that are not scaled: logits are features @ weight.T + bias."""
    model = Model(dataset.schema, config.NetConfig("mlp", {"layers": 0}))
    model.preprocess.mean.copy_(torch.where(model.preprocess.is_number, 0.0, -1.0))
    with torch.no_grad():
        model.net.body[0].weight.copy_(torch.tensor(weight))
        model.net.body[0].bias.copy_(torch.tensor(bias))
    return model.eval()


def finished_run(classes: tuple[str, ...], y_true, y_prob) -> str:
    """A finished run of iris on paper: settings, schema, history and figures, but no weights."""
    dataset = table([{"a": 0.0}] * len(y_true), (Column("a", "number"),), y_true, classes)
    asked = config.TrainConfig(config.DataConfig("iris"), config.NetConfig("mlp"), config.TrainingConfig(epochs=1))
    run = runs.create(asked, dataset.schema, "0" * 64)
    row = {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5, "lr": 0.1}
    runs.append_rows(runs.path(run, "history.jsonl"), [row | {"samples_per_second": 1.0, "seconds": 1.0}])
    figures = summary.figures(np.array(y_true), np.array(y_prob), classes)
    runs.write_json(
        runs.path(run, "evaluation.json"),
        {"format": 2, "epoch": 1, "temperature": 1.0, "val": figures, "test": figures},
    )
    runs.write_predictions(run, "test", dataset.ids, dataset.targets, np.log(np.array(y_prob)))
    facts = {
        "best_epoch": 1,
        "val_accuracy": 0.5,
        "test_accuracy": figures["metrics"]["accuracy"],
        "test_n": figures["n"],
    }
    runs.write_status(run, state="done", started=1.0, ended=3.0, n_parameters=6, **facts)
    return run
