"""The two sides of a comparison: what PyTorch says of samples, and what the exported file says."""

import json
from typing import Any

import numpy as np

from core import progress
from core.data.dataset import Schema
from core.evaluation import conformal, operating
from core.evaluation.metrics import softmax
from core.evaluation.operating import OperatingPoint
from exports import feeding
from exports.answers import Answers, point_of

FLOOR = 0.01  # of the size of an explanation: below it, rounding of the scores is as large


class Refused(RuntimeError):
    """onnxruntime cannot open the file or answer with it; the message is its own, in one line."""


class File:
    """An ONNX file's content in onnxruntime, on the processor; Refused if it cannot be opened.

    optimised : whether onnxruntime may change the graph;  threads : of one answer, None for its own choice
    """

    def __init__(self, content: bytes, optimised: bool = True, threads: int | None = None, provider: str = "CPU"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        level = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
        given = [(f"{provider}ExecutionProvider", {"use_tf32": 0} if provider == "CUDA" else {})]
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=given)
        except Exception as error:  # onnxruntime's many kinds
            raise _refused(error) from error
        self.outputs = [output.name for output in self.session.get_outputs()]
        stored = self.session.get_modelmeta().custom_metadata_map
        self.facts = {key[8:]: json.loads(text) for key, text in stored.items() if key.startswith("vitrine.")}

    @property
    def point(self) -> OperatingPoint | None:
        """The operating point that the file decides by, or None."""
        return point_of(self.facts)

    def ask(self, feeds: dict[str, np.ndarray], wanted: list[str] | None = None) -> dict[str, np.ndarray]:
        """The outputs for one batch; a file that does not decide says the most probable class."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        names = [name for name in self.outputs if wanted is None or name in wanted]
        try:
            said: dict[str, Any] = dict(zip(names, self.session.run(names, feeds, options)))
        except Exception as error:  # onnxruntime's many kinds
            raise _refused(error) from error
        if "decision" not in said:
            said["decision"] = said["probabilities"].argmax(axis=1)
        return said

    def ask_in_batches(self, feeds: dict[str, np.ndarray], size: int, wanted: list[str]) -> dict[str, np.ndarray]:
        """The outputs for any number of samples, asked `size` at a time."""
        n, pieces = len(next(iter(feeds.values()))), []
        for start in range(0, n, size):
            progress.report(start, n)
            pieces.append(self.ask({name: values[start : start + size] for name, values in feeds.items()}, wanted))
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


class PyTorch:
    """A model (core.model.Model), and what follows from its logits, computed without the exported graph.

    wanted : what the file is to say;  point : by which the file says that it decides
    """

    def __init__(self, model, wanted: Answers, point: OperatingPoint | None):
        self.model, self.wanted, self.point = model, wanted, point
        self.schema: Schema = model.schema

    def answers(self, logits: np.ndarray, embedding: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """All outputs but explanations, of logits (n, n_classes) and, if known, embeddings (n, n_features)."""
        scores = softmax(logits)
        decision = decide(scores, self.point)
        labels = np.array([*self.schema.classes, ""], object)
        found = {
            "logits": logits,
            "probabilities": softmax(logits / self.wanted.temperature),
            "decision": decision,
            "label": labels[decision],
            "abstain": decision < 0,
        }
        if self.wanted.quantiles is not None:
            found["set"] = conformal.sets(scores, self.wanted.quantiles)
        if embedding is not None:
            found["embedding"] = embedding
            if self.wanted.outlier is not None:
                found["outlier"] = self.wanted.outlier.share(embedding)
        return found

    def of(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs for raw samples as the model takes them."""
        from core import model as models

        return self.answers(models.predict(self.model, x))

    def of_inputs(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs for samples as the file takes them."""
        return self.of(feeding.x_of(self.schema, feeds))

    def explanations(self, x: np.ndarray, decision: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """As `core.explain` makes them, of the class that is decided or else the most probable: see "explanation"."""
        import torch

        from core.explain import gradcam, integrated_gradients

        method = gradcam if self.schema.kind == "image" else integrated_gradients
        target = np.where(decision < 0, logits.argmax(axis=1), decision)
        found: Any = None
        for k in np.unique(target):
            where = np.flatnonzero(target == k)
            values = method.explain(self.model, torch.from_numpy(np.array(x[where])), int(k)).values.numpy()
            values = values[:, 0] if self.schema.kind == "image" else values
            found = np.empty((len(x), *values.shape[1:]), np.float32) if found is None else found
            found[where] = values
        return found


def _refused(error: Exception) -> Refused:
    return Refused(" ".join(str(error).split())[:200] or type(error).__name__)


def decide(y_prob: np.ndarray, point: OperatingPoint | None) -> np.ndarray:
    """What is decided, int (n,), with the precision that the file has."""
    if not np.isfinite(y_prob).all():  # no proof, whatever is decided
        return y_prob.argmax(axis=1)
    return operating.decide(y_prob.astype(np.float32), point or OperatingPoint())


def apart(one: np.ndarray, other: np.ndarray, equal_nan: bool = False) -> np.ndarray:
    """Largest difference of each sample, float (n,); infinity where one is not a number, unless both are the same."""
    if one.shape != other.shape:
        return np.full(len(one), np.inf)
    one, other = (values.astype(np.float64).reshape(len(values), -1) for values in (one, other))
    with np.errstate(invalid="ignore"):
        found = np.abs(one - other)
    if equal_nan:
        found[(np.isnan(one) & np.isnan(other)) | (one == other)] = 0
    return np.nan_to_num(found, nan=np.inf, posinf=np.inf).max(axis=1, initial=0)


def apart_for_its_size(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """As `apart`, as a share of the largest value of the sample on the other side, or of FLOOR if that is smaller."""
    largest = np.abs(other.astype(np.float64)).reshape(len(other), -1).max(axis=1, initial=0)
    return apart(one, other) / np.maximum(FLOOR, np.nan_to_num(largest))
