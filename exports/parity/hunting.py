"""Looking for inputs on which the exported file and PyTorch disagree: extreme ones, and ones that are searched for."""

import time
from typing import Any

import numpy as np

from core import progress
from core.data import split
from core.evaluation import metrics
from core.evaluation.metrics import softmax
from exports import feeding, golden
from exports.parity.sides import File, PyTorch, Refused, apart, decide

ASKED = ["logits", "probabilities", "decision"]
STARTS = 64  # of a search
ROUNDS = 12  # steps from each start
SECONDS = 20.0  # after which a search ends
STEP = 0.02  # of a step, as a share of the range of a pixel, or of four deviations of a number
LARGE = 2**13  # values of a sample from which there are fewer starts


def extreme(file: File, torch_side: PyTorch, tolerance: float) -> list[dict]:
    """Both sides on inputs that nobody expects, a row each.

    {"name", "passed", "largest_difference" of a probability, "largest_logit_difference", "text"}. The same answer on
    both sides passes, also where it is not a number; a file that cannot answer does not.
    """
    rows = []
    for name, given in golden.extreme(torch_side.schema).items():
        row: dict[str, Any] = {
            "name": name,
            "passed": False,
            "largest_difference": None,
            "largest_logit_difference": None,
        }
        try:
            got = file.ask(given, ASKED)
        except Refused as error:
            rows.append({**row, "text": f"No answer: {error}"})
            continue
        expected = torch_side.of_inputs(given)
        row |= {key: metrics.plain(apart(*pair, equal_nan=True).max()) for key, pair in _pairs(got, expected).items()}
        there = np.isfinite(expected["probabilities"]).all()
        differ = there and bool(_faults(got, expected, torch_side, tolerance).any())
        row["passed"] = row["largest_difference"] is not None and row["largest_difference"] <= tolerance and not differ
        said = "Both say the same." if there else "Both say that the answer is no number."
        otherwise = "They say different classes." if differ else "Probabilities differ."
        rows.append({**row, "text": said if row["passed"] else otherwise})
    return rows


def searched(file: File, torch_side: PyTorch, x: np.ndarray, tolerance: float, seed: int = 0) -> dict:
    """Try to make both sides disagree: from samples and noise, by the gradient, to where the decision turns.

    There the smallest difference would show. A decision that differs where twice the tolerance would turn it is a tie,
    and no fault. {"passed", "tried": inputs, "largest_difference" of a probability, "largest_logit_difference",
    "decisions_that_differ", "ties", "seconds"}
    """
    started, rng = time.perf_counter(), np.random.default_rng(seed)
    n_starts = 12 if x[0].size >= LARGE else STARTS
    begin = split.thinned(np.arange(len(x)), n_starts)
    points = _noisy(torch_side, np.array(x[begin]), rng)
    tried = differ = ties = 0
    largest = {"largest_difference": 0.0, "largest_logit_difference": 0.0}
    for i in range(ROUNDS):
        progress.report(i, ROUNDS)
        given = feeding.feeds(torch_side.schema, points)
        got = file.ask(given, ASKED)
        expected = torch_side.of_inputs(given)
        faults = _faults(got, expected, torch_side, tolerance)
        tried += len(points)
        differ += int(faults.sum())
        ties += int(((got["decision"] != expected["decision"]) & ~faults).sum())
        for key, pair in _pairs(got, expected).items():
            largest[key] = max(largest[key], float(apart(*pair).max()))
        if time.perf_counter() - started > SECONDS or i == ROUNDS - 1:
            break
        points = _stepped(torch_side, points, rng)
    return {
        "passed": differ == 0 and largest["largest_difference"] <= tolerance,
        "tried": tried,
        **{key: metrics.plain(value) for key, value in largest.items()},
        "decisions_that_differ": differ,
        "ties": ties,
        "seconds": time.perf_counter() - started,
    }


def _pairs(got: dict, expected: dict) -> dict[str, tuple]:
    """What is compared as numbers, by what its difference is called."""
    names = {"largest_difference": "probabilities", "largest_logit_difference": "logits"}
    return {key: (got[name], expected[name]) for key, name in names.items() if name in got}


def _faults(got: dict, expected: dict, torch_side: PyTorch, tolerance: float) -> np.ndarray:
    """Where the decision differs, and would still if the probabilities were nearer to it by twice the tolerance."""
    scores = softmax(expected["logits"])
    if not np.isfinite(scores).all():
        return got["decision"] != expected["decision"]
    each = np.arange(len(scores))
    for said, nudge in ((got["decision"], 2 * tolerance), (expected["decision"], -2 * tolerance)):
        there = said >= 0
        scores[each[there], said[there]] += nudge
        scores[each[~there], scores[~there].argmax(axis=1)] -= nudge
    return (got["decision"] != expected["decision"]) & (got["decision"] != decide(scores, torch_side.point))


def _gap(logits, point):
    """How far logits (n, n_classes) are from where the decision turns, (n,): to a threshold, or between two classes."""
    if point is not None and len(point.thresholds) == 1:
        return (logits.softmax(dim=1)[:, point.positive] - point.thresholds[0]).abs()
    two = logits.topk(min(2, logits.shape[1]), dim=1).values
    return two[:, 0] - two[:, -1]


def _noisy(torch_side: PyTorch, points: np.ndarray, rng) -> np.ndarray:
    """Half of the samples as they are, the other half with noise, or values of others in some columns."""
    half = len(points) // 2
    if torch_side.schema.kind == "table":
        mixed = np.stack([rng.permutation(column) for column in points.T], axis=1)
        return np.concatenate([points[:half], mixed[half:]])
    top = 255 if points.dtype == np.uint8 else 1
    noise = rng.uniform(0, top, points[half:].shape)
    return np.concatenate([points[:half], (0.5 * points[half:] + 0.5 * noise).astype(points.dtype)])


def _stepped(torch_side: PyTorch, points: np.ndarray, rng) -> np.ndarray:
    """A step of each point towards where the decision turns; categories are drawn anew."""
    import torch

    model = torch_side.model
    x = torch.from_numpy(points.astype(np.float32))
    missing = torch.isnan(x)
    with torch.enable_grad():
        x = torch.where(missing, 0.0, x).requires_grad_()
        gap = _gap(model(torch.where(missing, torch.nan, x) if missing.any() else x), torch_side.point).sum()
        slope = torch.autograd.grad(gap, x, allow_unused=True)[0] if gap.requires_grad else None
    direction = np.zeros_like(points, np.float32) if slope is None else np.sign(np.nan_to_num(slope.numpy()))
    size = STEP * rng.uniform(0, 2, (len(points),) + (1,) * (points.ndim - 1))
    if torch_side.schema.kind == "image":
        top = 255 if points.dtype == np.uint8 else 1
        moved = points - direction * size * top
        return (np.round(moved) if top == 255 else moved).clip(0, top).astype(points.dtype)
    deviation = np.nan_to_num(np.nanstd(points, axis=0))
    moved = points - direction * size * 4 * deviation
    for j, column in enumerate(torch_side.schema.columns):
        if column.type == "category":
            drawn = rng.integers(-1, len(column.categories), len(points))
            moved[:, j] = np.where(rng.random(len(points)) < 0.1, drawn, points[:, j])
    return moved.astype(np.float32)
