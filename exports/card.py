"""The model card of a run: Markdown with front matter, as model hubs read it, from the run's facts alone."""

import json
import pathlib

from core import evaluation, nets, runs, words
from core.evaluation import other_data, points
from core.evaluation.operating import OperatingPoint
from core.workspace import command
from exports import answers, model_file

FEW = 30  # test samples of a class, below which its figures say little
SMALL = 100  # test samples in all, below which the figures say little
CLASSES = 30  # rows of the table of classes, at most: those with the fewest right first
SHOWN = {  # figures of the table, by name: title, form as in words.figure
    "accuracy": ("Accuracy", "percent"),
    "balanced_accuracy": ("Balanced accuracy", "percent"),
    "f1_macro": ("F1, macro", "percent"),
    "auroc_macro": ("AUROC, macro", "area"),
    "log_loss": ("Log loss", "number"),
    "brier": ("Brier score", "number"),
    "ece": ("Calibration error", "percent"),
}
FILL_IN = (
    "**To be filled in by whoever answers for this model.** What it is for, who uses it, and what it must not be used "
    "for is not known from the run; until somebody has written it here, the model has no intended use."
)


def write(run: str) -> pathlib.Path:
    """Write exports/README.md of `run`, where model hubs look for it, and return its path; see `text`."""
    target, made = runs.path(run, "exports", "README.md"), text(run)
    with runs.replacing(target) as beside:
        beside.write_text(made, encoding="utf-8")
    return target


def text(run: str) -> str:
    """The card as Markdown. What comes from data is escaped. LookupError if the run has not been evaluated."""
    from exports import parity

    record = runs.evaluation(run)
    if record is None:
        raise LookupError(f"Run {run} has no figures yet; wait until it is done, or evaluate it first.")
    proof = parity.stored(run)
    parts = [
        _front(run, record),
        f"# {run}\n\n{said(evaluation.sentence(record['test'], runs.schema(run).sample_word), 400)}",
        f"## Intended use\n\n{FILL_IN}",
        f"## Model\n\n{_model(run)}",
        f"## Data\n\n{_data(run, record)}",
        f"## Figures on test samples\n\n{_figures(record)}",
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits(run, record, proof)),
        f"## How to use it\n\n{_use(run)}",
    ]
    return "\n\n".join(parts) + "\n"


def said(value: str, length: int = 80) -> str:
    """Text that comes from data, short, on one line, so that Markdown shows it as it is."""
    return words.literal(words.cut(_printable(value), length))


def limits(run: str, record: dict, proof: dict | None) -> list[str]:
    """What speaks against trusting the model, a sentence each."""
    test, thing = record["test"], runs.schema(run).sample_word
    found = [
        f"The figures are of {words.count(test['n'], f'test {thing}')} from the same source as those it learnt from; "
        "of others they say nothing."
    ]
    if test["n"] < SMALL:
        found.append(f"The test is small: {words.count(test['n'], thing)}. The intervals are wide for that reason.")
    if few := [row for row in test["per_class"] if row["support"] < FEW]:
        listed = ", ".join(f"{said(row['class'], 40)} ({row['support']})" for row in few[:10])
        more = f" and {len(few) - 10} more" if len(few) > 10 else ""
        found.append(f"Fewer than {FEW} test samples, so that little is known of them: {listed}{more}.")
    known = [row for row in test["per_class"] if row["recall"]["value"] is not None]
    worst = min(known, key=lambda row: row["recall"]["value"], default=None)
    if worst and worst["recall"]["value"] < 1:
        share = words.interval(worst["recall"])
        found.append(f"It finds least of {said(worst['class'], 40)}: {share} of them.")
    if (error := test["metrics"]["ece"])["value"] is not None:
        found.append(
            f"How sure it says it is differs from how often it is right by {words.interval(error)} on average, "
            "before calibration."
        )
    for name in other_data.known(run):
        about = other_data.read(run, name)
        accuracy = about["figures"]["metrics"]["accuracy"]
        found.append(f"On the data set {said(other_data.title(run, name))} its accuracy is {words.interval(accuracy)}.")
        if about.get("twins", {}).get("n_twins"):
            found.append(said(about["twins"]["sentence"], 400))
        if unseen := other_data.unseen_sentence(about):
            found.append(said(unseen, 400))
    found.append(_certificate(proof))
    return found


def _certificate(proof: dict | None) -> str:
    if proof is None:
        return "That the exported file decides as the trained net has not been proved."
    return f"Certificate of the exported file: {said(proof['verdict'], 400)}"


def _front(run: str, record: dict) -> str:
    """The front matter. JSON is YAML, so that nothing in a name can break it."""
    schema, config, test = runs.schema(run), runs.config(run), record["test"]
    task = "image-classification" if schema.kind == "image" else "tabular-classification"
    metrics = [
        {"type": name, "name": f"{SHOWN[name][0]} (test)", "value": round(figure["value"], 6)}
        for name, figure in test["metrics"].items()
        if name in SHOWN and figure["value"] is not None
    ]
    dataset = {"name": config.data.name, "type": config.data.name}
    values = {
        "license": "other",  # of the model: that is for its owner to choose
        "library_name": "onnx",
        "pipeline_tag": task,
        "tags": ["vitrine", "onnx", schema.kind],
        "datasets": [config.data.name],
        "metrics": [metric["type"] for metric in metrics],
        "model-index": [{"name": run, "results": [{"task": {"type": task}, "dataset": dataset, "metrics": metrics}]}],
    }
    lines = [f"{name}: {_printable(json.dumps(value, ensure_ascii=False))}" for name, value in values.items()]
    return "\n".join(["---", *lines, "---"])


def _model(run: str) -> str:
    schema, config, status = runs.schema(run), runs.config(run), runs.status(run)
    takes = f"{len(schema.columns)} columns of a row"
    if schema.kind == "image":
        channels, height, width = schema.shape
        takes = f"{'grey' if channels == 1 else 'colour'} images, which it sees at {height} x {width} pixels"
    options = ", ".join(f"{name} {value}" for name, value in config.net.options.items())
    rows = [
        f"- Net: {said(nets.module(config.net.name).TITLE, 200)}, {status.get('n_parameters', 0):,} parameters",
        f"- Options: {said(options, 400)}" if options else "",
        f"- Takes {takes}; says one of {words.count(len(schema.classes), 'class')}",
        f"- Decides: {said(points.text(_point(run), schema.classes), 400)}",
        f"- Trained for {words.count(config.training.epochs, 'epoch')} with seed {config.training.seed}",
    ]
    return "\n".join(row for row in rows if row)


def _point(run: str) -> OperatingPoint | None:
    """The operating point of the exported file, if there is one, whatever is used on the pages by now."""
    path = runs.path(run, "exports", "model.onnx")
    return answers.point_of(model_file.read(path).facts) if path.exists() else points.used(run)


def _data(run: str, record: dict) -> str:
    rows = [
        f"- Data set: {said(runs.config(run).data.name)}",
        f"- {record['val']['n']:,} validation and {record['test']['n']:,} test samples",
        f"- Fingerprint of the content (SHA-256): `{runs.fingerprint(run)}`",
    ]
    try:
        dataset = runs.dataset(run)
    except (ValueError, LookupError, OSError):
        return "\n".join([*rows, "- The data itself is no longer in the workspace."])
    rows[1] = f"- {len(dataset):,} samples, of them {rows[1][2:]}"
    return "\n".join(
        [*rows, f"- Origin: {said(dataset.origin, 300)}", f"- Licence of the data: {said(dataset.licence, 300)}"]
    )


def _figures(record: dict) -> str:
    test = record["test"]
    lines = ["| Figure | Value (95% interval) |", "|---|---|"]
    for name, (title, form) in SHOWN.items():
        if test["metrics"][name]["value"] is not None:
            lines.append(f"| {title} | {words.figure(test['metrics'][name], form)} |")
    classes = test["per_class"]
    if len(classes) > CLASSES:
        classes = sorted(classes, key=lambda row: -1 if row["recall"]["value"] is None else row["recall"]["value"])
        classes = classes[:CLASSES]
    lines += ["", "| Class | Test samples | Found (recall) | Right when said (precision) |", "|---|---|---|---|"]
    for row in classes:
        shares = " | ".join(words.interval(row[name]) for name in ("recall", "precision"))
        lines.append(f"| {said(row['class'], 40)} | {row['support']:,} | {shares} |")
    if len(test["per_class"]) > CLASSES:
        lines += ["", f"The {CLASSES} classes of {len(test['per_class'])} of which it finds least."]
    return "\n".join(lines)


def _use(run: str) -> str:
    """Code that asks the exported file, with an input's own example."""
    path = runs.path(run, "exports", "model.onnx")
    if not path.exists():
        return f"Export it first: `{command('exports')} onnx {run}`"
    inputs = model_file.read(path).inputs
    if inputs[0].get("role") == "image":
        feeds = ["    # uint8, (n, channels, height, width), of any size", '    "image": pixels,']
    else:
        feeds = []
        for one in inputs:
            number = one["type"] == "float32"
            value, dtype = _literal(one["example"], number), "np.float32" if number else "object"
            feeds.append(f"    {_literal(one['name'])}: np.array([{value}], {dtype}),")
    code = [
        "import numpy as np",
        "import onnxruntime",
        "",
        'session = onnxruntime.InferenceSession("model.onnx")',
        'label, probabilities = session.run(["label", "probabilities"], {',
        *feeds,
        "})",
    ]
    return "\n".join(["```python", *code, "```"])


def _literal(value, number: bool = False) -> str:
    """A value as Python writes it; no fence of Markdown can be in it."""
    if value is None:
        return 'float("nan")' if number else '""'
    return repr(value).replace("`", "\\x60")


def _printable(value: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in value)
