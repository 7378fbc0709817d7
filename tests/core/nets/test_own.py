"""A person's own nn.Module, and what is said of one that does not work."""

import re

import numpy as np
import pytest

from core.config import NetConfig
from core.model import Model
from core.training import dry_run
from tests.core import toys

HERE = "tests.core.nets.mine"


def own(name, arguments="{}", schema=None, where=None) -> Model:
    return Model(
        schema or toys.table_schema(), NetConfig("own", {"where": where or f"{HERE}:{name}", "arguments": arguments})
    )


def test_it_is_told_the_shape_and_the_classes_where_it_asks_for_them():
    model = own("Pixels", schema=toys.image_schema(3, 4, 5, classes=("a", "b", "c")))
    assert (model.net.linear.in_features, model.net.linear.out_features) == (60, 3)


def test_a_table_has_as_many_features_as_preprocessed_values():
    flagged = toys.Column("a", "number", missing=True)
    assert own("rows", schema=toys.table_schema((flagged, *toys.CATEGORIES))).net[0].in_features == 4


def test_arguments_are_handed_over_and_win():
    assert own("rows", '{"width": 3}').net[0].out_features == 3
    assert own("rows", '{"num_classes": 5}').net[2].out_features == 5


@pytest.mark.parametrize(
    ("where", "arguments", "sentence"),
    [
        ("", "{}", "The net own needs a module; set where to package.module:name."),
        ("mine", "{}", "'mine' does not name a net; it must be package.module:name."),
        ("no.such:thing", "{}", "no.such cannot be imported (No module named 'no'); start Vitrine where"),
        (f"{HERE}:absent", "{}", f"{HERE} has no absent; name what is in the module."),
        (f"{HERE}:rows", "[1]", "The arguments '[1]' must be a JSON object, for example {\"width\": 64}."),
        (f"{HERE}:rows", "{width: 3}", "The arguments '{width: 3}' are no JSON"),
        (f"{HERE}:rows", '{"depth": 3}', f"{HERE}:rows could not be made: TypeError: rows() got an unexpected"),
        (f"{HERE}:NotMade", "{}", f"{HERE}:NotMade could not be made: OSError: the disk is gone"),
        (f"{HERE}:no_module", "{}", f"{HERE}:no_module made a Tensor; it must be a torch.nn.Module."),
        (f"{HERE}:no_parameters", "{}", f"{HERE}:no_parameters has no parameters to train."),
        (f"{HERE}:READY", "{}", f"{HERE}:READY is a net already made; name the class, or a function"),
        (f"{HERE}:NUMBER", "{}", f"{HERE}:NUMBER is a int; it must be a class or a function."),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(where, arguments, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Model(toys.table_schema(), NetConfig("own", {"where": where, "arguments": arguments}))


def test_the_dry_run_says_what_shape_came_and_what_it_must_be():
    with pytest.raises(
        ValueError, match=re.escape("returned (4, 3) for 4 samples; it must return logits of shape (4, 2)")
    ):
        dry_run.try_net(own("TooMany"), np.zeros((4, 2), np.float32), "own")
