"""Live predictions: the exported ONNX file answers in this process, without torch."""

import functools

import numpy as np

from core import runs
from core.evaluation import points
from core.evaluation.metrics import softmax
from exports import answers, model_file, parity, pipeline
from exports import onnx as export
from exports.facts import FORMAT
from exports.feeding import feeds
from exports.parity import sides

AT_ONCE = 2**22  # values of samples that are predicted together, at most


def predict(run: str, x: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (n, n_classes), of raw samples: rows float32 (n, n_columns) or images (n, c, h, w).

    Raises LookupError if there is no exported file, ValueError if onnxruntime cannot run it or x has another shape.
    """
    schema = runs.schema(run)
    if x.shape[1:] != tuple(schema.shape) and (schema.kind == "table" or x.ndim != 4):
        raise ValueError(f"The samples have shape {x.shape[1:]}; the model of run {run} takes {tuple(schema.shape)}.")
    if not len(x):
        return np.zeros((0, len(schema.classes)), np.float32)
    file, step = _opened(*_file(run)), max(1, AT_ONCE // max(1, x[0].size * (64 if schema.kind == "table" else 1)))
    try:
        pieces = [x[start : start + step] for start in range(0, len(x), step)]
        logits = [file.ask(feeds(schema, piece), ["logits"])["logits"] for piece in pieces]
    except Exception as error:  # onnxruntime's many kinds
        problem = str(error).splitlines()[0]
        raise ValueError(f"The exported file of run {run} cannot answer ({problem}); export it again.") from error
    return softmax(np.concatenate(logits)).astype(np.float32)


def decide(run: str, y_prob: np.ndarray) -> np.ndarray:
    """What is said by the operating point in use, int (n,): the index of a class, or -1 for nothing."""
    return sides.decide(y_prob, points.used(run))


def ready(run: str) -> bool:
    """Whether there is an exported file of the weights that the run has now, with the operating point in use."""
    target, weights = runs.path(run, "exports", "model.onnx"), runs.path(run, "checkpoints", "best.pt")
    try:
        if weights.exists() and weights.stat().st_mtime_ns > target.stat().st_mtime_ns:
            return False
        file = _opened(*_file(run))
        return file.facts.get("format") == FORMAT and answers.point_of(file.facts) == points.used(run)
    except (OSError, LookupError, ValueError):
        return False


def make(run: str) -> str:
    """Export the run, if there is no file that is `ready`, and return the file's path. Takes torch, so for the engine.

    Where an older file was proved, the new one is proved too, so that there is a proof as before.
    """
    if not ready(run):
        proof = parity.stored(run)
        if proof is None:
            export.export(run)
        else:
            pipeline.export_and_prove(run, explanation=bool(proof.get("explanation")))
    return str(runs.path(run, "exports", "model.onnx"))


def _file(run: str) -> tuple[str, int, int]:
    """The exported file: path, time of its last change, bytes; LookupError if there is none."""
    path = runs.exported(run)
    facts = path.stat()
    return str(path), facts.st_mtime_ns, facts.st_size


@functools.lru_cache(maxsize=4)
def _opened(path: str, changed: int, n_bytes: int) -> model_file.ModelFile:  # noqa: ARG001 (another file has other ones)
    """The file in onnxruntime; ValueError if it is damaged."""
    return model_file.read(path)
