"""Whether the net knows anything: of nets that do, that guess, and that guess right by luck."""

import numpy as np
import pytest

from core.trust import skill

RNG = np.random.default_rng(0)
Y = np.arange(300) % 3


def logits(y_pred, sure=4.0):
    return sure * np.eye(3)[y_pred]


def test_a_net_that_is_always_right_has_all_the_skill():
    found = skill.measure(Y, logits(Y))
    assert (found["value"], found["recall"], found["n"]) == (1, 1, 300)
    assert found["guess"] == pytest.approx(1 / 3)
    assert found["certainty"] > 0.9
    assert skill.check(found)["passed"] is True


def test_a_net_that_always_says_the_same_has_none():
    found = skill.measure(Y, logits(np.zeros(300, int)))
    assert found["value"] == 0
    assert skill.check(found)["passed"] is False
    assert skill.check(found)["text"].startswith("No: on 300 samples it has not learnt from it finds 33% of a class")


def test_a_net_that_guesses_has_none():
    assert skill.check(skill.measure(Y, RNG.normal(size=(300, 3))))["passed"] is False


def test_a_net_that_ranks_a_rare_class_has_skill_though_it_never_says_it():
    y_true = np.r_[np.ones(30, int), np.zeros(970, int)]
    score = RNG.normal(size=1000) + 2 * y_true - 6
    found = skill.measure(y_true, np.stack([np.zeros(1000), score], axis=1))
    assert found["recall"] == pytest.approx(0.5, abs=0.02)
    assert skill.check(found)["passed"] is True


def test_a_net_that_is_too_sure_of_itself_is_not_thought_to_be_lucky():
    wrong = np.where(RNG.random(300) < 0.1, (Y + 1) % 3, Y)
    assert skill.check(skill.measure(Y, logits(wrong, sure=100.0)))["passed"] is True


def test_a_net_that_tells_two_classes_apart_by_luck_is_found_by_its_probabilities():
    y_true = np.arange(300) % 2
    score = 0.02 * (y_true - 0.3) + 0.001 * RNG.normal(size=300)  # ranks them, and says 50% of all
    checked = skill.check(skill.measure(y_true, np.stack([np.zeros(300), score], axis=1)))
    assert checked["passed"] is False and checked["text"].endswith("no surer than a guess, as if by luck.")


def test_where_one_class_alone_was_held_out_nothing_is_known():
    found = skill.measure(np.zeros(5, int), np.ones((5, 2)))
    assert found["value"] is None
    assert skill.check(found)["passed"] is None and skill.check(None)["passed"] is None
