"""Settings that describe themselves."""

import math
from dataclasses import dataclass

import pytest

from core.options import check, from_dict, option, parse


@dataclass(frozen=True)
class Oven:
    grams: int = option(500, "flour", 1, 2000)
    heat: float = option(0.5, "share of full heat", 0, 1)
    fan: bool = option(False, "blow")
    name: str = option("bread", "what it is")
    mode: str = option("top", "which coil", choices=("top", "bottom"))
    at_least: float = option(3.0, "only a lower bound", low=2)
    at_most: float = option(3.0, "only an upper bound", high=4)
    free: float = option(0.0, "no bounds")
    note: object = None  # not an option: never checked


def test_defaults_are_accepted():
    check(Oven())


@pytest.mark.parametrize("values", [{"grams": 1}, {"grams": 2000}, {"heat": 0}, {"heat": 1}, {"heat": 1.0}])
def test_bounds_are_inclusive_and_a_whole_number_is_a_number(values):
    check(Oven(**values))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"grams": 0}, "grams is 0; it must be from 1 to 2000."),
        ({"grams": 2001}, "grams is 2001; it must be from 1 to 2000."),
        ({"grams": 2.0}, "grams is 2.0; it must be a whole number."),
        ({"grams": "2"}, "grams is '2'; it must be a whole number."),
        ({"grams": True}, "grams is True; it must be a whole number."),
        ({"grams": None}, "grams is None; it must be a whole number."),
        ({"heat": 1.01}, "heat is 1.01; it must be from 0 to 1."),
        ({"heat": math.nan}, "heat is nan; it must be from 0 to 1."),
        ({"heat": math.inf}, "heat is inf; it must be from 0 to 1."),
        ({"heat": "hot"}, "heat is 'hot'; it must be a number."),
        ({"heat": False}, "heat is False; it must be a number."),
        ({"fan": 1}, "fan is 1; it must be true or false."),
        ({"name": 5}, "name is 5; it must be text."),
        ({"mode": "side"}, "mode is 'side'; it must be one of top, bottom."),
        ({"mode": ["top"]}, "mode is ['top']; it must be one of top, bottom."),
        ({"at_least": 1}, "at_least is 1; it must be at least 2."),
        ({"at_most": 5}, "at_most is 5; it must be at most 4."),
    ],
)
def test_a_wrong_value_is_refused_with_one_sentence(values, sentence):
    with pytest.raises(ValueError) as error:
        check(Oven(**values))
    assert str(error.value) == sentence


def test_infinity_is_refused_where_there_are_no_bounds():
    with pytest.raises(ValueError, match="free is inf; it must be"):
        check(Oven(free=math.inf))


def test_a_field_that_is_no_option_is_not_checked():
    check(Oven(note=object()))


def test_from_dict_takes_the_named_values_and_defaults_for_the_rest():
    assert from_dict(Oven, {"grams": 7}) == Oven(grams=7)


def test_from_dict_names_the_settings_there_are():
    with pytest.raises(ValueError, match="There is no setting 'gramms' here; the settings are grams, heat, fan"):
        from_dict(Oven, {"gramms": 7})


def test_from_dict_checks_the_values():
    with pytest.raises(ValueError, match="grams is 0"):
        from_dict(Oven, {"grams": 0})


def test_a_text_that_holds_json_may_be_given_as_what_it_says():
    from core.nets import own

    parsed = parse(["where=a:b", 'arguments={"width": 32}'])
    assert from_dict(own.Options, parsed) == own.Options("a:b", '{"width": 32}')
