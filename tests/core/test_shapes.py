"""What a JSON object must be."""

import pytest

from core import shapes
from core.shapes import COUNT, LIST, NUMBER, OBJECT, TEXT, TRUTH, misfit

SHAPE = {
    "state": ("done", "failed"),
    "n": COUNT,
    "took": NUMBER,
    "name": TEXT,
    "star": TRUTH,
    "rest": OBJECT,
    "all": LIST,
    "counts": [COUNT],
    "accuracy": {"value": NUMBER},
}
GOOD = {
    "state": "done",
    "n": 0,
    "took": -1.5,
    "name": "",
    "star": False,
    "rest": {},
    "all": [1, "a"],
    "counts": [1, 2],
    "accuracy": {"value": 0.5, "more": None},
}


def test_what_fits_has_nothing_wrong_and_may_hold_more():
    assert misfit({**GOOD, "other": None}, SHAPE, tuple(SHAPE)) is None


def test_what_is_not_needed_may_be_missing():
    assert misfit({}, SHAPE) is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("state", "maybe", "has state as 'maybe' and not done or failed"),
        ("state", None, "has state as None and not done or failed"),
        ("n", -1, "has n as -1 and not a whole number"),
        ("n", 1.0, "has n as 1.0 and not a whole number"),
        ("n", True, "has n as True and not a whole number"),
        ("took", "x", "has took as 'x' and not a number"),
        ("took", float("nan"), "has took as nan and not a number"),
        ("took", float("inf"), "has took as inf and not a number"),
        ("name", 5, "has name as 5 and not text"),
        ("star", 1, "has star as 1 and not true or false"),
        ("rest", [], "has rest as [] and not an object"),
        ("all", {}, "has all as {} and not a list"),
        ("counts", 3, "has counts as 3 and not a list"),
        ("counts", [1, None], "has counts as None and not a whole number"),
        ("accuracy", 0.5, "has accuracy as 0.5 and not an object"),
        ("accuracy", {}, "has accuracy that lacks value"),
        ("accuracy", {"value": None}, "has accuracy that has value as None and not a number"),
    ],
)
def test_what_does_not_fit_is_named(name, value, said):
    assert misfit({**GOOD, name: value}, SHAPE) == said


def test_what_is_missing_is_named_first():
    assert misfit({"n": "x"}, SHAPE, ("state", "name")) == "lacks state, name"


def test_a_long_value_is_shortened():
    assert len(shapes.misfit({"n": "x" * 1000}, SHAPE)) < 100
