"""Evaluation of a run: predictions of its best epoch on validation and test, and every figure drawn from them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core import progress, runs, words
from core.data import split
from core.data.dataset import Dataset
from core.evaluation import calibration, metrics, summary

if TYPE_CHECKING:
    from core.model import Model

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
    for i, part in enumerate(("val", "test")):
        where = positions[part]
        with progress.within(i, 2):
            logits, facts["pixels"] = answers(model, dataset, where)
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


def answers(model: "Model", dataset: Dataset, where: np.ndarray) -> tuple[np.ndarray, str]:
    """Logits of the samples at `where`, and whether from "original" files or "stored" images."""
    from core import model as models

    logits = models.predict_originals(model, dataset, where)
    if logits is not None:
        return logits, "original"
    return models.predict(model, dataset.x[where]), "stored"


def headline(record: dict) -> dict:
    """The few figures that a list of runs shows."""
    return {"test_accuracy": record["test"]["metrics"]["accuracy"], "test_n": record["test"]["n"]}


def sentence(figures: dict, thing: str, in_test: bool = True) -> str:
    """What the figures say, in one or two plain sentences.

    thing : the word for a sample ("image", "row");  in_test : whether they are the test part of a run's own data
    """
    thing = f"test {thing}" if in_test else thing
    n, n_right, accuracy = figures["n"], figures["n_right"], figures["metrics"]["accuracy"]
    if n < FEW:
        start = f"Right on {n_right} of {words.count(n, thing)}: too few to say how good it is."
    else:
        start = f"Right on {n_right:,} of {words.count(n, thing)}: {words.interval(accuracy)}."
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
