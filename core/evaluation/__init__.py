"""Evaluation of a run: predictions of the best epoch on validation and test, and every figure drawn from them."""

from core import runs
from core.data import split
from core.evaluation import metrics


def evaluate(run: str) -> dict:
    """Predict validation and test samples with the best epoch, store predictions and figures, return the figures.

    {"format": 1, "epoch": best epoch, "pixels", "val": figures, "test": figures}; see `metrics.figures`.
    Images are evaluated from their original files where these are there ("pixels": "original"), else as they are
    stored ("stored"). If probabilities are corrected to the data's own class shares, "test" and "val" also hold
    "calibration_uncorrected", what it would be without.
    """
    from core import model as models
    from core.training import checkpoint

    model, dataset = models.load(run), runs.dataset(run)
    shift = model.prior_shift.numpy()
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)
    record = {"format": 1, "epoch": checkpoint.load(runs.path(run, "checkpoints", "best.pt"))["epoch"]}
    for part in ("val", "test"):
        where = positions[part]
        logits = models.predict_originals(model, dataset, where)
        record["pixels"] = "stored" if logits is None else "original"
        if logits is None:
            logits = models.predict(model, dataset.x[where])
        runs.write_predictions(run, part, dataset.ids[where], dataset.targets[where], logits)
        record[part] = metrics.figures(dataset.targets[where], metrics.softmax(logits), dataset.classes)
        if shift.any():
            y_prob = metrics.softmax(logits - shift)
            record[part]["calibration_uncorrected"] = metrics.calibration(dataset.targets[where], y_prob)
    runs.write_json(runs.path(run, "evaluation.json"), record)
    return record


def headline(record: dict) -> dict:
    """The few figures that a list of runs shows."""
    return {"test_accuracy": record["test"]["accuracy"], "test_n": record["test"]["n"]}


def sentence(figures: dict, thing: str) -> str:
    """What the figures say, in one or two plain sentences; `thing` is the word for a sample ("image", "row")."""
    from core import words

    n, n_right, accuracy = figures["n"], figures["n_right"], figures["accuracy"]
    if n < 30:
        start = f"Right on {n_right} of {words.count(n, f'test {thing}')}: too few to say how good it is."
    else:
        start = f"Right on {n_right:,} of {words.count(n, f'test {thing}')}: {words.interval(accuracy)}."
    most = max(figures["per_class"], key=lambda row: row["support"])
    if n_right <= most["support"]:
        return f"{start} No better than always answering {most['class']}."
    mistake = metrics.most_frequent_mistake(figures)
    if mistake is None:
        return f"{start} No mistake was seen."
    if mistake["count"] == 1:
        one = f"Its one mistake: {mistake['true']} taken for {mistake['predicted']}."
        return f"{start} {one if n - n_right == 1 else 'No mistake was made twice.'}"
    times = {2: "twice"}.get(mistake["count"], f"{mistake['count']} times")
    return f"{start} Most frequent mistake: {mistake['true']} taken for {mistake['predicted']}, {times}."
