"""The course of the learning rate at places where it is known."""

import pytest

from core.config import TrainingConfig
from core.training import schedules


def settings(schedule, warmup=0.0):
    return TrainingConfig(schedule=schedule, warmup=warmup)


def test_one_cycle_rises_to_its_highest_and_falls_to_nearly_nothing():
    course = [schedules.rate(settings("one_cycle", 0.25), progress) for progress in (0, 0.25, 1)]
    assert course == pytest.approx([1 / 25, 1, 1 / 250_000])


def test_in_one_cycle_the_momentum_goes_the_other_way():
    course = [schedules.momentum(settings("one_cycle", 0.25), progress) for progress in (0, 0.25, 1)]
    assert course == pytest.approx([0.95, 0.85, 0.95])


def test_cosine_is_halfway_down_in_the_middle():
    course = [schedules.rate(settings("cosine"), progress) for progress in (0, 0.5, 1)]
    assert course == pytest.approx([1, 0.5, 0])


def test_warm_up_rises_to_the_highest_rate():
    for schedule in ("cosine", "step", "constant", "plateau"):
        course = [schedules.rate(settings(schedule, 0.1), progress) for progress in (0, 0.05, 0.1)]
        assert course[0] < course[1] < course[2] == 1


def test_step_divides_by_ten_after_a_half_and_after_three_quarters():
    course = [schedules.rate(settings("step"), progress) for progress in (0.49, 0.5, 0.75)]
    assert course == pytest.approx([1, 0.1, 0.01])


def test_a_plateau_lowers_the_rate_and_a_better_loss_does_not():
    falling, flat = [5.0, 4.0, 3.0, 2.0, 1.0], [1.0, *[2.0] * schedules.PATIENCE]
    assert schedules.rate(settings("plateau"), 0.5, falling) == 1
    assert schedules.rate(settings("plateau"), 0.5, flat) == schedules.DROP
    assert schedules.n_plateaus(flat + [2.0] * schedules.PATIENCE) == 2


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", "plateau", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.9])
def test_every_rate_is_a_share(schedule, warmup):
    course = [schedules.rate(settings(schedule, warmup), i / 100) for i in range(101)]
    assert min(course) >= 0 and max(course) <= 1
