"""Proof that an exported file decides as PyTorch does: both on every test sample, from the data as it was given."""

import hashlib
import json
import pathlib
import time

import numpy as np

from core import runs
from core.data import split
from core.data.dataset import Dataset
from core.evaluation import operating
from core.evaluation.metrics import softmax
from core.evaluation.operating import OperatingPoint
from exports import onnx as export

TOLERANCE = 1e-5  # largest allowed difference of any probability
BATCH_SIZES = (1, 7, None)  # None: all samples at once


def verify(run: str) -> dict:
    """Compare exports/model.onnx of `run` with PyTorch on the whole test split; store and return the record.

    Raises LookupError if there is no exported file yet. See `compare` for the record.
    """
    from core import model as models

    path = runs.path(run, "exports", "model.onnx")
    if not path.exists():
        raise LookupError(f"Run {run} has no exported file yet; export it first: python -m exports onnx {run}")
    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)["test"]
    record = compare(path, models.load(run), dataset, where)
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    return record


def stored(run: str) -> dict | None:
    """The record of the last comparison, if it is of the file that is there now; else None."""
    path, record = runs.path(run, "exports", "model.onnx"), runs.parity(run)
    if record is None or not path.exists():
        return None
    return record if record["model_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() else None


def compare(path: pathlib.Path, model, dataset: Dataset, where: np.ndarray, tolerance: float = TOLERANCE) -> dict:
    """Run the file `path` in onnxruntime and `model` in PyTorch on the samples at `where` of `dataset`.

    The record holds passed (bool), verdict (a sentence), n, tolerance, largest_difference of any probability and the
    sample where it is, decisions (those that differ: id, both classes, both probabilities), accuracy on both sides,
    and one row per batch size in checks. Nothing compared is a failure, and so is a NaN on either side.
    """
    import onnxruntime
    import torch

    started = time.perf_counter()
    content = path.read_bytes()
    record = {
        "format": 1,
        "n": len(where),
        "tolerance": tolerance,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "model_bytes": len(content),
        "versions": {"torch": str(torch.__version__), "onnxruntime": onnxruntime.__version__},
        "checks": [],
        "decisions": [],
        "largest_difference": None,
        "largest_at": None,
        "accuracy": {"pytorch": None, "onnx": None},
        "operating_point": None,
    }
    if len(where) == 0:
        return record | {"passed": False, "seconds": 0.0, "verdict": "Failed: no test sample was compared."}
    y_true, ids = dataset.targets[where], dataset.ids[where]
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        point = point_of(session)
        record["operating_point"] = point and point.to_dict()
        answers = _answers(session, model, dataset, where)
    except Exception as error:  # onnxruntime's many kinds: a damaged file, another input, a frozen batch
        problem = str(error).splitlines()[0]
        return record | {"passed": False, "seconds": 0.0, "verdict": f"Failed: onnxruntime cannot run it ({problem})."}
    named = json.loads(session.get_modelmeta().custom_metadata_map.get("vitrine.classes", "null"))
    if named is not None and named != list(dataset.classes):
        said = "Failed: the class names in the file are not those of the data, in its order."
        return record | {"passed": False, "seconds": 0.0, "verdict": said}

    decisions = {}
    largest, largest_at = -1.0, None
    names = [*dataset.classes, "nothing"]
    for input_, batch_size, expected, got, said in answers:
        difference = np.nan_to_num(np.abs(got - expected), nan=np.inf).max(axis=1)
        wanted = decide(expected, point)
        differ = said != wanted
        worst = int(difference.argmax())
        if difference[worst] > largest:
            largest, largest_at = float(difference[worst]), str(ids[worst])
        record["checks"].append(
            {
                "input": input_,
                "batch_size": batch_size,
                "n": len(got),
                "largest_difference": _plain(difference[worst]),
                "decisions_that_differ": int(differ.sum()),
                "accuracy": float((said == y_true).mean()),
            }
        )
        for i in np.flatnonzero(differ):
            decisions[int(i)] = {
                "id": str(ids[i]),
                "pytorch": names[wanted[i]],
                "onnx": names[said[i]],
                "probability_pytorch": _plain(expected[i].max()),
                "probability_onnx": _plain(got[i].max()),
            }
    record |= {
        "decisions": [decisions[i] for i in sorted(decisions)],
        "largest_difference": _plain(largest),
        "largest_at": largest_at,
        "accuracy": {
            "pytorch": float((decide(answers[0][2], point) == y_true).mean()),
            "onnx": min(check["accuracy"] for check in record["checks"]),
        },
        "passed": not decisions and largest <= tolerance,
        "seconds": time.perf_counter() - started,
    }
    return record | {"verdict": _verdict(record, dataset.schema.sample_word)}


def point_of(session) -> OperatingPoint | None:
    """The operating point by which a file decides; None if it gives probabilities alone."""
    values = json.loads(session.get_modelmeta().custom_metadata_map.get("vitrine.operating_point", "null"))
    return None if values is None else OperatingPoint.from_dict(values)


def decide(y_prob: np.ndarray, point: OperatingPoint | None) -> np.ndarray:
    """What is decided, int (n,), with the precision that the file has."""
    if not np.isfinite(y_prob).all():  # no proof, whatever is decided
        return y_prob.argmax(axis=1)
    return operating.decide(y_prob.astype(np.float32), point or OperatingPoint())


def _answers(session, model, dataset: Dataset, where: np.ndarray) -> list[tuple]:
    """(input, batch size, what PyTorch says, what the file says, what the file decides) of each comparison.

    Probabilities (n, n_classes); decisions int (n,), those of the file's own output if it has one.
    Images are compared from their original files, one by one and each at its own size, where these are there; and as
    they are stored, in batches. Rows are compared from the table as it was given.
    """
    from core import model as models

    answers = []
    expected = models.predict_originals(model, dataset, where)
    if expected is not None:
        got = [ask(session, {"image": image[None]}) for image in models.originals(dataset, where)]
        answers.append(("original", 1, softmax(expected), *map(np.concatenate, zip(*got))))
    expected, feeds = softmax(models.predict(model, dataset.x[where])), export.inputs(dataset, where)
    for batch_size in BATCH_SIZES:
        size = batch_size or len(where)
        answers.append(("stored", size, expected, *run_file(session, feeds, len(where), size)))
    return answers


def run_file(session, feeds: dict[str, np.ndarray], n: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, float32 (n, n_classes), and decisions (n,) that the file gives, asked in batches."""
    got = [
        ask(session, {name: values[i : i + batch_size] for name, values in feeds.items()})
        for i in range(0, n, batch_size)
    ]
    return tuple(map(np.concatenate, zip(*got)))


def ask(session, feeds: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and decisions of one batch; a file without an operating point says the most probable class."""
    if any(output.name == export.DECISION for output in session.get_outputs()):
        return tuple(session.run([export.OUTPUT, export.DECISION], feeds))
    (y_prob,) = session.run([export.OUTPUT], feeds)
    return y_prob, y_prob.argmax(axis=1)


def _verdict(record: dict, thing: str) -> str:
    n = f"{record['n']:,} test {thing}{'' if record['n'] == 1 else 's'}"
    largest = record["largest_difference"]
    apart = "not a number" if largest is None else f"{largest:.1e}"
    if record["passed"]:
        return (
            f"Passed: the file decides as the trained net on all {n}, and no probability differs by more than {apart}."
        )
    if record["decisions"]:
        return f"Failed: the file decides otherwise than the trained net on {len(record['decisions']):,} of {n}."
    allowed = f"{record['tolerance']:.0e}"
    return f"Failed: the decisions are the same on {n}, but a probability differs by {apart} (allowed: {allowed})."


def _plain(value) -> float | None:
    return float(value) if np.isfinite(value) else None
