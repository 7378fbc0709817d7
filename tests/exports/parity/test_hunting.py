"""Inputs on which two sides disagree are found: extreme ones, and ones that nobody would think of."""

import numpy as np
import pytest
import torch

from core.data.dataset import Column
from exports import answers
from exports import onnx as export
from exports.parity import hunting, sides
from tests.exports import made

COLUMN = Column("a", "number")


def sided(weight: float, other=None):
    """A net that says "yes" with the logit weight * a, and the file of `other`, or of itself."""
    dataset = made.table([{"a": value} for value in np.linspace(-3, 3, 40)], (COLUMN,))
    model = made.linear(dataset, [[0.0], [weight]], [0.0, 0.0])
    content = export.convert(other or model).SerializeToString()
    return dataset, sides.File(content), sides.PyTorch(model, answers.Answers(), None)


class Late(torch.nn.Module):
    """Right up to 2.5, beyond all samples but a few."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(torch.where(x.abs() > 1e20, -x, x))


def test_two_that_are_equal_stay_so_and_ties_are_no_fault():
    dataset, file, torch_side = sided(1.0)
    found = hunting.searched(file, torch_side, dataset.x, 1e-5)
    assert found["passed"] and found["tried"] == 40 * hunting.ROUNDS and found["decisions_that_differ"] == 0
    assert all(row["passed"] for row in hunting.extreme(file, torch_side, 1e-5) if "infinity" not in row["name"])


def test_a_fault_that_only_extreme_numbers_show_is_found():
    dataset = made.table([{"a": 1.0}], (COLUMN,))
    wrong = made.linear(dataset, [[0.0], [1.0]], [0.0, 0.0])
    wrong.net.body = Late(wrong.net.body)
    _, file, torch_side = sided(1.0, wrong)
    rows = {row["name"]: row for row in hunting.extreme(file, torch_side, 1e-5)}
    assert rows["numbers: 0"]["passed"] and rows["numbers: missing"]["passed"]
    assert not rows["numbers: 1e30"]["passed"] and rows["numbers: 1e30"]["text"] == "They say different classes."


def test_a_small_shift_of_where_classes_meet_is_found_by_searching():
    dataset = made.table([{"a": 1.0}], (COLUMN,))
    wrong = made.linear(dataset, [[0.0], [1.0]], [0.0, 0.05])  # decides otherwise only where -0.05 < a < 0
    right, file, torch_side = sided(1.0, wrong)
    assert not ((right.x > -0.05) & (right.x < 0)).any()  # no sample is there
    found = hunting.searched(file, torch_side, right.x, 0.1)  # probabilities may differ by more than they do
    assert found["largest_difference"] < 0.1
    found = hunting.searched(file, torch_side, right.x, 1e-5)
    assert not found["passed"]


def test_a_file_that_cannot_answer_an_extreme_input_is_said_to():
    _, file, torch_side = sided(1.0)

    class Refuses:
        def ask(self, feeds, _wanted):
            if np.isinf(feeds["a"]).any():
                raise sides.Refused("no infinity here")
            return file.ask(feeds)

    rows = {row["name"]: row for row in hunting.extreme(Refuses(), torch_side, 1e-5)}
    assert rows["numbers: infinity"]["text"] == "No answer: no infinity here" and rows["numbers: 0"]["passed"]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_pictures_stay_pictures_while_they_are_searched(dtype):
    from core.config import NetConfig
    from core.data.dataset import Schema
    from core.model import Model

    schema = Schema("image", (1, 8, 8), ("a", "b"), dtype=dtype)
    torch.manual_seed(0)
    model = Model(schema, NetConfig("cnn")).eval()
    seen = []

    class Notes:
        def ask(self, feeds, _wanted):
            seen.append(feeds["image"])
            return torch_side.of_inputs(feeds)

    torch_side = sides.PyTorch(model, answers.Answers(), None)
    x = np.random.default_rng(0).integers(0, 255, (20, 1, 8, 8)).astype(dtype) / (1 if dtype == "uint8" else 255)
    found = hunting.searched(Notes(), torch_side, x.astype(dtype), 1e-5)
    assert found["passed"] and found["largest_difference"] == 0
    assert {values.dtype for values in seen} == {np.dtype(dtype)}
    assert min(values.min() for values in seen) >= 0 and max(values.max() for values in seen) <= (
        255 if dtype == "uint8" else 1
    )
    assert not np.array_equal(seen[0], seen[-1])
