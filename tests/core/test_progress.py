"""Progress: who listens hears of each report, and work within work counts as a piece of it."""

import pytest

from core import progress


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
