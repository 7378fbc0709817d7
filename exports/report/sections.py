"""What the sections of a report say, each a dict for the template; a section that has nothing to say says why."""

from typing import Any

import numpy as np

from core import runs, words
from core.data import split
from core.evaluation import metrics, operating, points, slices
from core.evaluation.operating import OperatingPoint
from exports.folders import without_folders

SECTIONS = {  # name: (title, what it shows)
    "words": ("In plain words", "for a reader who knows no statistics"),
    "data": ("Data", "where it comes from, how much there is of what"),
    "training": ("Training", "net, settings and curves"),
    "evaluation": ("Evaluation", "every figure with its interval, and its curves"),
    "operating": ("How it decides", "the operating point in use, and what it comes to"),
    "slices": ("Where it fails more often", "parts of the data on which it is surely worse"),
    "explanations": ("Why it decides so", "those that were added to the report, with how far they can be trusted"),
    "certificate": ("Certificate", "whether the exported file decides as the trained net"),
}
PART_NAMES = {"train": "Training", "val": "Validation", "test": "Test"}
MOST_COLUMNS = 60
MOST_SLICES = 10
SHOWN = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "mcc",
    "auroc_macro",
    "average_precision_macro",
    "log_loss",
    "ece",
)


def of_data(run: str) -> dict:
    """{"origin", "licence", "parts": [(name, n)], "classes": [(name, n by part)], "columns", "left_out", "note"}."""
    config, schema = runs.config(run), runs.schema(run)
    found: dict[str, Any] = {
        "name": config.data.name,
        "origin": "",
        "licence": "",
        "parts": [],
        "classes": [],
        "left_out": [],
    }
    found |= {"fingerprint": runs.fingerprint(run), "note": "", "more_columns": 0}
    found["columns"] = [
        (column.name, column.type, f"{len(column.categories)} values" if column.categories else "", column.missing)
        for column in schema.columns[:MOST_COLUMNS]
    ]
    found["more_columns"] = max(0, len(schema.columns) - MOST_COLUMNS)
    try:
        dataset = runs.dataset(run)
        where = split.load(runs.path(run, "split.parquet"), dataset.ids)
    except (ValueError, LookupError, OSError):
        return found | {"note": "The data itself is no longer in the workspace, so its samples were not counted."}
    counts = {part: np.bincount(dataset.targets[where[part]], minlength=len(schema.classes)) for part in PART_NAMES}
    return found | {
        "origin": without_folders(dataset.origin),
        "licence": without_folders(dataset.licence),
        "parts": [(PART_NAMES[part], int(count.sum())) for part, count in counts.items()],
        "classes": [
            (name, *(int(count[k]) for count in counts.values())) for k, name in enumerate(dataset.schema.classes)
        ],
        "left_out": [(column.name, column.reason) for column in dataset.left_out][:MOST_COLUMNS],
    }


def of_metrics(test: dict) -> list[tuple[str, str, str]]:
    """(title, value with interval, what it says) of the metrics that a report shows."""
    return [
        (about.title, words.figure(test["metrics"][name], about.form), about.text)
        for name, about in metrics.METRICS.items()
        if name in SHOWN and test["metrics"].get(name, {}).get("value") is not None
    ]


def of_operating(run: str) -> dict:
    """How the run decides, and what that comes to on its test samples: {"text", "name", "outcome", "rows"}."""
    point, classes = points.used(run), runs.schema(run).classes
    _, y_true, logits = runs.predictions(run, "test")
    used = point or OperatingPoint()
    found = {"name": point.name if point else "", "text": points.text(point, classes), "rows": [], "outcome": []}
    if not len(y_true):
        return found
    outcome = operating.outcome(y_true.astype(int), operating.decide(metrics.softmax(logits), used), used, len(classes))
    told = [("Right, of those answered", words.interval(outcome["accuracy"]))]
    if used.abstain_below > 0:
        told.append(("Nothing said", words.interval(outcome["abstained"])))
    if outcome["cost"]["value"] is not None:
        told.append(("Mean cost", words.figure(outcome["cost"], "number")))
    rows = [
        (name, words.interval(row["precision"]), words.interval(row["recall"]), row["support"])
        for name, row in zip(classes, outcome["per_class"])
    ]
    return found | {"outcome": told, "rows": rows if point else []}  # without one they are as in the evaluation


def of_slices(run: str) -> dict:
    """The slices on which the run, deciding as it does, is surely worse: {"sentence", "rows", "names", "figures"}."""
    point = points.used(run)
    _, _, logits = runs.predictions(run, "test")
    empty = {"rows": [], "names": [], "figures": []}
    if not len(logits):
        return {"sentence": "There were no test samples to look for slices in.", **empty}
    try:
        said = operating.decide(metrics.softmax(logits), point or OperatingPoint())
        found = slices.of_run(run, "test", y_pred=said)
    except (ValueError, LookupError, OSError) as error:
        return {"sentence": f"Slices could not be looked for: {without_folders(str(error))}", **empty}
    top = found["slices"][:MOST_SLICES]
    return {
        "sentence": found["sentence"],
        "rows": [(one["text"], one["n"], words.interval(one["error"]), words.interval(one["rest"])) for one in top],
        "names": [one["text"] for one in top],
        "figures": [one["error"] for one in top],
    }


def of_certificate(record: dict | None, samples: bool) -> dict | None:
    """What the record of the proof says, without ids of samples unless these may travel; None without a record."""
    if record is None:
        return None
    margin, searched, explanation = (record.get(name) or {} for name in ("margin", "searched", "explanation"))
    told = []
    if margin.get("d") is not None and margin.get("beyond") is not None:
        told.append(
            f"The largest difference of a score seen anywhere is {margin['d']:.1e}; in {_most(margin['beyond'])} of "
            "the samples the two best classes are further apart than twice that, so no such difference could turn them."
        )
    if searched.get("tried"):
        told.append(
            f"{words.count(searched['tried'], 'input')} were searched for on which the two might disagree; decisions "
            f"that differ: {searched.get('decisions_that_differ', 0):,}."
        )
    if extreme := record.get("extreme"):
        failed = [row["name"] for row in extreme if not row.get("passed")]
        told.append(
            f"{words.count(len(extreme), 'kind')} of extreme input (all missing, infinite, unseen and the like) were "
            + (f"tried; not passed: {', '.join(failed)}." if failed else "tried, and all passed.")
        )
    if explanation.get("largest_difference") is not None:
        told.append(
            f"The explanations inside the file differ from PyTorch's by {explanation['largest_difference']:.1e} at "
            f"most, on {explanation.get('n', 0):,} samples."
        )
    if self_test := record.get("self_test"):
        told.append(f"Self-test inside the file: {self_test['sentence']}")
    return {
        "passed": record["passed"],
        "verdict": record["verdict"],
        "checks": [check | {"how": _how(check)} for check in record["checks"]],
        "told": told,
        "decisions": record.get("decisions", [])[:20] if samples else [],
        "sha256": record["model_sha256"],
        "metrics": [
            (metrics.METRICS[name].title, *(f"{pair[side]:.6f}" for side in ("pytorch", "onnx")))
            for name, pair in record.get("metrics", {}).items()
            if name in metrics.METRICS and None not in pair.values()
        ],
    }


def _most(share: float) -> str:
    """A share that is 100% only where it is all of them."""
    return "all" if share == 1 else f"{min(share, 0.9999):.2%}"


def _how(check: dict) -> str:
    """How the file was run in one comparison, in words."""
    parts = [{"original": "original files", "stored": "as stored"}.get(check["input"], check["input"])]
    if "optimised" in check:
        parts.append("" if check["optimised"] else "graph as written")
    if check.get("provider", "CPU") != "CPU":
        parts.append(f"on {check['provider']}")
    elif check.get("threads"):
        parts.append(words.count(check["threads"], "thread"))
    return ", ".join(filter(None, parts))
