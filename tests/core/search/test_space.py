"""What a search may choose, as a person writes it."""

import json

import pytest

from core import data, nets
from core.search import space
from core.search.space import Choice, Range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.001..0.002", Range(0.001, 0.002)),
        ("lr=1e-4..1e-1", Range(1e-4, 1e-1, log=True)),  # a thousand times: by its logarithm
        ("lr=0.001..0.002:log", Range(0.001, 0.002, log=True)),
        ("net.hidden=32..256", Range(32, 256)),
        ("net.hidden=32..256:log", Range(32, 256, log=True)),
        ("optimizer=adam,sgd", Choice(("adam", "sgd"))),
        ("net.batch_norm=true,false", Choice((True, False))),
        ("epochs=5", 5),
        (" lr = 0.1 , 0.2 ", Choice((0.1, 0.2))),
        ("split_by=a name", "a name"),
    ],
)
def test_a_setting_is_read(text, expected):
    (found,) = space.parse([text]).values()
    assert found == expected


def test_a_range_of_whole_numbers_stays_whole():
    assert Range(1, 3).whole and not Range(1.0, 3.0).whole


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lr", "is no setting to search"),
        ("lr=", "is no setting to search"),
        ("lr=a..b", "both ends must be numbers"),
        ("lr=0.2..0.1", "its first end must lie below its second"),
        ("lr=0..0.1:log", "it must begin above 0"),
        ("lr=0.1,0.2:log", "only a range"),
        ("lr=1,1.0", "names a value twice"),
        ("lr=0.1,0.1", "names a value twice"),
        ("lr=0.1..1e999", "its first end must lie below its second"),
    ],
)
def test_what_is_not_understood_is_said_in_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        space.parse([text])


def test_an_unknown_setting_names_those_that_there_are():
    with pytest.raises(ValueError, match=r"There is no setting speed; the settings are .*net\.hidden"):
        space.check(space.parse(["speed=1..2"]), "mlp")


def test_many_long_names_that_are_no_settings_fit_in_a_sentence():
    asked = {f"{i}" * 500: space.Range(1, 2) for i in range(9)}
    with pytest.raises(ValueError, match=r"There is no setting 0+… or 1+…; the settings are ") as error:
        space.check(asked, "mlp")
    assert len(error.value.args[0]) < 750


def test_options_of_each_net_that_may_be_chosen_are_known():
    space.check(space.parse(["net=mlp,residual_mlp", "net.taper=0.5,1.0"]), "")
    with pytest.raises(ValueError, match=r"There is no setting net\.taper"):
        space.check(space.parse(["net.taper=0.5,1.0"]), "cnn")


def test_nothing_to_search_is_refused():
    with pytest.raises(ValueError, match="Nothing is left to search"):
        space.check(space.parse(["epochs=5"]), "mlp")


def test_every_end_and_every_choice_occurs_in_a_corner():
    corners = list(space.corners(space.parse(["lr=0.1..0.2", "optimizer=adam,sgd,adamw", "epochs=5"])))
    assert all(values["epochs"] == 5 for values in corners)
    assert {values["lr"] for values in corners} == {0.1, 0.2}
    assert {values["optimizer"] for values in corners} == {"adam", "sgd", "adamw"}
    assert len(corners) == 4


def test_a_space_comes_back_from_json():
    given = space.parse(["lr=0.1..0.2", "optimizer=adam,sgd", "epochs=5", "net.hidden=8..16:log"])
    assert space.from_dict(space.to_dict(given)) == given


def test_values_become_a_config_with_the_options_of_the_net_that_was_chosen():
    iris = data.get("iris")
    made = space.config_of(iris, None, {"net": "residual_mlp", "net.taper": 0.5, "lr": 0.01, "epochs": 3})
    assert (made.net.name, made.training.lr, made.training.epochs) == ("residual_mlp", 0.01, 3)
    assert "taper" not in made.net.options  # which only the other net has


def test_optuna_gets_the_same_ranges():
    found = space.distributions(space.parse(["lr=1e-4..1e-1", "net.hidden=8..16", "optimizer=adam,sgd", "epochs=5"]))
    assert set(found) == {"lr", "net.hidden", "optimizer"}
    assert (found["lr"].low, found["lr"].high, found["lr"].log) == (1e-4, 1e-1, True)
    assert found["optimizer"].choices == ("adam", "sgd")


def test_a_setting_that_is_named_twice_is_refused():
    with pytest.raises(ValueError, match="lr is named twice; write all its values in one list"):
        space.parse(["lr=0.1,0.2", "lr=0.3..0.4"])


def test_values_of_several_kinds_stay_what_they_are():
    (found,) = space.parse(["x=auto,32,true,1,0.5,two words"]).values()
    assert found.values == ("auto", 32, True, 1, 0.5, "two words")
    assert space.from_dict(json.loads(json.dumps(space.to_dict({"x": found})))) == {"x": found}


@pytest.mark.parametrize("net", [net for net in nets.available() if net != "own"])
def test_what_is_usual_for_a_setting_lies_within_its_bounds(net):
    for name, field in space.choosable(net).items():
        for kind in ("table", "image"):
            (made,) = space.parse([f"{name}={space.usual(name, field, kind)}"]).values()
            low, high = field.metadata.get("low"), field.metadata.get("high")
            for value in getattr(made, "values", ()):
                assert field.metadata.get("choices") is None or value in field.metadata["choices"]
                assert low is None or value >= low, (name, made)
                assert high is None or value <= high, (name, made)
                assert isinstance(value, type(field.default)) or isinstance(field.default, float), (name, made)
