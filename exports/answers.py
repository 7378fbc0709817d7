"""What the exported file says of a sample beside the net's scores, and all that this takes from the run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core import runs
from core.data import split
from core.data.dataset import Dataset
from core.evaluation import conformal, points
from core.evaluation.metrics import softmax
from core.evaluation.operating import OperatingPoint

if TYPE_CHECKING:
    from core.model import Model

COVERAGE = 0.9  # of the sets of classes
CENTRES = 64  # that stand for all training samples, where the file says how far a sample is from these
TRAIN, VAL = 400, 200  # samples from which these centres, and the usual distances to them, are found
LARGE = 2**15  # values of a sample from which half as many are taken


@dataclass(frozen=True)
class Outlier:
    """What says how far a sample is from the training data.

    centres : float32 (k, n_features), length 1;  usual : float32 (m,), ascending, distances of validation samples
    """

    centres: np.ndarray
    usual: np.ndarray

    def share(self, embedding: np.ndarray) -> np.ndarray:
        """For embeddings (n, n_features) the share of validation samples that are nearer, float32 (n,)."""
        return np.searchsorted(self.usual, _distance(embedding, self.centres), side="left") / len(self.usual)


@dataclass(frozen=True)
class Answers:
    """What the file says. What is None or False is not among its outputs.

    point : by which it decides; None for the most probable class
    temperature : what divides the logits, so that probabilities are as sure as they are right
    quantiles : float (n_classes,), see `core.evaluation.conformal`
    explanation : why, for the class that is decided;  embedding : what the last linear layer takes
    """

    point: OperatingPoint | None = None
    temperature: float = 1.0
    quantiles: np.ndarray | None = None
    outlier: Outlier | None = None
    explanation: bool = False
    embedding: bool = False

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs that are numbers, in order; "label" is made from "decision"."""
        there = ["set"] * (self.quantiles is not None) + ["outlier"] * (self.outlier is not None)
        there += ["explanation"] * self.explanation + ["embedding"] * self.embedding
        return ["logits", "probabilities", "decision", "abstain", *there]


def point_of(facts: dict) -> OperatingPoint | None:
    """The operating point by which a file decides; None for the most probable class."""
    values = facts.get("operating_point")
    return None if values is None else OperatingPoint.from_dict(values)


def of_run(run: str, model: "Model", explanation: bool = False, embedding: bool = False) -> Answers:
    """What the file of a run is to say; what its samples are needed for is left out where these are gone."""
    point = points.used(run)
    if point is not None:
        point.fits(len(runs.schema(run).classes))
    temperature = (runs.evaluation(run) or {}).get("temperature") or 1.0
    try:
        _, y_val, logits = runs.predictions(run, "val")
        quantiles = conformal.calibrate(softmax(logits), y_val, COVERAGE)
    except (runs.DamagedRun, ValueError):
        quantiles = None
    try:
        dataset = runs.dataset(run)
        outlier = fit_outlier(model, dataset, split.load(runs.path(run, "split.parquet"), dataset.ids))
    except (ValueError, OSError):
        outlier = None
    return Answers(point, float(temperature), quantiles, outlier, explanation, embedding)


def fit_outlier(model: "Model", dataset: Dataset, positions: dict[str, np.ndarray]) -> Outlier | None:
    """Centres of training samples and usual distances of validation samples; None for a net without a linear layer.

    The distance is 1 less the largest cosine with a centre, by what the last linear layer takes. Source of the idea:
    Sun et al. 2022, arXiv:2204.06507, with centres (k-means) in place of neighbours, so that no sample travels.
    """
    from sklearn.cluster import KMeans

    from core.evaluation import similar

    halved = 2 if dataset.x[0].size >= LARGE else 1
    parts = [split.thinned(positions[part], most // halved) for part, most in (("train", TRAIN), ("val", VAL))]
    if not all(map(len, parts)):
        return None
    embedding = similar.embed(model, dataset.x[np.concatenate(parts)])
    unit = _unit(embedding)
    train, val = unit[: len(parts[0])], unit[len(parts[0]) :]
    n_centres = min(CENTRES, len(np.unique(train, axis=0)))
    centres = _unit(KMeans(n_centres, n_init=1, random_state=0).fit(train).cluster_centers_)
    return Outlier(centres, np.sort(_distance(val, centres)))


def _distance(embedding: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return (1 - (_unit(embedding) @ centres.T).max(axis=1)).astype(np.float32)


def _unit(embedding: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    return (embedding / np.maximum(length, 1e-12)).astype(np.float32)
