"""Looking for inputs on which the exported file and PyTorch disagree: extreme ones, and ones that are searched for."""

import time

import numpy as np

from core import progress
from core.data import split
from core.evaluation.metrics import softmax
from exports import feeding, golden
from exports.sides import File, PyTorch, apart

STARTS = 64  # of a search
ROUNDS = 12  # steps from each start
SECONDS = 20.0  # after which a search ends
STEP = 0.02  # of a step, as a share of the range of a pixel, or of four deviations of a number
LARGE = 2**13  # values of a sample from which there are fewer starts


def extreme(file: File, torch_side: PyTorch, tolerance: float) -> list[dict]:
    """Both sides on inputs that nobody expects, a row each: {"name", "passed", "largest_difference", "text"}.

    The same answer on both sides passes, also where it is not a number; a file that cannot answer does not.
    """
    rows = []
    for name, given in golden.extreme(torch_side.schema).items():
        try:
            got = file.ask(given, ["logits", "probabilities", "decision"])
        except Exception as error:  # onnxruntime's many kinds
            problem = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            rows.append({"name": name, "passed": False, "largest_difference": None, "text": f"No answer: {problem}"})
            continue
        expected = torch_side.of_inputs(given)
        largest = float(apart(got["probabilities"], expected["probabilities"], equal_nan=True).max())
        there = np.isfinite(expected["probabilities"]).all()
        differ = there and bool((_clear(expected["probabilities"], tolerance) & _otherwise(got, expected)).any())
        passed = largest <= tolerance and not differ
        said = "Both say the same." if there else "Both say that the answer is no number."
        text = said if passed else "They say different classes." if differ else "Probabilities differ."
        rows.append(
            {"name": name, "passed": passed, "text": text, "largest_difference": largest if largest < np.inf else None}
        )
    return rows


def searched(file: File, torch_side: PyTorch, x: np.ndarray, tolerance: float, seed: int = 0) -> dict:
    """Try to make both sides disagree: from samples and noise, by the gradient, to where two classes are as likely.

    There the smallest difference would change the decision. A decision that differs where two probabilities are nearer
    than twice the tolerance is a tie, and no fault. {"passed", "tried": inputs, "largest_difference" of a probability,
    "largest_logit_difference", "decisions_that_differ", "ties", "seconds"}
    """
    started, rng = time.perf_counter(), np.random.default_rng(seed)
    n_starts = 12 if x[0].size >= LARGE else STARTS
    begin = split.thinned(np.arange(len(x)), n_starts)
    points = _noisy(torch_side, np.array(x[begin]), rng)
    found = {"tried": 0, "largest_difference": 0.0, "largest_logit_difference": 0.0, "differ": 0, "ties": 0}
    for i in range(ROUNDS):
        progress.report(i, ROUNDS)
        given = feeding.feeds(torch_side.schema, points)
        got = file.ask(given, ["logits", "probabilities", "decision"])
        expected = torch_side.of_inputs(given)
        otherwise, clear = _otherwise(got, expected), _clear(softmax(expected["logits"]), tolerance)
        found["tried"] += len(points)
        found["differ"] += int((otherwise & clear).sum())
        found["ties"] += int((otherwise & ~clear).sum())
        for key, name in (("largest_difference", "probabilities"), ("largest_logit_difference", "logits")):
            if name in got:
                found[key] = max(found[key], float(apart(got[name], expected[name]).max()))
        if time.perf_counter() - started > SECONDS or i == ROUNDS - 1:
            break
        points = _stepped(torch_side, points, rng)
    differ = found.pop("differ")
    passed = differ == 0 and found["largest_difference"] <= tolerance
    found = {name: value if np.isfinite(value) else None for name, value in found.items()}
    return {"passed": passed, **found, "decisions_that_differ": differ, "seconds": time.perf_counter() - started}


def _otherwise(got: dict, expected: dict) -> np.ndarray:
    return got["decision"] != expected["decision"]


def _clear(y_prob: np.ndarray, tolerance: float) -> np.ndarray:
    """Where the two largest probabilities are further apart than both sides may be, bool (n,)."""
    two = np.sort(y_prob, axis=1)[:, -2:]
    return two[:, -1] - two[:, 0] > 2 * tolerance if y_prob.shape[1] > 1 else np.ones(len(y_prob), bool)


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
    """A step of each point towards where its two most likely classes are as likely; categories are drawn anew."""
    import torch

    model = torch_side.model
    x = torch.from_numpy(points.astype(np.float32))
    missing = torch.isnan(x)
    with torch.enable_grad():
        x = torch.where(missing, 0.0, x).requires_grad_()
        two = model(torch.where(missing, torch.nan, x) if missing.any() else x).topk(
            min(2, len(model.schema.classes)), dim=1
        )
        gap = (two.values[:, 0] - two.values[:, -1]).sum()
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
