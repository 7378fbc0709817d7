"""Progress: who listens hears of each report, and work within work counts as a piece of it."""

import dataclasses

import numpy as np
import pytest

from core import data, evaluation, progress, runs
from core.data import checks, profile
from core.evaluation import leaks, other_data


def heard(work) -> list[float]:
    shares = []
    with progress.listen(lambda done, total: shares.append(done / total)):
        work()
    return shares


def test_without_a_listener_a_report_does_nothing():
    progress.report(1, 2)


def test_a_listener_hears_of_reports_until_its_block_ends():
    assert heard(lambda: progress.report(1, 4)) == [0.25]
    progress.report(2, 4)


def test_reports_of_inner_work_are_within_the_piece_of_the_outer_one():
    def outer():
        for i in range(2):
            with progress.within(i, 2):
                progress.report(1, 2)
        progress.report(2, 2)

    assert heard(outer) == [0, 0.25, 0.5, 0.75, 1]


def test_a_listener_can_stop_the_work_and_leaves_nothing_behind():
    def stop(*_):
        raise progress.Stopped("Stopped.")

    with progress.listen(stop), pytest.raises(progress.Stopped), progress.within(0, 2):
        pass
    assert heard(lambda: progress.report(1, 4)) == [0.25]


@pytest.mark.parametrize(
    "work",
    [
        lambda run, _: evaluation.evaluate(run),
        lambda run, _: leaks.of_run(run),
        lambda run, digits: other_data.evaluate(run, dataclasses.replace(digits, name="others")),
        lambda _, digits: checks.run(digits, data.parts(digits, runs.config(runs.names()[0]).data)),
        lambda _, digits: profile.of_images(digits, np.full(len(digits), "train")),
        lambda _, digits: profile.mean_images(digits),
    ],
)
def test_what_takes_long_for_many_images_says_how_far_it_is_and_never_goes_back(work, finished):
    run = finished["digits"]
    given = runs.dataset(run)
    shares = heard(lambda: work(run, given))
    assert shares and shares == sorted(shares) and 0 <= shares[0] <= shares[-1] <= 1
