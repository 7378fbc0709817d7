"""Live predictions: the exported ONNX file answers in this process, without torch."""

import functools

import numpy as np

from core import runs
from core.data.dataset import Schema
from core.evaluation import points
from exports import onnx, parity, pipeline

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
    ask, step = _session(*_file(run)), max(1, AT_ONCE // max(1, x[0].size * (64 if schema.kind == "table" else 1)))
    try:
        answers = [
            ask.run([onnx.OUTPUT], feeds(schema, x[start : start + step]))[0] for start in range(0, len(x), step)
        ]
    except Exception as error:  # onnxruntime's many kinds
        problem = str(error).splitlines()[0]
        raise ValueError(f"The exported file of run {run} cannot answer ({problem}); export it again.") from error
    return np.concatenate(answers)


def decide(run: str, y_prob: np.ndarray) -> np.ndarray:
    """What is said by the operating point in use, int (n,): the index of a class, or -1 for nothing."""
    return parity.decide(y_prob, points.used(run))


def ready(run: str) -> bool:
    """Whether there is an exported file of the weights that the run has now, with the operating point in use."""
    target, weights = runs.path(run, "exports", "model.onnx"), runs.path(run, "checkpoints", "best.pt")
    try:
        if weights.exists() and weights.stat().st_mtime_ns > target.stat().st_mtime_ns:
            return False
        return parity.point_of(_session(*_file(run))) == points.used(run)
    except (OSError, LookupError, ValueError):
        return False


def make(run: str) -> str:
    """Export the run, if there is no file that is `ready`, and return the file's path. Takes torch, so for the engine.

    Where an older file was proved, the new one is proved too, so that there is a proof as before.
    """
    if not ready(run):
        if parity.stored(run) is None:
            onnx.export(run)
        else:
            pipeline.export_and_prove(run)
    return str(runs.path(run, "exports", "model.onnx"))


def feeds(schema: Schema, x: np.ndarray) -> dict[str, np.ndarray]:
    """Raw samples as the exported file takes them: codes of categories as their text, a missing one as ""."""
    if schema.kind == "image":
        return {"image": np.ascontiguousarray(x, schema.dtype)}
    found = {}
    for j, (name, column) in enumerate(zip(onnx.input_names(schema), schema.columns)):
        values = np.ascontiguousarray(x[:, j], np.float32)
        if column.type == "category":
            texts = np.array([*column.categories, ""], object)  # -1, a missing one, is the last
            values = texts[np.clip(values, -1, len(column.categories) - 1).astype(int)]
        found[name] = values
    return found


def _file(run: str) -> tuple[str, int, int]:
    """The exported file: path, time of its last change, bytes; LookupError if there is none."""
    path = runs.path(run, "exports", "model.onnx")
    try:
        facts = path.stat()
    except OSError:
        raise LookupError(
            f"Run {run} has no exported file yet; export it first: python -m exports onnx {run}"
        ) from None
    return str(path), facts.st_mtime_ns, facts.st_size


@functools.lru_cache(maxsize=4)
def _session(path: str, changed: int, n_bytes: int):  # noqa: ARG001 (another file has other ones)
    """The file in onnxruntime; ValueError if it is damaged."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the page's process mostly waits
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's many kinds
        problem = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read ({problem}); export the run again.") from error
