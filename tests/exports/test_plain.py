"""How good a run is, in counts out of a hundred."""

import numpy as np
import pytest

from core.evaluation.operating import OperatingPoint
from exports import plain
from tests.exports import made


def of_two(y_true, scores) -> str:
    """A finished run of the classes no and yes, with these probabilities of yes."""
    scores = np.array(scores, float)
    return made.finished_run(("no", "yes"), y_true, np.column_stack([1 - scores, scores]))


@pytest.mark.parametrize(
    ("share", "text"), [(0, "none"), (1, "all"), (0.931, "about 93"), (0.997, "more than 99"), (0.001, "fewer than 1")]
)
def test_a_share_is_counted_out_of_a_hundred(share, text):
    assert plain.of_hundred(share) == text


def test_two_classes_are_told_by_what_is_found_and_what_is_called():
    # of 4 that are yes 3 are found; of 5 that are called yes 3 are
    run = of_two([1, 1, 1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.6, 0.6, 0.1, 0.1])
    lines = plain.lines(run, None, "row")
    assert lines[0].startswith("Of 100 rows like these, it gets about 38 wrong")
    assert lines[1] == "Of 100 that are yes, it finds about 75. Of 100 that it calls yes, about 60 are."
    assert lines[2] == "For comparison: somebody who always says no gets about 50 of 100 wrong."
    assert lines[3] == "It was tested on 8 rows only, so these numbers are rough."


def test_a_threshold_that_is_in_use_changes_what_is_told():
    run = of_two([1, 1, 0, 0], [0.9, 0.6, 0.4, 0.1])
    point = OperatingPoint(thresholds=(0.05,))
    assert "Of 100 that are yes, it finds all. Of 100 that it calls yes, about 50 are." in plain.lines(
        run, point, "row"
    )


def test_what_is_not_answered_is_told():
    run = of_two([1, 1, 0, 0], [0.95, 0.6, 0.4, 0.05])
    first = plain.lines(run, OperatingPoint(abstain_below=0.9), "row")[0]
    assert first.startswith(
        "Of 100 rows like these, it answers about 50 and says nothing on the others; of 100 answers"
    )


def test_many_classes_are_told_by_the_best_the_worst_and_the_mistake():
    y_prob = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3]]
    lines = plain.lines(made.finished_run(("a", "b", "c"), [0, 1, 1, 2], y_prob), None, "picture")
    assert "It knows b best (it finds 2 of 2) and c least (it finds 0 of 1)." in lines
    assert "Its only mistake: c is taken for b." in lines


@pytest.mark.parametrize(
    ("of_c", "sentence"),
    [
        ([[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]], "Its most frequent mistake: c is taken for b (2 times in 4)."),
        ([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], "One of its 2 mistakes: c is taken for a (none was made twice)."),
    ],
)
def test_a_mistake_is_called_frequent_if_it_came_twice(of_c, sentence):
    y_prob = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], *of_c]
    assert sentence in plain.lines(made.finished_run(("a", "b", "c"), [0, 1, 2, 2], y_prob), None, "picture")


def test_what_a_moved_threshold_comes_to_is_counted_at_each_step():
    found = plain.outcomes(of_two([1, 1, 0, 0], [0.9, 0.6, 0.6, 0.1]), None)
    at = found["sweep"]["threshold"].index(0.6)
    assert (found["sweep"]["recall"][at], found["sweep"]["precision"][at]) == (1.0, 0.6667)
    assert found["sweep"]["precision"][-1] is None  # nothing is called at 1
    level = found["silence"]["level"].index(0.9)
    assert (found["silence"]["answered"][level], found["silence"]["right"][level]) == (0.5, 1.0)


def test_many_classes_have_no_threshold_to_move():
    run = made.finished_run(("a", "b", "c"), [0, 1, 2], np.eye(3) * 0.7 + 0.1)
    assert plain.outcomes(run, None)["sweep"] is None
