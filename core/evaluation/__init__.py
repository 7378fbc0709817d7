"""Evaluation of a run: predictions of its best epoch on validation and test, and every figure drawn from them."""

import contextlib
import dataclasses
import time
from typing import Any

import numpy as np

from core import runs, words
from core.data import split
from core.data.dataset import Dataset, Schema, encode
from core.evaluation import calibration, metrics, summary
from core.workspace import command

FEW = 30  # samples, below which a share says too little


def evaluate(run: str) -> dict:
    """Predict validation and test samples with the best epoch, store predictions and figures, return the figures.

    Images are evaluated from their original files where these are there, else as they are stored. See `recorded`.
    """
    from core import model as models
    from core.training import checkpoint

    model, dataset = models.load(run), runs.dataset(run)
    shift = model.prior_shift.numpy()
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)
    facts = {"epoch": checkpoint.load(runs.path(run, "checkpoints", "best.pt"))["epoch"]}
    for part in ("val", "test"):
        where = positions[part]
        logits, facts["pixels"] = _answers(model, dataset, where)
        runs.write_predictions(run, part, dataset.ids[where], dataset.targets[where], logits)
    return recorded(run, facts, shift)


def recorded(run: str, facts: dict, shift: np.ndarray | None = None) -> dict:
    """Compute every figure of a run from its stored predictions, store the record and return it.

    {"format": 2, "epoch": best epoch, "pixels", "weights": see `runs.weights_stamp`, "temperature", "val": figures,
    "test": figures}; see `summary.figures`.
    pixels : "original" or "stored";  temperature : what divides the logits so that confidence is true, from validation
    shift : what was added to the logits to correct for other class shares in training; then the figures also hold
        "calibration_uncorrected", what it would be without
    """
    stored = {part: runs.predictions(run, part) for part in ("val", "test")}
    _, y_val, logits_val = stored["val"]
    temperature = calibration.fit_temperature(logits_val, y_val)
    record: dict[str, Any] = {"format": runs.EVALUATION, **facts, "weights": runs.weights_stamp(run)}
    record["temperature"] = temperature
    for part, (_, y_true, logits) in stored.items():
        record[part] = summary.figures(
            y_true, metrics.softmax(logits), runs.schema(run).classes, temperature=temperature
        )
        if shift is not None and shift.any():
            y_prob = metrics.softmax(logits - shift)
            record[part]["calibration_uncorrected"] = calibration.reliability(y_true, y_prob)
    runs.write_record(run, "evaluation.json", record)
    return record


def evaluate_on(run: str, other: Dataset) -> dict:
    """Evaluate a run on data that it never saw, core.data.Dataset, store the figures under its name and return them.

    {"format", "data", "fingerprint", "made", "weights", "pixels", "figures"}. ValueError if the data is of another
    kind than the run's.
    """
    from core import model as models

    asked = fitted(runs.schema(run), other)
    logits, pixels = _answers(models.load(run), asked, np.arange(len(asked)))
    runs.write_predictions(run, f"on-{other.name}", asked.ids, asked.targets, logits)
    temperature = (runs.evaluation(run) or {}).get("temperature", 1.0)
    record = {
        "format": runs.EVALUATION,
        "data": other.name,
        "fingerprint": other.fingerprint,
        "made": time.time(),
        "weights": runs.weights_stamp(run),
        "pixels": pixels,
        "figures": summary.figures(asked.targets, metrics.softmax(logits), asked.classes, temperature=temperature),
    }
    runs.write_record(run, f"predictions/on-{other.name}.json", record)
    return record


def others(run: str) -> list[str]:
    """The names of the data sets that a run, with the weights it has now, was evaluated on besides its own."""
    found = []
    for file in runs.path(run, "predictions").glob("on-*.json"):
        with contextlib.suppress(runs.DamagedRun):  # listed too; whoever asks for it is told
            if not runs.of_these_weights(run, runs.read_json(run, f"predictions/{file.name}", runs.EVALUATION)):
                continue
        found.append(file.stem.removeprefix("on-"))
    return sorted(found)


def on_other(run: str, name: str) -> dict:
    """The record of `evaluate_on`; LookupError if there is none."""
    if name not in others(run):
        ask = f"{command('core')} evaluate {run} --data {name}"
        raise LookupError(f"Run {run} was not evaluated on {name}; do so: {ask}")
    return runs.read_json(run, f"predictions/on-{name}.json", runs.EVALUATION)


def fitted(schema: Schema, other: Dataset) -> Dataset:
    """The data set `other` with the columns and classes of a run's schema; ValueError if it cannot have them."""
    if other.kind != schema.kind:
        kinds = {"image": "images", "table": "tables"}
        raise ValueError(f"The run is for {kinds[schema.kind]} but {other.name} has {kinds[other.kind]}.")
    if unknown := [name for name in other.classes if name not in schema.classes]:
        raise ValueError(
            f"{other.name} has classes that the run does not know ({', '.join(unknown[:5])}); "
            f"it knows {', '.join(schema.classes[:10])}."
        )
    if schema.kind == "image":
        channels = other.pictures.shape[1]
        if channels != schema.shape[0]:
            raise ValueError(f"{other.name} has {channels} channels; the run was trained on {schema.shape[0]}.")
    else:
        there = set(other.frame.columns)
        if missing := [column.name for column in schema.columns if column.name not in there]:
            raise ValueError(f"{other.name} has no column {', '.join(missing)}; the run needs each of its columns.")
    place = np.array([schema.classes.index(name) for name in other.classes])
    made = dataclasses.replace(
        other, classes=schema.classes, targets=place[other.targets].astype(np.int64), columns=schema.columns
    )
    if schema.kind == "table":
        encode(made.frame, made.columns)  # ValueError here if a number is text
    return made


def _answers(model, dataset, where: np.ndarray) -> tuple[np.ndarray, str]:
    """Logits of the samples at `where`, and whether from "original" files or "stored" images."""
    from core import model as models

    logits = models.predict_originals(model, dataset, where)
    if logits is not None:
        return logits, "original"
    return models.predict(model, dataset.x[where]), "stored"


def headline(record: dict) -> dict:
    """The few figures that a list of runs shows."""
    return {"test_accuracy": record["test"]["metrics"]["accuracy"], "test_n": record["test"]["n"]}


def sentence(figures: dict, thing: str) -> str:
    """What the figures say, in one or two plain sentences; `thing` is the word for a sample ("image", "row")."""
    n, n_right, accuracy = figures["n"], figures["n_right"], figures["metrics"]["accuracy"]
    if n < FEW:
        start = f"Right on {n_right} of {words.count(n, f'test {thing}')}: too few to say how good it is."
    else:
        start = f"Right on {n_right:,} of {words.count(n, f'test {thing}')}: {words.interval(accuracy)}."
    most = max(figures["per_class"], key=lambda row: row["support"])
    if n_right <= most["support"]:
        return f"{start} No better than always answering {words.named(most['class'])}."
    mistake = summary.most_frequent_mistake(figures)
    if mistake is None:
        return f"{start} No mistake was seen."
    what = f"{words.named(mistake['true'])} taken for {words.named(mistake['predicted'])}"
    if mistake["count"] == 1:
        one = f"Its one mistake: {what}."
        return f"{start} {one if n - n_right == 1 else 'No mistake was made twice.'}"
    times = {2: "twice"}.get(mistake["count"], f"{mistake['count']} times")
    return f"{start} Most frequent mistake: {what}, {times}."
